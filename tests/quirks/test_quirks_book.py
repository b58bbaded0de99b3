"""The book of quirks: what is shipped is right, an installation adds to it, and a wrong entry is told in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms.core.quirks import NO_QUIRKS
from csms.quirks import QuirkError, load


def own(folder: Path, text: str) -> Path:
    path = folder / "quirks.toml"
    path.write_text(text)
    return path


def test_the_shipped_book_is_right_and_says_why() -> None:
    for entry in load().entries:
        assert entry.note
        assert entry.changes


def test_an_unknown_make_has_no_quirks() -> None:
    assert load().quirks_of("Nobody", "Nothing", "1.0") is NO_QUIRKS
    assert load().quirks_of("", "", "") is NO_QUIRKS


def test_later_entries_win_and_globs_ignore_case(tmp_path: Path) -> None:
    book = load(
        own(
            tmp_path,
            """
            [[quirk]]
            vendor = "acme*"
            energy_unit = "kWh"
            heartbeat_interval_s = 60

            [[quirk]]
            vendor = "ACME*"
            model = "Box ?"
            firmware = "2.*"
            heartbeat_interval_s = 900
            before_boot = ["MeterValues"]
            """,
        )
    )
    old = book.quirks_of("Acme Inc", "Box 1", "1.9")
    assert (old.energy_unit, old.heartbeat_interval_s, old.before_boot) == ("kWh", 60, frozenset())
    new = book.quirks_of("Acme Inc", "Box 1", "2.0")
    assert (new.energy_unit, new.heartbeat_interval_s, new.before_boot) == ("kWh", 900, frozenset({"MeterValues"}))
    assert [entry.firmware for entry in book.about("ACME", "box 7", "2.1")] == ["*", "2.*"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quirk = 3", "double brackets"),
        ("[[quirk", r"quirks\.toml: "),
        ("[[quirks]]\nvendor = 'A'", "there is only"),
        ("[[quirk]]\nenergy_unit = 'kWh'", "entry 1: say for which vendor"),
        ("[[quirk]]\nvendor = 'A'", "say what is different"),
        ("[[quirk]]\nvendor = 7\nenergy_unit = 'kWh'", "vendor must be text"),
        ("[[quirk]]\nvendor = 'A'\nenergy_units = 'kWh'", "there is no quirk energy_units; there are"),
        ("[[quirk]]\nvendor = 'A'\nenergy_unit = 'MWh'", "energy_unit must be one of Wh, kWh, not 'MWh'"),
        ("[[quirk]]\nvendor = 'A'\ntime_zone = 'Mars/Base'", "IANA time zone"),
        ("[[quirk]]\nvendor = 'A'\ntimes_are_local = true", "needs a time_zone"),
        ("[[quirk]]\nvendor = 'A'\nidle_heartbeats = 0", "from 1 to 1000"),
        ("[[quirk]]\nvendor = 'A'\nbefore_boot = 'All'", "list of actions"),
    ],
)
def test_a_wrong_entry_is_told_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(QuirkError, match=words) as caught:
        load(own(tmp_path, text))
    assert "quirks.toml" in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(QuirkError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml")
