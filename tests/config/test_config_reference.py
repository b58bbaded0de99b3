"""The reference: every key is there, explained, and the file in the repository is the generated one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs
import pytest

from csms.config import Config, load, load_traced
from csms.config.loading import KEYS
from csms.config.reference import reference_page, reference_toml

ROOT = Path(__file__).parents[2]


def test_the_reference_has_every_key_at_its_default() -> None:
    tree = tomllib.loads(reference_toml())
    for key, field in KEYS.items():
        value = tree[key[0]] if len(key) == 1 else tree[key[0]][key[1]]
        assert (tuple(value) if isinstance(value, list) else value) == field.default, key
    assert sum(len(value) if isinstance(value, dict) else 1 for value in tree.values()) == len(KEYS)


def test_every_key_says_what_it_is_for() -> None:
    assert all(len(field.metadata["help"]) > 10 for field in KEYS.values())
    text = reference_toml()
    assert all(field.metadata["help"] in text for field in KEYS.values())


def test_loading_the_reference_gives_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "reference.toml").write_text(reference_toml())
    (tmp_path / "empty.toml").write_text("")
    loaded = load_traced(tmp_path / "reference.toml", {})
    assert loaded.config == load(tmp_path / "empty.toml", {})
    assert loaded.remarks == []


def test_the_page_has_a_row_for_every_key_with_its_variable() -> None:
    page = reference_page()
    for key in KEYS:
        assert f"`CSMS_{'_'.join(key).upper()}`" in page
    assert "`DATABASE_URL`" in page


@pytest.mark.parametrize("name", ["minimal", "demo", "reference"])
def test_shipped_configurations_load(name: str) -> None:
    load(ROOT / "config" / f"{name}.toml", {})


def test_the_production_example_loads_once_it_has_its_secrets() -> None:
    loaded = load_traced(ROOT / "config" / "production.toml", {"CSMS_DATABASE_URL": "postgresql://u:p@db/csms"})
    assert loaded.config.ocpp.authentication
    assert loaded.config.log.format == "json"


def test_sections_are_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Config().ocpp.port = 1  # type: ignore[misc]  # what the test is about
