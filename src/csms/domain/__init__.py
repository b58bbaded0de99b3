"""What csms is about: one folder per capability, each with the same file names, importing one another downwards only."""
