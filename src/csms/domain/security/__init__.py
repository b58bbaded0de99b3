"""Certificates, keys and security events of chargers (1.6 security whitepaper edition 2; 2.0.1 functional blocks A and M)."""
