"""A printable sheet of QR codes, with what belongs under each: a page of HTML that needs nothing from elsewhere.

HTML rather than PDF: a browser prints it to any paper or to PDF, in every script, for it brings the fonts.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import trio

from . import qr
from .model import ConnectorDetail

CODES = 96
"""Most codes on one sheet: four pages of paper."""

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>QR codes</title>
<style>
@page { size: A4; margin: 10mm }
body { margin: 0; font: 9pt/1.25 system-ui, sans-serif; color: #000; background: #fff }
main { display: grid; grid-template-columns: repeat(4, 1fr); gap: 3mm }
figure { margin: 0; padding: 2mm; border: .2mm dashed #999; text-align: center; break-inside: avoid; overflow-wrap: anywhere }
figure svg { width: 36mm; height: 36mm; display: block; margin: 0 auto }
b { display: block; font-size: 11pt }
code { font-size: 10pt; letter-spacing: .08em }
small { display: block; color: #333 }
</style>
</head>
<body>
<main>
"""
_FOOT = "</main>\n</body>\n</html>\n"


async def page(connectors: Sequence[ConnectorDetail], start_url: str) -> bytes:
    """The sheet of these connectors, each of which has its code.

    Other tasks run between two codes: a symbol takes some milliseconds to reckon, which a hundred at once would keep from chargers.
    """
    figures = []
    for connector in connectors:
        figures.append(_figure(connector, start_url))
        await trio.lowlevel.checkpoint()
    return f"{_HEAD}{''.join(figures)}{_FOOT}".encode()


def text(connectors: Sequence[ConnectorDetail], start_url: str) -> str:
    """The same, where nobody else waits."""
    return f"{_HEAD}{''.join(_figure(connector, start_url) for connector in connectors)}{_FOOT}"


def _figure(connector: ConnectorDetail, start_url: str) -> str:
    name = connector.charger_name or connector.charger_id
    facts = [connector.type.replace("_", " "), connector.current_type]
    if connector.max_power_w:
        facts.append(f"{connector.max_power_w / 1000:g} kW")
    under = [connector.station_name, " · ".join(filter(None, facts))]
    label = connector.label or f"{connector.charger_id} · {connector.place}"
    smalls = "".join(f"<small>{escape(each)}</small>" for each in under if each)
    symbol = qr.inline_svg(qr.target(start_url, connector.qr_code))
    return f"<figure>{symbol}<b>{escape(name)}</b>{escape(label)}<br><code>{escape(_spaced(connector.qr_code))}</code>{smalls}</figure>\n"


def _spaced(code: str) -> str:
    return f"{code[:5]}-{code[5:]}"
