"""The channels by which messages travel."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import structlog
import trio

from csms.api.calls import Call, Subject
from csms.api.routes import Routes
from csms.core.errors import NotFound
from csms.core.messages import NotSent
from csms.core.paging import Page, Paged, cut, filter_by, sorts
from csms.core.ports import ReadTx
from csms.domain.messages.judging import usual
from csms.domain.messages.store import people, queue

CHECK_LIMIT_S = 25.0

log = structlog.get_logger("csms.messages")


@attrs.frozen(slots=True, kw_only=True)
class ChannelsQuery(Paged):
    """Which channels somebody wants."""

    sort: str = sorts("name", "waiting", "sent", "failed", default="name")
    used: bool | None = filter_by("true: those in the tenant's usual order; false: the others")


@attrs.frozen(slots=True, kw_only=True)
class ChannelShown:
    """A channel that is there. ``place`` is its place in the tenant's usual order, null where the tenant does not use it.

    ``waiting``, ``sent`` and ``failed`` count the tenant's messages of the last day by it.
    """

    name: str
    place: int | None
    waiting: int
    sent: int
    failed: int


@attrs.frozen(slots=True, kw_only=True)
class ChannelCheck:
    """Whether a channel's settings work, and what was found."""

    name: str
    ok: bool
    found: str


def routes() -> Routes:
    """Routes under ``/message-channels``."""
    made = Routes("message_channels", "The channels by which messages travel, as plugins bring them.")

    @made.get("/message-channels", needs="messages:read")
    async def list_(call: Call, query: ChannelsQuery) -> Page[ChannelShown]:
        """The channels that are there."""
        available = tuple(call.ports.channels)
        order, counts = await call.read(_seen, available)
        found = [_shown(name, order, counts.get(name, {})) for name in sorted(available) if (query.search or "").lower() in name]
        found = [each for each in found if query.used in (None, each.place is not None)]
        found.sort(key=lambda each: getattr(each, query.sort.removeprefix("-")), reverse=query.sort.startswith("-"))
        return cut(found, query)

    @made.post("/message-channels/<channel>/check", needs="messages:write", limit_s=60.0)
    async def check(call: Call, channel: str) -> ChannelCheck:
        """Ask a channel whether its settings work; nothing is sent."""
        found = call.ports.channels.get(channel)
        if found is None:
            raise NotFound(f"there is no channel {channel}")
        await call.note(Subject("message_channel", channel))
        try:
            with trio.fail_after(CHECK_LIMIT_S):
                return ChannelCheck(name=channel, ok=True, found=await found.check())
        except NotSent as error:
            return ChannelCheck(name=channel, ok=False, found=str(error))
        except trio.TooSlowError:
            return ChannelCheck(name=channel, ok=False, found=f"no answer within {CHECK_LIMIT_S:g} s")
        except Exception as error:  # a plugin's mistake is what was found
            log.exception("messages.check_failed", channel=channel)
            return ChannelCheck(name=channel, ok=False, found=f"it failed: {type(error).__name__}")

    return made


def _shown(name: str, order: tuple[str, ...], counts: Mapping[str, int]) -> ChannelShown:
    return ChannelShown(
        name=name,
        place=order.index(name) + 1 if name in order else None,
        waiting=counts.get("waiting", 0),
        sent=counts.get("sent", 0),
        failed=counts.get("failed", 0),
    )


def _seen(tx: ReadTx, available: tuple[str, ...]) -> tuple[tuple[str, ...], Mapping[str, Mapping[str, int]]]:
    return usual(available, people.settings(tx)), queue.counts(tx, tx.now - queue.DAY_MS)
