"""Imported by the process from which ``csms.testing.forked`` forks: all that a server or a command needs."""

from __future__ import annotations

import gc

import csms.app
import csms.cli.serve  # noqa: F401 - to have it

gc.freeze()
