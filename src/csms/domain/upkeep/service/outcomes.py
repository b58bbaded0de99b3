"""What the answer to a command means for what we asked: the words of ``core.outcomes`` under the name that this slice uses."""

from __future__ import annotations

from csms.core.outcomes import cannot, obeyed, told

__all__ = ["cannot", "obeyed", "told"]
