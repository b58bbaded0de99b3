"""Flows of the users slice: what waits for hashes, messages or more than one transaction."""
