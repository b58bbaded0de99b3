"""SQL of the queue: what is due, what somebody was sent lately, and what channels told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from csms.core.ports import ReadTx, Row, Tx

_DUE = (
    "SELECT m.tenant, m.id FROM messages m WHERE m.channel = :channel AND m.rank = :rank"
    " AND m.state IN ('queued', 'held', 'sending') AND m.due_at <= :now ORDER BY m.due_at, m.id LIMIT :limit"
)
_NEXT = (
    "SELECT m.due_at FROM messages m WHERE m.channel = :channel AND m.rank = :rank"
    " AND m.state IN ('queued', 'held', 'sending') AND m.due_at > :now ORDER BY m.due_at LIMIT 1"
)
RANKS = (0, 1)
DAY_MS = ECHOES_KEPT_MS = 86_400_000


def due(tx: ReadTx, channel: str, limit: int) -> Sequence[tuple[int, int]]:
    """Tenant and id of messages that are due by a channel: the urgent ones first, then those that wait longest."""
    system = tx.system("messages of all tenants are sent")
    found: list[tuple[int, int]] = []
    for rank in RANKS:
        if len(found) < limit:
            rows = system.all(_DUE, channel=channel, rank=rank, limit=limit - len(found))
            found += [(row["tenant"], row["id"]) for row in rows]
    return found


def next_due(tx: ReadTx, channel: str) -> int | None:
    """When the next message by a channel is due that is not due yet; None where none waits."""
    system = tx.system("messages of all tenants are sent")
    found = [system.value(_NEXT, channel=channel, rank=rank) for rank in RANKS]
    return min((each for each in found if each is not None), default=None)


def stranded(tx: ReadTx, channels: Collection[str], after: int, limit: int) -> Sequence[tuple[int, int]]:
    """Tenant and id of waiting messages whose channel is not there (any more)."""
    names = {f"channel_{number}": each for number, each in enumerate(sorted(channels))}
    listed = ", ".join(f":{name}" for name in names) or "''"
    rows = tx.system("channels are the installation's").all(
        "SELECT m.tenant, m.id FROM messages m WHERE m.state IN ('queued', 'held', 'sending')"  # noqa: S608 (names of parameters)
        f" AND m.channel NOT IN ({listed}) AND m.id > :after ORDER BY m.id LIMIT :limit",
        **names,
        after=after,
        limit=limit,
    )
    return [(row["tenant"], row["id"]) for row in rows]


_WHO = {"driver": "m.driver_id = :who", "user": "m.user_id = :who", "address": "m.recipient = :who AND m.recipient <> ''"}


def begun_since(tx: ReadTx, kind: str, who: int | str, since_at: int, nth: int, *, but: int) -> int | None:
    """When the ``nth`` newest of the messages was tried that somebody was sent since an instant, one of them (``but``) left out.

    None where there are not so many. One-time codes are not counted.
    """
    rows = tx.all(
        "SELECT m.began_at FROM messages m WHERE m.tenant = :tenant AND m.began_at >= :since_at AND m.kind <> 'codes' AND m.id <> :but"  # noqa: S608
        f" AND {_WHO[kind]} ORDER BY m.began_at DESC LIMIT 1 OFFSET :skipped",
        who=who,
        since_at=since_at,
        skipped=nth - 1,
        but=but,
    )
    return rows[0]["began_at"] if rows else None


def by_channel_id(tx: ReadTx, channel: str, channel_id: str) -> tuple[int, int] | None:
    """Tenant and id of the message that a channel knows by its own id."""
    row = tx.system("a channel knows messages by its own ids").one(
        "SELECT m.tenant, m.id FROM messages m WHERE m.channel = :channel AND m.channel_id = :channel_id AND m.channel_id <> '' ORDER BY m.id DESC LIMIT 1",
        channel=channel,
        channel_id=channel_id,
    )
    return None if row is None else (row["tenant"], row["id"])


def counts(tx: ReadTx, since_at: int) -> Mapping[str, Mapping[str, int]]:
    """How many of the tenant's own messages since an instant wait, went or failed, by channel."""
    rows = tx.all(
        "SELECT m.channel, CASE WHEN m.state IN ('queued', 'held', 'sending') THEN 'waiting' WHEN m.state = 'failed' THEN 'failed'"
        " ELSE 'sent' END AS how, count(*) AS number FROM messages m WHERE m.tenant = :tenant AND m.created_at >= :since_at"
        " AND m.installation = 0 AND m.state <> 'suppressed' GROUP BY 1, 2",
        since_at=since_at,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["channel"], {})[row["how"]] = row["number"]
    return found


# --- what was heard too early ---------------------------------------------------------------------------------------------------


def keep_echo(tx: Tx, channel: str, channel_id: str, state: str, error: str) -> None:
    """Keep what a channel told of a message that is not known by its id yet; what is long past is forgotten."""
    tx.run("DELETE FROM message_echoes WHERE heard_at < :before", before=tx.now - ECHOES_KEPT_MS)
    tx.run(
        "INSERT INTO message_echoes (channel, channel_id, state, error, heard_at) VALUES (:channel, :channel_id, :state, :error, :now)",
        channel=channel,
        channel_id=channel_id,
        state=state,
        error=error,
    )


def take_echoes(tx: Tx, channel: str, channel_id: str) -> Sequence[Row]:
    """What was heard of a message before, in its order; it is not kept any longer."""
    rows = tx.all(
        "SELECT state, error FROM message_echoes WHERE channel = :channel AND channel_id = :channel_id ORDER BY id",
        channel=channel,
        channel_id=channel_id,
    )
    if rows:
        tx.run(
            "DELETE FROM message_echoes WHERE channel = :channel AND channel_id = :channel_id",
            channel=channel,
            channel_id=channel_id,
        )
    return rows
