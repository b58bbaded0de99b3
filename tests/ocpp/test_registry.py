"""Which subprotocol is spoken."""

from __future__ import annotations

import pytest

from csms.ocpp.registry import SUBPROTOCOLS, choose, dialect_for

BOTH = ("ocpp2.0.1", "ocpp1.6")


@pytest.mark.parametrize(
    ("offered", "allowed", "chosen"),
    [
        (["ocpp1.6"], BOTH, "ocpp1.6"),
        (["ocpp1.6", "ocpp2.0.1"], BOTH, "ocpp2.0.1"),
        (["ocpp1.6", "ocpp2.0.1"], ("ocpp1.6", "ocpp2.0.1"), "ocpp1.6"),
        (["OCPP1.6"], BOTH, "OCPP1.6"),
        (["ocpp1.5, ocpp1.6"], BOTH, "ocpp1.6"),
        (["ocpp2.0.1"], ("ocpp1.6",), None),
        (["ocpp1.5", "soap"], BOTH, None),
        (["ocpp9"], ("ocpp9",), None),
        ([], BOTH, None),
    ],
)
def test_choose(offered: list[str], allowed: tuple[str, ...], chosen: str | None) -> None:
    assert choose(offered, allowed) == chosen


def test_a_dialect_for_every_subprotocol_in_any_case() -> None:
    assert SUBPROTOCOLS == BOTH
    for name in SUBPROTOCOLS:
        assert dialect_for(name.upper()) is dialect_for(name)
        assert dialect_for(name).subprotocol == name


def test_no_dialect() -> None:
    with pytest.raises(LookupError, match="there are ocpp2"):
        dialect_for("ocpp1.5")
