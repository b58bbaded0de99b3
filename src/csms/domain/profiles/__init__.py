"""Smart charging: charging profiles, where they are wanted, what chargers hold of them, and what follows from that."""
