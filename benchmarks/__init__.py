"""Benchmarks: the server under load, the floors beneath it, and a peer beside it, in one run. asyncio is allowed here."""
