"""Profiles as JSON text in a column."""

from __future__ import annotations

import msgspec

from csms.core.charging import ChargingProfile

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ChargingProfile).decode


def text_of(profile: ChargingProfile) -> str:
    """A profile as JSON, with exact decimals."""
    return _encode(profile).decode()


def profile_of(text: str) -> ChargingProfile:
    """The profile that ``text_of`` wrote."""
    return _decode(text)
