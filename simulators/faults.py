"""Faults on demand: what shall go wrong, how often, and with which requests or webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import attrs
import trio

from simulators.web import Answer, Failed, Request

TIMEOUT, ERROR, PAGE, LOST, LATE = "timeout", "error", "page", "lost", "late"
OF_REQUESTS: Mapping[str, str] = {
    TIMEOUT: "nothing is done; after delay_s the connection ends without an answer",
    ERROR: "nothing is done; the answer is status, in the provider's own shape",
    PAGE: "nothing is done; the answer is status with a page of HTML, as load balancers send it",
    LOST: "it is done, and the connection ends without an answer",
    LATE: "it is done, and the answer comes after delay_s",
}

DROP, DUPLICATE, DELAY, REORDER, FORGE = "drop", "duplicate", "delay", "reorder", "forge"
OF_WEBHOOKS: Mapping[str, str] = {
    DROP: "the webhook is never sent",
    DUPLICATE: "the webhook is sent twice",
    DELAY: "the webhook is sent after delay_s",
    REORDER: "the webhook is sent after the next one, or after delay_s where none comes",
    FORGE: "the webhook is sent once with a signature that does not hold, and never again",
}


@attrs.define(slots=True)
class Fault:
    """Something that shall go wrong ``times`` times, once ``after`` others of its kind went well.

    ``match`` is a pattern (``*``, ``?``): of ``METHOD /path`` for requests, of the event's name for webhooks.
    """

    kind: str
    match: str = "*"
    times: int = 1
    after: int = 0
    status: int = 503
    delay_s: float = 30.0
    amount: int | None = None
    currency: str = ""


_TYPES: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "match": (str,),
    "times": (int,),
    "after": (int,),
    "status": (int,),
    "delay_s": (int, float),
    "amount": (int,),
    "currency": (str,),
}


class Faults:
    """Those still to come. ``kinds`` are those that this stub knows, with what they mean."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.waiting: list[Fault] = []

    def add(self, kind: str, match: str = "*", **more: Any) -> Fault:
        """Ask for one. Raises ``ValueError`` for a kind that this stub does not know."""
        if kind not in self.kinds:
            raise ValueError(f"no such fault: {kind!r} (one of {', '.join(self.kinds)})")
        for name, value in more.items():
            if name not in _TYPES or isinstance(value, bool) or not isinstance(value, _TYPES[name]):
                raise ValueError(f"not a fault's field: {name}={value!r} (there are {', '.join(_TYPES)})")
        fault = Fault(kind, match, **more)
        self.waiting.append(fault)
        return fault

    def take(self, subject: str, *kinds: str) -> Fault | None:
        """The fault that this one is to suffer, if any."""
        for fault in self.waiting:
            if fault.kind not in kinds or not fnmatchcase(subject, fault.match):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.waiting.remove(fault)
            return fault
        return None

    # --- over HTTP: /stub/faults ----------------------------------------------------------------------------------------------

    def show(self, request: Request) -> Answer:
        """Which are still to come, and which there are."""
        return Answer.json({"waiting": [attrs.asdict(fault) for fault in self.waiting], "kinds": dict(self.kinds)})

    def ask(self, request: Request) -> Answer:
        """Ask for one: ``{"kind": ..., "match": ...}``, or for several: ``{"faults": [...]}``."""
        body = request.fields()
        asked = body.get("faults", [body])
        try:
            added = [self.add(str(each.pop("kind", "")), **each) for each in (dict(one) for one in asked)]
        except (TypeError, ValueError) as error:
            raise Failed(Answer.json({"error": str(error)}, 400)) from None
        return Answer.json({"waiting": [attrs.asdict(fault) for fault in added]}, 201)

    def clear(self, request: Request) -> Answer:
        """Nothing goes wrong any more."""
        self.waiting.clear()
        return Answer(204)

    # --- around requests ------------------------------------------------------------------------------------------------------

    async def around(self, request: Request, handle: Callable[[], Answer], error: Callable[[int], Answer]) -> Answer | None:
        """Answer, unless something goes wrong with it; requests to ``/stub`` never suffer."""
        own = request.path == "/" or request.path.startswith("/stub")
        fault = None if own else self.take(f"{request.method} {request.path}", *OF_REQUESTS)
        if fault is None:
            return handle()
        match fault.kind:
            case "error":
                return error(fault.status)
            case "page":
                return Answer.html("<html><body><h1>Bad Gateway</h1></body></html>", fault.status)
            case "lost":
                handle()
                return None
            case "late":
                answer = handle()
                await trio.sleep(fault.delay_s)
                return answer
        await trio.sleep(fault.delay_s)
        return None
