"""The simulated world: the whole server and a fleet of chargers in one process and in virtual time, with faults drawn from a seed."""
