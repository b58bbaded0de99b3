"""What of billing needs to wait: asking plugins, and chargers that are to stop."""
