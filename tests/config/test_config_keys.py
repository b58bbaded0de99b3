"""The operator key: made once, readable by its owner only, the configured one first."""

from __future__ import annotations

from pathlib import Path

import attrs

from csms.config import Config, load, make_operator_key, operator_key


def config_in(folder: Path) -> Config:
    return attrs.evolve(
        load(None, {"CSMS_API_KEY_FILE": "keys/csms.key"}),
        folder=folder,
        api=load(None, {"CSMS_API_KEY_FILE": str(folder / "keys/csms.key")}).api,
    )


def test_a_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    assert operator_key(config) == ""
    assert make_operator_key(config, "first") == "first"
    assert make_operator_key(config, "second") == "first"
    assert operator_key(config) == "first"
    assert (tmp_path / "keys" / "csms.key").stat().st_mode & 0o777 == 0o600


def test_an_empty_key_file_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "csms.key").touch(0o644)
    assert make_operator_key(config, "fresh") == "fresh"
    assert (tmp_path / "keys" / "csms.key").stat().st_mode & 0o777 == 0o600


def test_the_configured_key_wins_and_no_file_is_made(tmp_path: Path) -> None:
    config = attrs.evolve(config_in(tmp_path), api=load(None, {"CSMS_API_KEY": "configured"}).api)
    assert make_operator_key(config, "fresh") == "configured"
    assert not (tmp_path / "keys").exists()
