"""SQL of the security slice, one module per noun: ``from csms.domain.security.store import certificates``."""
