"""What a person sees while a fleet runs."""

from __future__ import annotations

import trio
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .ledger import Ledger

EVERY_S = 0.5


def summary(ledger: Ledger) -> str:
    """The state of a run in a few words."""
    total = ledger.total()
    charging = ledger.transactions_started - ledger.transactions_ended
    lost = f", [red]{total.lost:,} lost[/]" if total.lost else ""
    return f"{ledger.connected_now:,} connected, {charging:,} charging, {total.sent:,} sent, {total.answered:,} answered{lost}"


async def show_progress(ledger: Ledger, duration_s: float, console: Console) -> None:
    """A bar until cancelled; nothing where there is no terminal."""
    if not console.is_terminal:
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=duration_s or None)
        began = trio.current_time()
        while True:
            progress.update(task, description=summary(ledger), completed=trio.current_time() - began, refresh=True)
            await trio.sleep(EVERY_S)
