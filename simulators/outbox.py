"""What a stub was given to send, to be looked at: a page, and JSON under ``/stub/outbox``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from simulators.pages import cells, heading, link, page, table, text
from simulators.web import Answer, Failed, Json, Request, Web

KEPT = 1000
SHOWN = 50


@attrs.define(slots=True, eq=False)
class Sent:
    """One message. ``words`` is what a person reads, ``raw`` what the stub was told, ``links`` more to look at, by their names."""

    number: int
    id: str
    at: str
    to: str
    kind: str
    words: str
    raw: Any
    state: str = "accepted"
    subject: str = ""
    links: dict[str, str] = attrs.field(factory=dict)

    def shown(self) -> Json:
        """As JSON."""
        return attrs.asdict(self, recurse=False)


class Outbox:
    """The latest messages, oldest first."""

    def __init__(self, title: str, now: Callable[[], str]) -> None:
        self.title = title
        self.now = now
        self.sent: deque[Sent] = deque(maxlen=KEPT)
        self._count = 0

    def add(self, message_id: str, to: str, kind: str, words: str, raw: Any, **more: Any) -> Sent:
        """Keep a message."""
        self._count += 1
        sent = Sent(self._count, message_id, self.now(), to, kind, words, raw, **more)
        self.sent.append(sent)
        return sent

    def find(self, message_id: str) -> Sent:
        """One of those kept, by its id. Raises ``Failed``."""
        for sent in reversed(self.sent):
            if sent.id == message_id:
                return sent
        raise Failed(Answer.json({"error": f"there is no message {message_id}"}, 404))

    def chosen(self, request: Request) -> list[Sent]:
        """Those that a query asks for: ``to`` (the end of an address is enough), ``after`` (a number)."""
        to, after = request.query.get("to", ""), request.query.get("after", "0")
        least = int(after) if after.isdigit() else 0
        return [sent for sent in list(self.sent) if sent.number > least and sent.to.endswith(to.lstrip("+ "))]

    def routes(self, web: Web) -> None:
        """Serve them: ``GET /``, ``GET /stub/outbox``, ``GET /stub/outbox/ID``, ``DELETE /stub/outbox``."""
        web.add("GET", "/", lambda request: Answer.html(page(self.title, *self.pieces(request))))
        web.add("GET", "/stub/outbox", lambda request: Answer.json({"messages": [sent.shown() for sent in self.chosen(request)]}))
        web.add("GET", "/stub/outbox/<message_id>", lambda request, message_id: Answer.json(self.find(message_id).shown()))
        web.add("DELETE", "/stub/outbox", self._clear)

    def _clear(self, request: Request) -> Answer:
        self.sent.clear()
        return Answer(204)

    def pieces(self, request: Request, *, origin: str = "") -> list[str]:
        """The page, without its frame."""
        rows = [
            [
                *cells(sent.at, sent.to, sent.kind, f"{sent.subject}\n{sent.words}".strip(), sent.state),
                " ".join(link(origin + url, name) for name, url in sent.links.items()),
            ]
            for sent in self.chosen(request)[::-1][:SHOWN]
        ]
        return [
            heading("Outbox"),
            text("Nothing of this left this machine."),
            table(("at", "to", "kind", "words", "state", ""), rows),
            link(f"{origin}/stub/outbox", "as JSON"),
        ]
