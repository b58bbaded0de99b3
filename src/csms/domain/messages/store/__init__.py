"""SQL of the messages slice, one module per noun."""
