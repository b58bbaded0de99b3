"""Holds what a fleet was acknowledged against what the server kept: "lost" is answered to a charger but absent from the export."""
