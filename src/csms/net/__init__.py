"""The I/O shell towards chargers: sockets, handshakes, one nursery per charger, and who is connected."""
