"""What all tests share: the fixtures of the public test kit."""

from __future__ import annotations

pytest_plugins = ["csms.testing.stores", "csms.testing.fixtures"]
