"""Loads enabled plugins, and calls them: the bus between the core and what others add to it."""

from __future__ import annotations

from .bus import Bus, Contribution
from .errors import PluginError, PluginFailed
from .installed import Installed, installed
from .plugin import HookHealth, PluginHealth

__all__ = ["Bus", "Contribution", "HookHealth", "Installed", "PluginError", "PluginFailed", "PluginHealth", "installed"]
