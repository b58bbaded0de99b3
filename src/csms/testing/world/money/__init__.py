"""The simulated world with money: people who pay, gateways that fail, an operator at the till, and what must hold afterwards."""
