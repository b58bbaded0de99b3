"""Analytics: figures by tenant, station, charger, port and driver, kept current from the event spine."""
