"""What the tests of the server and of the plugins share: the fixtures of the public test kit, and with them one PostgreSQL server."""

from __future__ import annotations

pytest_plugins = ["csms.testing.pace", "csms.testing.stores", "csms.testing.fixtures"]
