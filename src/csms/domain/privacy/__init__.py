"""Privacy: drivers whose data was erased, and what of them is still to be masked in logs."""
