"""SQL of the wallets slice."""
