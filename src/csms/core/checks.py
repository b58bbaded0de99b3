"""Validators of our own that tell what they let through, for the API's description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs


@attrs.frozen
class Told:
    """A validator, and its part of the field's JSON Schema (2020-12): what callers should know before they are refused.

    ``schema`` may say less than ``check``, never more.
    """

    check: Callable[[Any, attrs.Attribute[Any], Any], None]
    schema: Mapping[str, Any]

    def __call__(self, instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Raise ``ValueError`` for a value that will not do."""
        self.check(instance, attribute, value)
