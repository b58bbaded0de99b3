"""What the server does every few seconds it does ten times a second: for tests that wait until a job has had its turn.

So it is with events: one that a plugin could not take comes again after a tenth of a second, and how far plugins are is kept as often.

``python -m csms.testing.hurried serve`` is ``csms serve`` that way; the fixture ``hurried_jobs`` does it to the servers of one test.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from csms import jobs, turns
from csms.db.pace import Pace
from csms.domain.billing import limits
from csms.plugins import bus

EVERY_FEW_SECONDS_S = 5.0
HURRIED_S = 0.1
LOOK_MS = 500
"""From one look at what a running charge costs to the next."""
METERED = ("--meter-interval", "20")
"""Chargers of a demo tell their meters oftener: once a second where somebody is waited for, thrice elsewhere."""
STUBS_AT = 9810
"""Where the stubs of a demo are: not in the way of one that is not hurried, which may start at the same moment."""


def hurry(put: Callable[[object, str, object], None] = setattr) -> None:
    """Hurry the servers of this process that start from now on; ``put`` sets an attribute."""
    table = jobs.table

    def hurried(*arguments: Any) -> list[jobs.Job]:
        return [attrs.evolve(job, every_s=HURRIED_S) if job.every_s <= EVERY_FEW_SECONDS_S else job for job in table(*arguments)]

    put(jobs, "table", hurried)
    put(turns, "EVERY_S", min(turns.EVERY_S, HURRIED_S))
    put(bus, "Pace", partial(Pace, first_retry_s=HURRIED_S, save_every_s=HURRIED_S))


def main() -> None:
    """The command line, hurried."""
    from csms import demo
    from csms.cli import main
    from csms.demo import stubs

    hurry()
    limits.SOONEST_MS = limits.USUAL_MS = LOOK_MS
    stubs.FIRST = STUBS_AT
    example: Any = demo
    example.CHARGERS = tuple(attrs.evolve(each, arguments=(*each.arguments, *METERED)) for each in demo.CHARGERS)
    main(prog_name="csms")


if __name__ == "__main__":
    main()
