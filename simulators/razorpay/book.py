"""One account at the stub: every entity that it has, in the JSON shapes in which they are shown."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from simulators.web import Json

from .problems import refused, unknown

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KINDS = {
    "order": "order",
    "pay": "payment",
    "rfnd": "refund",
    "qr": "qr_code",
    "plink": "payment_link",
    "cust": "customer",
    "token": "token",
    "plan": "plan",
    "sub": "subscription",
    "inv": "invoice",
    "disp": "dispute",
}
"""What ids begin with, and the entities that they name."""

LATEST, MOST = 10, 100


@attrs.define(slots=True, eq=False)
class Book:
    """An account. ``key_secret`` signs what its customers bring back from a checkout, ``webhook_secret`` what is posted to it."""

    key_id: str
    key_secret: str = attrs.field(repr=False)
    webhook_secret: str = attrs.field(repr=False)
    webhook_url: str = ""
    account_id: str = "acc_StubAccount000"
    entities: dict[str, dict[str, Json]] = attrs.field(factory=lambda: {kind: {} for kind in KINDS.values()}, repr=False)
    refund_keys: dict[str, tuple[str, str]] = attrs.field(factory=dict, repr=False)
    """By idempotency key: what was asked (a digest), and the refund that came of it."""
    of_link: dict[str, str] = attrs.field(factory=dict, repr=False)
    """Orders, by the payment link that they belong to."""
    of_qr: dict[str, list[str]] = attrs.field(factory=dict, repr=False)
    """Payments, by the QR code that was scanned."""
    made: int = 0
    seed: int = 0

    def new_id(self, prefix: str) -> str:
        """A fresh id, such as ``pay_`` and fourteen letters and digits; the same in every run with the same seed."""
        self.made += 1
        chosen = random.Random(f"{self.seed}/{self.key_id}/{self.made}").choices(ALPHABET, k=14)
        return f"{prefix}_{''.join(chosen)}"

    def add(self, prefix: str, **fields: Any) -> Json:
        """Keep a new entity."""
        entity: Json = {"id": self.new_id(prefix), "entity": KINDS[prefix], **fields}
        self.entities.setdefault(KINDS[prefix], {})[entity["id"]] = entity
        return entity

    def find(self, some_id: str) -> Json | None:
        """An entity by its id, whatever it is."""
        return self.entities.get(KINDS.get(some_id.partition("_")[0], ""), {}).get(some_id)

    def get(self, kind: str, some_id: str) -> Json:
        """An entity that must be there. Raises ``Failed``."""
        found = self.entities.get(kind, {}).get(some_id)
        if found is None:
            raise unknown()
        return found

    def all(self, kind: str) -> list[Json]:
        """All of a kind, the newest first."""
        return list(self.entities.get(kind, {}).values())[::-1]

    def payments_of(self, order_id: str) -> list[Json]:
        """Every attempt to pay an order."""
        return [payment for payment in self.all("payment") if payment["order_id"] == order_id]

    def sign(self, text: str) -> str:
        """What a checkout page is given, to show that it was paid: HMAC-SHA256 with the account's key, in hexadecimal."""
        return hmac.new(self.key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def sign_webhook(self, body: bytes) -> str:
        """The same over a webhook's body, with the webhook's own secret."""
        return hmac.new(self.webhook_secret.encode(), body, hashlib.sha256).hexdigest()


def whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    """A number of a query."""
    text = query.get(name, str(default))
    if not text.isdigit():
        raise refused(f"The {name} must be an integer.", field=name)
    return int(text)


def listed(entities: Iterable[Json], query: Mapping[str, str], **filters: Callable[[Json, str], bool]) -> Json:
    """A page of a list as Razorpay answers it: ``count`` (10, at most 100), ``skip``, ``from``, ``to``, and filters of its own."""
    count, skip = whole_number(query, "count", LATEST), whole_number(query, "skip", 0)
    if count > MOST or count < 1:
        raise refused(f"The count may not be greater than {MOST}.", field="count")
    since, until = whole_number(query, "from", 0), whole_number(query, "to", 2**62)
    found = [each for each in entities if since <= each["created_at"] <= until]
    for name, fits in filters.items():
        if name in query:
            found = [each for each in found if fits(each, query[name])]
    found = found[skip : skip + count]
    return {"entity": "collection", "count": len(found), "items": found}
