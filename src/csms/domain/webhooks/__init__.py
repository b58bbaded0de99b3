"""Events sent out, signed, to URLs that tenants give."""
