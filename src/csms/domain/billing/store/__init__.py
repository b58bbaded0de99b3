"""SQL of the billing slice, one module per noun."""
