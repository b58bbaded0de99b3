"""Diagnostics and logs: made on request, uploaded, and told of (1.6 §5.9, whitepaper N01)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from simulators.clock import iso

from .outbox import Parcel
from .transfer import CHUNK_BYTES, File, TransferFailed, persistently

if TYPE_CHECKING:
    from .charger import Charger

IDLE = "Idle"
DIAGNOSTICS, DIAGNOSTICS_LOG, SECURITY_LOG = "Diagnostics", "DiagnosticsLog", "SecurityLog"
"""GetDiagnostics, and the two kinds of GetLog."""
REGISTERS = b"".join(b"         register %02x nominal\n" % number for number in range(40))
"""What follows each line of a log that nobody reads: to number every line took a fleet's machine longer than to send them."""


@attrs.frozen(slots=True, kw_only=True)
class LogOrder:
    """What the server asked for: a kind of log of some time (ms), and where it is to go. ``request_id`` is that of GetLog."""

    kind: str
    location: str
    attempts: int
    interval_s: float
    request_id: int | None = None
    oldest: int | None = None
    latest: int | None = None


class Logs:
    """The uploads of one charger, one at a time. ``status`` is the last that was told."""

    __slots__ = ("_charger", "_order", "_scope", "status")

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self._order: LogOrder | None = None
        self._scope: trio.CancelScope | None = None
        self.status = IDLE

    def begin(self, order: LogOrder) -> tuple[str | None, bool]:
        """Start an upload: the file's name (None when there is nothing to upload), and whether another one was cancelled (N01.FR.11)."""
        file = self._file(order)
        if file is None:
            return None, False
        cancelled = self._scope is not None
        if self._scope is not None:
            self._scope.cancel()
        self._order, self._scope = order, trio.CancelScope()
        self._charger.spawn(self._run, order, file, self._scope)
        return file.name, cancelled

    async def _run(self, order: LogOrder, file: File, scope: trio.CancelScope) -> None:
        charger = self._charger
        try:
            with scope:
                self._tell("Uploading", order)
                try:
                    if "upload" in charger.failing:
                        raise TransferFailed("told to fail")
                    moved = await persistently(
                        order.attempts,
                        order.interval_s,
                        lambda: charger.web.upload(order.location, file),
                        lambda what: charger.say(f"upload of {file.name}: {what}"),
                    )
                except TransferFailed as failed:
                    charger.say(f"upload of {file.name}: {failed}")
                    self._tell(_failure(order, failed), order)
                else:
                    charger.say(f"upload of {file.name}: {moved}")
                    self._tell("Uploaded", order)
        finally:
            if self._scope is scope:
                self._scope = None

    def _tell(self, status: str, order: LogOrder) -> None:
        self.status = status
        self._charger.say(f"{order.kind}: {status}")
        self._charger.queue(Parcel(*self._charger.tongue.log_status(status, order.request_id), keep=True))

    async def tell_again(self, *, of_get_log: bool) -> None:
        """Send the status on request: Uploading, or Idle."""
        busy = self._scope is not None and self._order is not None and (self._order.kind != DIAGNOSTICS) == of_get_log
        number = self._order.request_id if busy and self._order is not None else None
        words = self._charger.tongue.log_status("Uploading" if busy else IDLE, number, of_get_log=of_get_log)
        await self._charger.tell_now(*words)

    # --- files -----------------------------------------------------------------------------------------------------------------

    def _file(self, order: LogOrder) -> File | None:
        charger = self._charger
        stamp = re.sub(r"\D", "", charger.clock.now_iso())[:14]
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", charger.profile.charger_id)
        if order.kind == SECURITY_LOG:
            lines = [str(event) for event in charger.security.log if _within(event.at, order)]
            text = "".join(f"{line}\n" for line in lines).encode()
            return File(f"{stem}-security-{stamp}.log", len(text), lambda: iter((text,))) if lines else None
        size = charger.profile.diagnostics_bytes
        if "no-diagnostics" in charger.failing or size == 0:
            return None
        return File(f"{stem}-diagnostics-{stamp}.log", size, partial(_diagnostics, self._head(), size))

    def _head(self) -> bytes:
        charger = self._charger
        lines = [
            f"charger {charger.profile.charger_id} {charger.profile.vendor} {charger.profile.model} firmware {charger.firmware.version}",
            f"time {iso(charger.clock.now())}, outbox {len(charger.outbox)}, security profile {charger.security.profile}",
            *(f"connector {each.number} {each.status} {each.error_code} {each.register} Wh" for each in charger.box.connectors),
        ]
        return "".join(f"{line}\n" for line in lines).encode()


def _within(at: int, order: LogOrder) -> bool:
    return (order.oldest is None or order.oldest <= at) and (order.latest is None or at <= order.latest)


def _diagnostics(head: bytes, size: int) -> Iterator[bytes]:
    """So many bytes: what there is to say, then a log."""
    number, rest = 0, head
    while size > 0:
        wanted = min(size, CHUNK_BYTES)
        pieces, have = [rest], len(rest)
        while have < wanted:
            number += 1
            pieces.append(f"{number:08} relay closed, contactor ok, residual current 2 mA, temperature 31 C\n".encode() + REGISTERS)
            have += len(pieces[-1])
        block = b"".join(pieces)
        rest = block[wanted:]
        size -= wanted
        yield block[:wanted]


def _failure(order: LogOrder, failed: TransferFailed) -> str:
    """As precise as the words allow (N01.FR.10); GetDiagnostics has one only."""
    if order.kind == DIAGNOSTICS:
        return "UploadFailed"
    if failed.denied:
        return "PermissionDenied"
    return "NotSupportedOperation" if failed.unsupported else "UploadFailure"
