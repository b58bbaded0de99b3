"""Plans: what drivers subscribe to, and the allowances that go with it."""
