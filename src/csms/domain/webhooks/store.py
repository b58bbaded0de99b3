"""SQL of the webhooks slice: subscriptions, and who of them wants an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import msgspec

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page

from .model import Addressee, Choice, Webhook, WebhookQuery

_LISTS = ("events", "stations", "chargers")

LISTING = Listing(
    columns="id, name, url, events, stations, chargers, state, paused_at, pause_reason, failures, failing_since_at, rest_until,"
    " last_error, delivered_at, previous_until, created_at, changed_at",
    source="webhooks WHERE tenant = :tenant AND state <> 'removed'",
    filters={"state": "state = :state"},
    search="lower(name) LIKE :search ESCAPE '!' OR lower(url) LIKE :search ESCAPE '!'",
    sorts={"name": "name", "created_at": "created_at", "failures": "failures"},
    unique="id",
)


def webhooks(tx: ReadTx, query: WebhookQuery) -> Page[Webhook]:
    """Subscriptions of the tenant."""
    return page(tx, LISTING, query, _webhook)


def webhook(tx: ReadTx, webhook_id: int) -> Webhook | None:
    """One subscription."""
    row = tx.one(f"SELECT {LISTING.columns} FROM {LISTING.source} AND id = :webhook_id", webhook_id=webhook_id)  # noqa: S608 (our own text)
    return None if row is None else _webhook(row)


def _webhook(row: Row) -> Webhook:
    said = dict(row)
    said.update({name: tuple(msgspec.json.decode(row[name])) for name in _LISTS})
    said["resting_until_at"] = said.pop("rest_until") or None
    said["previous_secret_until_at"] = said.pop("previous_until")
    return Webhook(**said)


def count(tx: ReadTx) -> int:
    """How many subscriptions the tenant has."""
    found: int = tx.value("SELECT count(*) FROM webhooks WHERE tenant = :tenant AND state <> 'removed'")
    return found


def insert(tx: Tx, *, name: str, url: str, choice: Choice, sealed: str) -> int | None:
    """Make a subscription: its id; None where the name is taken."""
    found: int | None = tx.value(
        "INSERT INTO webhooks (tenant, name, url, events, stations, chargers, secret, created_at, changed_at)"
        " VALUES (:tenant, :name, :url, :events, :stations, :chargers, :sealed, :now, :now)"
        " ON CONFLICT (tenant, name) WHERE state <> 'removed' DO NOTHING RETURNING id",
        name=name,
        url=url,
        sealed=sealed,
        **_chosen(choice),
    )
    return found


def _chosen(choice: Choice) -> dict[str, str]:
    return {
        "events": _json(choice.events),
        "stations": _json(sorted(choice.stations)),
        "chargers": _json(sorted(choice.chargers)),
    }


def _json(value: Sequence[Any]) -> str:
    return msgspec.json.encode(value).decode()


def has_other_named(tx: ReadTx, webhook_id: int, name: str) -> bool:
    """Whether another subscription has this name."""
    sql = "SELECT 1 FROM webhooks WHERE tenant = :tenant AND name = :name AND id <> :webhook_id AND state <> 'removed'"
    return tx.value(sql, name=name, webhook_id=webhook_id) is not None


def update(tx: Tx, webhook_id: int, *, name: str, url: str, choice: Choice) -> None:
    """Change what a subscription is for; a new start for its receiver."""
    tx.run(
        "UPDATE webhooks SET name = :name, url = :url, events = :events, stations = :stations, chargers = :chargers, rest_until = 0,"
        " changed_at = :now WHERE tenant = :tenant AND id = :webhook_id",
        webhook_id=webhook_id,
        name=name,
        url=url,
        **_chosen(choice),
    )


def change_secret(tx: Tx, webhook_id: int, *, sealed: str, previous_until: int | None) -> None:
    """Sign with another secret, and until then with the one before as well."""
    tx.run(
        "UPDATE webhooks SET previous_secret = CASE WHEN :previous_until IS NULL THEN '' ELSE secret END, secret = :sealed,"
        " previous_until = :previous_until, changed_at = :now WHERE tenant = :tenant AND id = :webhook_id",
        webhook_id=webhook_id,
        sealed=sealed,
        previous_until=previous_until,
    )


def pause(tx: Tx, webhook_id: int, reason: str) -> None:
    """Send nothing more."""
    tx.run(
        "UPDATE webhooks SET state = 'paused', paused_at = :now, pause_reason = :reason, changed_at = :now"
        " WHERE tenant = :tenant AND id = :webhook_id",
        webhook_id=webhook_id,
        reason=reason,
    )


def resume(tx: Tx, webhook_id: int) -> None:
    """Send again."""
    tx.run(
        "UPDATE webhooks SET state = 'active', paused_at = NULL, pause_reason = '', failures = 0, failing_since_at = NULL,"
        " rest_until = 0, changed_at = :now WHERE tenant = :tenant AND id = :webhook_id",
        webhook_id=webhook_id,
    )


def remove(tx: Tx, webhook_id: int) -> None:
    """Forget a subscription and its secrets; its deliveries go with their age."""
    tx.run(
        "UPDATE webhooks SET state = 'removed', secret = '', previous_secret = '', previous_until = NULL, changed_at = :now"
        " WHERE tenant = :tenant AND id = :webhook_id",
        webhook_id=webhook_id,
    )
    tx.run(
        "DELETE FROM webhook_deliveries WHERE tenant = :tenant AND webhook_id = :webhook_id AND state = 'waiting'",
        webhook_id=webhook_id,
    )


# --- for the sender -------------------------------------------------------------------------------------------------------------


def choices(tx: ReadTx) -> Mapping[int, Choice]:
    """What the tenant's active subscriptions want, by their ids."""
    rows = tx.all("SELECT id, events, stations, chargers FROM webhooks WHERE tenant = :tenant AND state = 'active' ORDER BY id")
    return {row["id"]: _choice(row) for row in rows}


def _choice(row: Row) -> Choice:
    events, stations, chargers = (msgspec.json.decode(row[name]) for name in _LISTS)
    return Choice(events=tuple(events), stations=frozenset(stations), chargers=frozenset(chargers))


def addressee(tx: ReadTx, webhook_id: int) -> Addressee | None:
    """A subscription, as the sender needs it."""
    row = tx.one(
        "SELECT id, tenant, url, state, failures, secret, previous_secret, previous_until FROM webhooks"
        " WHERE tenant = :tenant AND id = :webhook_id AND state <> 'removed'",
        webhook_id=webhook_id,
    )
    return None if row is None else Addressee(**row)


def in_need(tx: ReadTx) -> list[tuple[int, int]]:
    """Tenant and id of every subscription for which something is due."""
    rows = tx.system("webhooks of all tenants are sent").all(
        "SELECT w.tenant, w.id FROM webhooks w WHERE w.state = 'active' AND w.rest_until <= :now AND EXISTS ("
        "SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'waiting' AND d.due_at <= :now) ORDER BY w.id"
    )
    return [(row["tenant"], row["id"]) for row in rows]


@attrs.frozen(slots=True)
class Health:
    """How a receiver does: failed attempts in a row, since when, and until when it is left alone."""

    failures: int
    failing_since_at: int | None
    rest_until: int
    last_error: str


def health(tx: ReadTx, webhook_id: int) -> tuple[str, Health] | None:
    """The state of a subscription, and how its receiver does."""
    row = tx.one(
        "SELECT state, failures, failing_since_at, rest_until, last_error FROM webhooks"
        " WHERE tenant = :tenant AND id = :webhook_id AND state <> 'removed'",
        webhook_id=webhook_id,
    )
    if row is None:
        return None
    return row["state"], Health(row["failures"], row["failing_since_at"], row["rest_until"], row["last_error"])


def save_health(tx: Tx, webhook_id: int, health: Health, *, delivered: bool) -> None:
    """Keep how a receiver does."""
    tx.run(
        "UPDATE webhooks SET failures = :failures, failing_since_at = :failing_since_at, rest_until = :rest_until,"
        " last_error = :last_error, delivered_at = CASE WHEN :delivered = 1 THEN :now ELSE delivered_at END"
        " WHERE tenant = :tenant AND id = :webhook_id",
        webhook_id=webhook_id,
        delivered=int(delivered),
        **attrs.asdict(health),
    )


def places(tx: ReadTx) -> dict[str, int | None]:
    """Where every charger of the tenant stands."""
    return {row["id"]: row["station_id"] for row in tx.all("SELECT id, station_id FROM chargers WHERE tenant = :tenant")}


def may_send(tx: ReadTx, webhook_id: int) -> bool:
    """Whether anything may be sent to it now."""
    sql = "SELECT 1 FROM webhooks WHERE tenant = :tenant AND id = :webhook_id AND state = 'active' AND rest_until <= :now"
    return tx.value(sql, webhook_id=webhook_id) is not None
