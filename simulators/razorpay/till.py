"""What all parts of the stub share: the accounts, the time, the faults, and the webhooks that tell of what happened."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from simulators.clock import Clock
from simulators.faults import OF_REQUESTS, OF_WEBHOOKS, Fault, Faults
from simulators.posting import Poster
from simulators.web import Answer, Failed, Json

from .book import ALPHABET, Book

OF_MONEY: Mapping[str, str] = {
    "wrong_amount": "the next payment is of amount (or of one minor unit less than what was asked)",
    "wrong_currency": "the next payment is in currency (USD, where none is given)",
    "refund_fails": "the next refund is taken, and fails afterwards",
    "charge_fails": "the next charge of a saved method, or of a subscription when its turn comes, fails",
}
"""Faults with payments; ``match`` is of what is paid, or of the payment that is refunded."""


class Till:
    """See the module. ``refund_delay_s`` is how long a refund is pending; at 0 it is processed when it is answered."""

    def __init__(
        self, clock: Clock, *, seed: int = 0, refund_delay_s: float = 0.0, data: Path | None = None, **posting: Any
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.refund_delay_s = refund_delay_s
        self.data = data
        self.faults = Faults({**OF_REQUESTS, **OF_WEBHOOKS, **OF_MONEY})
        self.poster = Poster(self.faults, **posting)
        self.books: dict[str, Book] = {}
        self.advanced_s = 0
        self.ticked_at = 0
        self._told = 0

    @property
    def now(self) -> int:
        """Seconds since 1970, as far as this stub is concerned."""
        return self.clock.now() // 1000 + self.advanced_s

    def open(self, key_id: str, key_secret: str, webhook_secret: str, webhook_url: str = "") -> Book:
        """Open an account, or change the secrets and the address of one that is there."""
        book = self.books.get(key_id)
        if book is None:
            account_id = f"acc_{key_id[-14:]:0>14}"
            book = self.books[key_id] = Book(key_id, key_secret, webhook_secret, webhook_url, account_id, seed=self.seed)
        else:
            book.key_secret, book.webhook_secret = key_secret, webhook_secret
            book.webhook_url = webhook_url or book.webhook_url
        return book

    def whose(self, some_id: str) -> tuple[Book, Json]:
        """The account and the entity of an id: customers do not say whose they are. Raises ``Failed``."""
        for book in self.books.values():
            if (found := book.find(some_id)) is not None:
                return book, found
        raise Failed(Answer.json({"error": f"there is no {some_id}"}, 404))

    def fault(self, kind: str, subject: str) -> Fault | None:
        """Whether something goes wrong with money."""
        return self.faults.take(subject, kind)

    def tell(self, book: Book, kind: str, **entities: Json) -> None:
        """Post a webhook about entities, as they are now."""
        self._told += 1
        body = {
            "entity": "event",
            "account_id": book.account_id,
            "event": kind,
            "contains": list(entities),
            "payload": {name: {"entity": shown(entity)} for name, entity in entities.items()},
            "created_at": self.now,
        }
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        event_id = "".join(random.Random(f"{self.seed}/told/{self._told}").choices(ALPHABET, k=14))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Razorpay-Webhook/v1",
            "X-Razorpay-Event-Id": event_id,
        }
        genuine = {**headers, "X-Razorpay-Signature": book.sign_webhook(raw)}
        forged = {**headers, "X-Razorpay-Signature": book.sign_webhook(raw + b" ")}
        self.poster.post(event_id, kind, book.webhook_url, raw, genuine, forged)

    # --- kept in a file -------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write everything to the file, if there is one: whole or not at all."""
        if self.data is None:
            return
        books = [attrs.asdict(book) for book in self.books.values()]
        written = json.dumps({"advanced_s": self.advanced_s, "told": self._told, "books": books}, ensure_ascii=False)
        fresh = self.data.with_name(self.data.name + ".new")
        fresh.write_text(written, encoding="utf-8")
        os.replace(fresh, self.data)

    def load(self) -> None:
        """Go on where the file ends, if there is one. Secrets and addresses are those that were given at this start."""
        if self.data is None or not self.data.exists():
            return
        read = json.loads(self.data.read_text(encoding="utf-8"))
        self.advanced_s, self._told = read["advanced_s"], read["told"]
        for kept in read["books"]:
            kept["refund_keys"] = {key: tuple(value) for key, value in kept["refund_keys"].items()}
            given = self.books.get(kept["key_id"])
            book = self.books[kept["key_id"]] = Book(**kept)
            if given is not None:
                book.key_secret, book.webhook_secret = given.key_secret, given.webhook_secret
                book.webhook_url = given.webhook_url or book.webhook_url


def shown(entity: Json) -> Json:
    """An entity as it is shown: without what only the stub needs to know (names with ``_`` in front)."""
    return {name: value for name, value in entity.items() if not name.startswith("_")}
