"""csms: a charging station management system for OCPP, on Trio."""

__version__ = "0.1.0"
