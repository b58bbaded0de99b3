"""Guests of the world: they scan a connector's code, pay for a charge before it starts, and have no wallet that a rest could go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csms.core.ids import Place
from csms.core.payments import LINK, QR
from csms.core.ports import Ports
from csms.domain.billing.flows import prepaying
from csms.domain.billing.model.prepaying import GuestPrepaidBody
from csms.domain.payments import service as payments
from csms.domain.payments.model import Payment
from csms.domain.stations import service as stations
from csms.testing.world.charger import Charger

from .people import Person
from .purse import Purse

if TYPE_CHECKING:
    from .town import Town


class Guest(Person):
    """Somebody who passes by a charger."""

    def __init__(self, town: Town, charger: Charger) -> None:
        super().__init__(town, f"guest at {charger.charger_id}")
        self._charger = charger
        self._tenant = town.tenant_of(charger)
        self._purse = Purse(town, self._name, self._tenant)

    async def live(self) -> None:
        """Pay for a charge now and then, until the day is over."""
        while not self._town.world.closing.is_set():
            await self._pause()
            await self._charge()

    async def _charge(self) -> None:
        place = Place(self._draws.randint(1, self._charger.connectors), 1)
        code, key = f"{self._charger.charger_id}-{place.evse}", self._key("prepay")
        body = GuestPrepaidBody(
            amount_minor=self._draws.randrange(1_000, 5_000), way=self._draws.choice((LINK, QR)), phone="+919876543210"
        )

        async def want(ports: Ports) -> Payment:
            await ports.database.write(
                lambda tx: stations.give_codes(tx, [(self._charger.charger_id, place, code)]), tenant=self._tenant
            )
            _, made, _ = await prepaying.want(ports, code, body, key, start_url="https://csms.example.org/{code}")
            return await ports.database.read(payments.need_payment, made.payment_id, tenant=self._tenant)

        asked = await self._ask(want, f"prepays at {code}")
        if asked is not None:
            self._town.chores.start(self._purse.pay, asked)
