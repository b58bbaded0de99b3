"""What the routes of stations need of the rest: where chargers connect, where QR codes lead, and what higher slices know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from csms import quirks
from csms.api.routes import Routes
from csms.config import Config
from csms.core.ids import TenantId
from csms.core.ports import Ports
from csms.domain.security import flows as security_flows
from csms.domain.stations.model import QuirkInForce
from csms.domain.stations.routes import Surroundings, station_routes
from csms.domain.stations.service.chargers import Running
from csms.quirks import Book

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
CODE = "{code}"


def routes(config: Config, running: Running) -> list[Routes]:
    """The routes of stations, chargers and connectors; ``running`` are the transactions at a charger."""
    book = quirks.load(Path(config.ocpp.quirks_file) if config.ocpp.quirks_file else None)

    async def tell_key(ports: Ports, tenant: TenantId, charger_id: str, key: str) -> str:
        rotation, _ = await security_flows.rotate_key(config.security, ports, tenant, charger_id, key=key)
        return rotation.state

    surroundings = Surroundings(
        settings=config.ocpp,
        connect_url=connect_url(config),
        quirks=lambda vendor, model, firmware: in_force(book, vendor, model, firmware),
        tell_key=tell_key,
        running=running,
    )
    return station_routes(surroundings, start_url(config))


def in_force(book: Book, vendor: str, model: str, firmware: str) -> Sequence[QuirkInForce]:
    """The quirks of a kind of charger, each once, with the note of the entry that has the last word."""
    found = {
        name: QuirkInForce(
            quirk=name,
            value=sorted(value) if isinstance(value, frozenset) else value,
            note=entry.note,
            source=Path(entry.source).name,
        )
        for entry in book.about(vendor, model, firmware)
        for name, value in entry.changes.items()
    }
    return list(found.values())


def connect_url(config: Config, charger_id: str = "") -> str:
    """Where a charger connects to, as far as the configuration knows."""
    scheme = "wss" if config.ocpp.tls_certificate else "ws"
    return f"{scheme}://{_at(config.ocpp.host, config.ocpp.port)}{config.ocpp.path.rstrip('/')}/{quote(charger_id, safe='')}"


def start_url(config: Config) -> str:
    """Where the QR codes of connectors lead, with ``{code}`` in it."""
    if config.drivers.start_url:
        return config.drivers.start_url
    scheme = "https" if config.api.tls_certificate else "http"
    public = config.identity.public_url or f"{scheme}://{_at(config.api.host, config.api.port)}"
    return f"{public.rstrip('/')}/api/v1/start/{CODE}"


def _at(host: str, port: int) -> str:
    host = EVERYWHERE.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
