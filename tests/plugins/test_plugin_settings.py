"""A plugin's settings: structured strictly, refused by key, without telling values."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from csms.plugins import PluginError
from csms.plugins.settings import structure


@attrs.frozen(slots=True)
class Route:
    to: str
    retries: int = 3


@attrs.frozen(slots=True)
class Settings:
    secret: str
    limit: float = attrs.field(default=1.0, validator=attrs.validators.ge(1))
    names: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    labels: dict[str, str] = attrs.field(factory=dict)


def test_lists_become_tuples_and_tables_become_classes() -> None:
    table = {"secret": "s", "names": ["a"], "limit": 2, "routes": [{"to": "x"}], "labels": {"any": "thing"}}
    assert structure(Settings, table, plugin="p") == Settings("s", 2.0, ("a",), (Route("x"),), {"any": "thing"})


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "plugins.settings.p: Object missing required field secret"),
        ({"secret": 5}, "plugins.settings.p.secret: Expected str, got int"),
        ({"secret": "s", "limit": 0.5}, "plugins.settings.p: 'limit' must be >= 1: 0.5"),
        ({"secret": "s", "names": ["a", 1]}, "plugins.settings.p.names[1]: Expected str, got int"),
        ({"secret": "s", "routes": [{"to": 1}]}, "plugins.settings.p.routes[0].to: Expected str, got int"),
        ({"secret": "s", "nmes": []}, "plugins.settings.p.nmes: unknown key (did you mean names?); plugins.settings.p takes"),
        ({"secret": "s", "routes": [{"to": "x", "tries": 1}]}, "plugins.settings.p.routes[0].tries: unknown key"),
    ],
)
def test_a_wrong_table_is_refused_by_key(table: dict[str, Any], told: str) -> None:
    with pytest.raises(PluginError) as caught:
        structure(Settings, table, plugin="p")
    assert str(caught.value).startswith(told)


def test_a_secret_that_is_refused_is_not_told() -> None:
    @attrs.frozen(slots=True)
    class Keyed:
        key: str = attrs.field(repr=False, validator=attrs.validators.matches_re("[a-z]+"))

    with pytest.raises(PluginError) as caught:
        structure(Keyed, {"key": "HUNTER2"}, plugin="p")
    assert str(caught.value) == "plugins.settings.p.key: the value is not allowed"


def test_only_attrs_classes_are_settings() -> None:
    with pytest.raises(PluginError, match="plugin p: register_settings must return an attrs class"):
        structure(dict, {}, plugin="p")
