"""One account at work: the SDK's client for it, and what all requests have in common. What is here blocks: it runs in threads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import razorpay

from csms.hooks import GatewayAccount, GatewayError

from .model import CHECKOUT, RAZORPAY, Settings, address_of
from .wire import Wire

Json = dict[str, Any]

PAGE = 100
MAX_PAGES = 50
LOOK_BACK_S = 2 * 86_400
"""How far back something is looked for that Razorpay cannot find by our reference: QR codes and subscriptions."""
MAX_NOTES = 15
MAX_NOTE = 256
_ID = re.compile(r"[A-Za-z0-9_]{1,60}")


@attrs.frozen(slots=True, kw_only=True)
class Desk:
    """``now`` is the instant at which the work began."""

    sdk: Any = attrs.field(repr=False)
    settings: Settings
    account: GatewayAccount
    address: str
    now: int

    @property
    def checkout_script(self) -> str:
        """Where a page finds the checkout of this account."""
        return CHECKOUT if self.address == RAZORPAY else f"{self.address}/v1/checkout.js"

    @property
    def since(self) -> int:
        """From when on something is looked for, in seconds since 1970."""
        return self.now // 1000 - LOOK_BACK_S


def desk(account: GatewayAccount, settings: Settings, wire: Wire, now: int) -> Desk:
    """Sit down for an account. Raises ``GatewayError`` where its address is not allowed. The SDK's own retries stay off: they would
    repeat what must not be done twice."""
    address = address_of(account, settings)
    sdk = razorpay.Client(session=wire.errand(), auth=(account.key_id, account.key_secret), base_url=address)
    return Desk(sdk=sdk, settings=settings, account=account, address=address, now=now)


def known(gateway_id: str) -> str:
    """An id, if it looks like one: some come from people, and go into paths. Raises ``GatewayError``."""
    if _ID.fullmatch(gateway_id) is None:
        raise GatewayError("that is no id of Razorpay's", code="id")
    return gateway_id


def notes(reference: str, way: str, more: Mapping[str, str]) -> dict[str, str]:
    """Notes by which what we made is known again, and as many others as there is room for."""
    own = {"reference": reference, "way": way}
    others = {name: value[:MAX_NOTE] for name, value in more.items() if name not in own}
    return own | dict(list(others.items())[: MAX_NOTES - len(own)])


def reference_in(entity: Mapping[str, Any] | None) -> str:
    """Our reference in the notes of something; without notes Razorpay says ``[]``."""
    found = (entity or {}).get("notes")
    return str(found.get("reference", "")) if isinstance(found, dict) else ""


def way_in(entity: Mapping[str, Any]) -> str:
    """How it was asked for, in the notes of something."""
    found = entity.get("notes")
    return str(found.get("way", "")) if isinstance(found, dict) else ""


def every(ask: Callable[[Json], Json], query: Json, *, at_most: int = MAX_PAGES * PAGE) -> Iterator[Json]:
    """Everything in a list, page by page."""
    page_size = min(PAGE, at_most)
    for start in range(0, at_most, page_size):
        items = ask({**query, "count": page_size, "skip": start})["items"]
        yield from items
        if len(items) < page_size:
            return
