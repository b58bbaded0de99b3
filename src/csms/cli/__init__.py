"""The command line, ``csms COMMAND``: one file per command or group, imported when it is used."""

from .main import main

__all__ = ["main"]
