"""A firmware update: downloaded, verified, installed, booted (1.6 §5.19; signed: whitepaper L01)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
import trio
from cryptography import x509

from .certificates import verifies
from .outbox import Parcel
from .transfer import Moved, TransferFailed, persistently

if TYPE_CHECKING:
    from .charger import Charger

IDLE = "Idle"
ENDS = frozenset({"Installed", "DownloadFailed", "InstallationFailed", "InvalidSignature", "InstallVerificationFailed", IDLE})
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@attrs.frozen(slots=True, kw_only=True)
class FirmwareOrder:
    """What the server asked for; instants in ms by the charger's clock. ``certificate`` and ``signature`` make it a signed one."""

    location: str
    retrieve_at: int
    attempts: int
    interval_s: float
    request_id: int | None = None
    install_at: int | None = None
    certificate: x509.Certificate | None = None
    signature: bytes = b""

    @property
    def signed(self) -> bool:
        """Whether it is a SignedUpdateFirmware."""
        return self.certificate is not None


class Firmware:
    """The firmware of one charger: its version, and the update under way. ``status`` is the last that was told."""

    __slots__ = ("_charger", "_order", "_scope", "signed", "status", "version")

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self.version = charger.profile.firmware
        self.status = IDLE
        self.signed = IDLE
        """The status of signed updates, which are told apart (whitepaper L01.FR.28)."""
        self._order: FirmwareOrder | None = None
        self._scope: trio.CancelScope | None = None

    @property
    def request_id(self) -> int | None:
        """The id of the last signed update."""
        return None if self._order is None else self._order.request_id

    @property
    def busy(self) -> bool:
        """Whether an update is under way."""
        return self._scope is not None

    def begin(self, order: FirmwareOrder) -> bool:
        """Start an update; whether another one was cancelled for it (whitepaper L01.FR.26)."""
        cancelled = self._scope is not None
        if self._scope is not None:
            self._scope.cancel()
        self._order = order
        self._scope = trio.CancelScope()
        self._charger.spawn(self._run, order, self._scope)
        return cancelled

    async def _run(self, order: FirmwareOrder, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await self._update(order)
        finally:
            if self._scope is scope:
                self._scope = None
                self._charger.box.withhold(False)

    async def _update(self, order: FirmwareOrder) -> None:
        charger = self._charger
        await self._wait(order.retrieve_at, "DownloadScheduled", order)
        self._tell("Downloading", order)
        try:
            moved = await self._download(order)
        except TransferFailed as failed:
            charger.say(f"firmware: {failed}")
            self._tell("DownloadFailed", order)
            return
        charger.say(f"firmware: {moved}")
        self._tell("Downloaded", order)
        if not self._verified(order, moved):
            return
        if order.install_at is not None:
            await self._wait(order.install_at, "InstallScheduled", order)
        await self._install(order)

    async def _download(self, order: FirmwareOrder) -> Moved:
        charger = self._charger
        if "download" in charger.failing:
            raise TransferFailed("told to fail")
        return await persistently(
            order.attempts,
            order.interval_s,
            lambda: charger.web.download(order.location),
            lambda what: charger.say(f"firmware: {what}"),
        )

    def _verified(self, order: FirmwareOrder, moved: Moved) -> bool:
        """The signature over the whole file (L01.FR.04), then whatever else the maker checks."""
        if order.certificate is None:
            return True
        good = verifies(order.certificate, order.signature, moved.digest) and "signature" not in self._charger.failing
        self._tell("SignatureVerified" if good else "InvalidSignature", order)
        if not good:
            self._charger.security.event("InvalidFirmwareSignature", order.location)
            return False
        if "verification" in self._charger.failing:
            self._tell("InstallVerificationFailed", order)
            return False
        return True

    async def _install(self, order: FirmwareOrder) -> None:
        """When nobody charges any more (L01.FR.06, 07), and then boot with it."""
        charger = self._charger
        charger.box.withhold(True)
        while any(connector.transaction is not None for connector in charger.box.connectors):
            await charger.changed.wait()
        self._tell("Installing", order)
        await charger.clock.sleep(charger.profile.install_s)
        if "installation" in charger.failing:
            self._tell("InstallationFailed", order)
            return
        self.version = charger.profile.next_firmware or next_version(self.version, order.location)
        charger.box.withhold(False)
        charger.say(f"firmware {self.version} is installed")
        await charger.restart("Reboot", hard=False, boot_reason="FirmwareUpdate")
        self._tell("Installed", order)
        charger.security.event(
            "FirmwareUpdated", self.version, tell=None if order.signed else charger.profile.tells_security_events
        )

    async def _wait(self, until: int, status: str, order: FirmwareOrder) -> None:
        clock = self._charger.clock
        if until > clock.now() and order.signed:
            self._tell(status, order)
        await clock.sleep_until(until)

    def _tell(self, status: str, order: FirmwareOrder) -> None:
        if order.signed:
            self.signed = status
        else:
            self.status = status
        self._charger.say(f"firmware: {status}")
        self._charger.queue(Parcel(*self._charger.tongue.firmware_status(status, order.request_id, signed=order.signed), keep=True))

    async def tell_again(self, *, signed: bool) -> None:
        """Send the status on request: the last one, or Idle when there is nothing to do (1.6 §7.25, L01.FR.28, 29)."""
        if signed:
            status = IDLE if self.signed == "Installed" else self.signed
        else:
            status = IDLE if self.status in ENDS else self.status
        number = None if status == IDLE else self.request_id
        await self._charger.tell_now(*self._charger.tongue.firmware_status(status, number, signed=signed))


def next_version(version: str, location: str) -> str:
    """The version of an image: what its name says (``fw-2.1.0.bin``), or else one more than before."""
    named = _VERSION.findall(urlsplit(location).path.rpartition("/")[2])
    if named:
        return str(named[-1])
    stem, dot, last = version.rpartition(".")
    return f"{stem}{dot}{int(last) + 1}" if last.isdigit() else f"{version}.1"
