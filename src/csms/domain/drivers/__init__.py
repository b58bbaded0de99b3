"""Drivers: who charges, with what token and vehicle, and where they may."""
