"""``csms charger describe`` and ``csms charger qr``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from csms.cli.store import write
from csms.config import load
from csms.core.ids import Place
from csms.domain.stations import service
from csms.domain.stations.model import NewConnector

from .conftest import Run, facts


def test_a_charger_is_described(store: Run) -> None:
    store("charger", "add", "C1")
    store("charger", "describe", "C1", "--location", "Bay 14", "--warranty-until", "2029-01-31")
    known = facts(store("charger", "show", "C1", "--json"))
    assert (known["location"], known["warranty_until"], known["note"]) == ("Bay 14", "2029-01-31", "")
    assert "2026-01-31" in store("charger", "describe", "C1", "--installed-on", "31.1.2026", code=2).stderr
    assert "no charger 'C9'" in store("charger", "describe", "C9", "--note", "x", code=1).stderr


def test_codes_are_shown_drawn_and_printed(store: Run, tmp_path: Path) -> None:
    store("station", "add", "North")
    store("charger", "add", "C1", "--station", "North")
    assert "no such connector" in store("charger", "qr", "C1", code=1).stderr
    config = load(tmp_path / "csms.toml" if (tmp_path / "csms.toml").exists() else None, {})
    for evse in (1, 2):
        verb = partial(service.add_connector, charger_id="C1", new=NewConnector(evse=evse))
        write(config, verb, keys=("charger:C1",))
    rows = facts(store("charger", "qr", "C1", "--json"))
    assert [each["place"] for each in rows] == [str(Place(1, 1)), str(Place(2, 1))]
    assert all(each["leads_to"].endswith(f"/api/v1/start/{each['qr_code']}") for each in rows)
    assert facts(store("charger", "qr", "C1", "--json")) == rows, "a code stays the same"
    store("charger", "qr", "C1", "--connector", "2", "--output", "c.svg")
    assert (tmp_path / "c.svg").read_bytes().startswith(b"<?xml")
    store("charger", "qr", "C1", "--connector", "2", "--output", "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    store("charger", "qr", "--station", "North", "--output", "sheet.html")
    assert (tmp_path / "sheet.html").read_text().count("<figure>") == 2
    assert "which" in store("charger", "qr", "C1", "--output", "c.svg", code=2).stderr
    assert "name a charger" in store("charger", "qr", code=2).stderr
