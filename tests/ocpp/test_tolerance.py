"""Where a tolerance rule applies, nothing is refused: any number of tolerable mistakes in any message, and it is heard all the same."""

from __future__ import annotations

import copy
import json
import random
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.reports import Mangled
from csms.ocpp.conversation import Told
from csms.testing.messages import WHOLE_16

Path = tuple[str | int, ...]


def schema_of(action: str) -> dict[str, Any]:
    text = resources.files("ocpp").joinpath("v16", "schemas", f"{action}.json").read_text(encoding="utf-8-sig")
    schema: dict[str, Any] = json.loads(text)
    return schema


def fields(schema: dict[str, Any], path: Path = ()) -> list[tuple[Path, dict[str, Any], bool]]:
    """Every field below: its path (the first of each list), its schema, and whether it must be there."""
    found = []
    for name, field in schema.get("properties", {}).items():
        found.append(((*path, name), field, name in schema.get("required", ())))
        if field.get("type") == "array":
            found += fields(field["items"], (*path, name, 0))
    return found


def spoil(payload: dict[str, Any], path: Path, field: dict[str, Any], required: bool, chance: random.Random) -> None:
    """Make one tolerable mistake at a field, if it is still there."""
    holder: Any = payload
    for step in path[:-1]:
        if not isinstance(holder, dict | list) or (isinstance(holder, dict) and step not in holder):
            return
        holder = holder[step]
    name = path[-1]
    if not isinstance(holder, dict) or name not in holder:
        return
    value, kind = holder[name], field.get("type")
    mistakes: list[Any] = []
    if kind == "integer" and isinstance(value, int):
        mistakes += [str(value), f" {value} ", float(value), f"{value}.0"]
    elif kind == "string" and isinstance(value, str):
        if "enum" in field:
            mistakes += [value.upper(), value.lower(), value.replace(".", ""), "Something else", ""]
        elif field.get("format") == "date-time":
            mistakes += [
                value[:-1],
                value.replace("T", " "),
                "",
                "soon",
                "1970-01-01T00:00:00Z",
                "2036-02-07T06:28:16+05:30",
                1_767_225_600,
            ]
        else:
            mistakes += [value[:20] * 50, 12, 1.5, True, ""]
    elif kind == "array" and isinstance(value, list) and len(value) == 1:
        mistakes += [value[0]]
    if not required:
        mistakes += [None, *([] if kind == "string" else [{"a": [1]}, "abc"])]
    if not mistakes:
        return
    holder[name] = chance.choice(mistakes)
    if chance.random() < 0.3:
        holder[f"{name}X"] = chance.choice([None, 1, {"a": 1}])
    if chance.random() < 0.3:
        holder[str(name).upper()] = holder.pop(name)


@pytest.mark.parametrize("action", sorted(WHOLE_16))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32), mistakes=st.integers(1, 6))
def test_tolerable_mistakes_are_tolerated(script: Any, action: str, seed: int, mistakes: int) -> None:
    chance = random.Random(seed)
    payload = copy.deepcopy(WHOLE_16[action])
    places = fields(schema_of(action))
    for _ in range(mistakes if places else 0):
        path, field, required = chance.choice(places)
        spoil(payload, path, field, required, chance)
    effects = script("ocpp1.6").call(action, payload)
    (told,) = [effect for effect in effects if isinstance(effect, Told)]
    assert not isinstance(told.report, Mangled), (action, payload, told.report)
