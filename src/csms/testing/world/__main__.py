"""``python -m csms.testing.world``."""

from __future__ import annotations

from .command_line import main

main()
