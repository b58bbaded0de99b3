"""Wallets: the ledger in double entry, what drivers have in it, what is held of that, and what plans include."""
