"""All stubs of providers in one process, with one page that leads to them: what ``csms serve --demo`` pays and writes with."""

from .all import Ports, Providers

__all__ = ["Ports", "Providers"]
