"""What waits for a writer: verbs with somebody waiting, and rows that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import outcome
import trio

from csms.core import tracing
from csms.core.ids import TenantId

from .patience import PATIENT

MOST_RERUNS = 8
"""Reruns of a verb with more keys, before its error is raised: a verb that claims something new every time would never end."""


class Write:
    """A verb and whoever waits for it. Its waiter can leave until its batch starts; then it is told how the batch ended."""

    __slots__ = (
        "_careless",
        "_task",
        "arguments",
        "keys",
        "left",
        "outcome",
        "patient",
        "request_id",
        "reruns",
        "started",
        "tenant",
        "verb",
    )

    def __init__(
        self,
        verb: Callable[..., Any],
        arguments: tuple[Any, ...],
        tenant: TenantId,
        keys: frozenset[str],
        *,
        careless: bool = False,
    ) -> None:
        self.verb = verb
        self.arguments = arguments
        self.tenant = tenant
        self.keys = keys
        self.outcome: outcome.Outcome[Any] | None = None
        self.started = False
        self.left = False
        self.reruns = 0
        self.patient = PATIENT.get()
        """Whether it lets others go first."""
        self.request_id = tracing.request_id()
        """The request to the API that it is for, which its events name."""
        self._careless = careless
        """Whether the waiter may leave even a running batch, for it does not matter to it whether this was written."""
        self._task: trio.lowlevel.Task | None = None

    async def wait(self) -> Any:
        """The verb's result, once it is durable. Cancelled before its batch started: it will not run."""
        self._task = trio.lowlevel.current_task()
        return await trio.lowlevel.wait_task_rescheduled(self.leave)

    def leave(self, _: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
        """The waiter is cancelled. In a running batch it has to hear the end of it."""
        if self.started and not self._careless:
            return trio.lowlevel.Abort.FAILED
        self.left = True
        return trio.lowlevel.Abort.SUCCEEDED

    def wake(self) -> None:
        """Tell the waiter how it ended."""
        if self._task is not None and not self.left:
            trio.lowlevel.reschedule(self._task, self.outcome or outcome.Value(None))
            self._task = None


class Append:
    """Rows for one statement. ``tries`` counts the lost connections they were part of, ``doubt`` is a transaction of unknown fate."""

    __slots__ = ("doubt", "key", "rows", "sql", "tenant", "tries")

    def __init__(self, sql: str, rows: Sequence[Mapping[str, Any]], key: str, tenant: TenantId) -> None:
        self.sql = sql
        self.rows = rows
        self.key = key
        self.tenant = tenant
        self.tries = 0
        self.doubt: int | None = None


Work = Write | Append


def weight(work: Work) -> int:
    """What a piece of work counts for in the queue: one for a verb, one for every row."""
    return 1 if isinstance(work, Write) else len(work.rows)
