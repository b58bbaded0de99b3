"""Declared routes by their paths: the same as werkzeug finds, whose spelling of rules it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from csms.api.paths import Paths, number

RULES = [
    ("GET", "/stations"),
    ("POST", "/stations"),
    ("GET", "/stations/<int:station_id>"),
    ("GET", "/stations/map"),
    ("DELETE", "/stations/<name>"),
    ("GET", "/chargers/<path:charger_id>"),
    ("GET", "/chargers/<path:charger_id>/figures"),
    ("POST", "/chargers/<path:charger_id>/connectors/<place>/qr"),
    ("GET", "/chargers/models/<int:model_id>"),
    ("GET", "/codes/<code>"),
    ("GET", "/codes/<code>.pdf"),
    ("GET", "/stations/<int:station_id>.pdf"),
]
PREFIX = "/api"
MAP = Map(
    [Rule(f"{PREFIX}{rule}", methods=[method], endpoint=f"{method} {rule}") for method, rule in RULES], merge_slashes=False
).bind("x")
PATHS: Paths[str] = Paths()
for each_method, each_rule in RULES:
    PATHS.add(each_method, f"{PREFIX}{each_rule}", f"{each_method} {each_rule}")
PATHS.finish()
PARTS = st.sampled_from(
    [
        "stations",
        "chargers",
        "models",
        "map",
        "figures",
        "connectors",
        "qr",
        "codes",
        "7",
        "007",
        "7a",
        "٣",
        "a b",
        "",
        "7.pdf",
        "a.pdf.pdf",
        ".pdf",
    ]
)


@given(method=st.sampled_from(["GET", "POST", "DELETE"]), parts=st.lists(PARTS, max_size=6))
@example(method="GET", parts=["chargers", "a", "figures"])
@example(method="GET", parts=["chargers", "figures", "figures"])
@example(method="DELETE", parts=["stations", "7"])
def test_what_is_found_is_what_werkzeug_finds(method: str, parts: list[str]) -> None:
    path = "/".join([PREFIX, *parts])
    found, others = looked_up(method, path)
    assert PATHS.find(method, path) == found
    if found is None:
        assert set(PATHS.methods(path)) == others


def looked_up(method: str, path: str) -> tuple[object, set[str]]:
    """What werkzeug finds, or the methods for which it would find something."""
    try:
        return MAP.match(path, method=method), set()
    except NotFound:
        return None, set()
    except MethodNotAllowed as error:
        return None, set(error.valid_methods or ()) - {"HEAD"}


def test_numbers_that_no_database_has() -> None:
    assert number("9" * 30) == number(str(2**63)) == 2**63 - 1


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("/a<int:b>", "whole part"),
        ("/<float:b>", "int, string or path"),
        ("/<path:a>.pdf", "no ending"),
        ("/stations", "declared twice"),
    ],
)
def test_rules_that_cannot_be(rule: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        PATHS.add("GET", f"{PREFIX}{rule}", "x")
