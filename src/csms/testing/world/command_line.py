"""The command line: many seeds in many processes, or one seed with everything that happens in it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from time import perf_counter

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from csms.memory import THRESHOLDS

from .faults import FAULTS, MONEY_FAULTS
from .run import Result, run_seed
from .world import Size

TWICE_EVERY = 20
"""Of so many seeds one is run twice, to see that a seed is a whole description of a run."""
SHOWN = 5
"""Broken promises shown of one seed."""
PLAIN_EVERY_S = 30.0

EXAMPLES = """
\b
Examples:
  python -m csms.testing.world --seeds 1000
  python -m csms.testing.world --seed 4711 --trace | less
  python -m csms.testing.world --seeds 20 --chargers 12 --hours 2
  python -m csms.testing.world --money --seeds 200
"""


@click.command(epilog=EXAMPLES)
@click.option("--seeds", type=click.IntRange(1), default=100, show_default=True, help="How many seeds to run.")
@click.option("--from", "first", type=click.IntRange(0), default=0, show_default=True, help="The first of them.")
@click.option("--seed", type=click.IntRange(0), help="Run this seed alone, twice, in this process.")
@click.option(
    "--chargers", type=click.IntRange(1, 1000), default=Size().chargers, show_default=True, help="Chargers in each world."
)
@click.option(
    "--hours", type=click.FloatRange(0.01, 1000), default=Size().hours, show_default=True, help="Virtual hours with faults."
)
@click.option("--money", is_flag=True, help="With tariffs, wallets, gateways and people who pay: money in = money out + balances.")
@click.option("--trace", is_flag=True, help="Show everything that happens (with --seed).")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave the databases in this folder (with --seed).")
@click.option("--jobs", type=click.IntRange(1, 256), default=os.cpu_count() or 1, show_default=True, help="Processes.")
def main(
    seeds: int,
    first: int,
    seed: int | None,
    chargers: int,
    hours: float,
    money: bool,
    trace: bool,
    keep: Path | None,
    jobs: int,
) -> None:
    """Run the simulated world: the whole server and its chargers in virtual time, with faults drawn from a seed.

    Exits with 1 when some seed breaks a promise; each says how to run it again.
    """
    if seed is None and (trace or keep):
        raise click.UsageError("--trace and --keep go with --seed")
    size = Size(chargers=chargers, hours=hours, money=money)
    if seed is not None:
        gc.set_threshold(*THRESHOLDS)
        results = [run_seed(seed, size, show=click.echo if trace else None, twice=not trace, keep=keep)]
    else:
        results = list(_shown(_all(range(first, first + seeds), size, jobs), seeds, size))
    if seed is not None and results[0].broken:
        click.echo(_complaint(results[0], size))
    _summarize(results)
    sys.exit(any(result.broken for result in results))


def _work(seed: int, size: Size) -> Result:
    gc.set_threshold(*THRESHOLDS)
    try:
        return run_seed(seed, size, twice=seed % TWICE_EVERY == 0)
    except Exception as error:
        broken = [("the world itself goes on", f"{type(error).__name__}: {error}")]
        return Result(seed=seed, digest="", broken=broken, fired=Counter(), checked=Counter(), counts=Counter())


def _all(seeds: range, size: Size, jobs: int) -> Iterator[Result]:
    """Every seed's result as it comes."""
    if jobs == 1:
        yield from (_work(seed, size) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_work, seed, size) for seed in seeds}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _shown(results: Iterator[Result], total: int, size: Size) -> Iterator[Result]:
    """The same results: broken ones in words as they come, with a bar on a terminal and a line now and then elsewhere."""
    console = Console(highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    done = broken = 0
    said_at = perf_counter()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("seeds", total=total)
        for result in results:
            done += 1
            broken += bool(result.broken)
            if result.broken and console.is_terminal:
                console.print(_complaint(result, size), markup=False)
            elif result.broken:
                click.echo(_complaint(result, size))
            progress.update(bar, completed=done, description=f"seeds, {broken} broken" if broken else "seeds")
            if not console.is_terminal and (perf_counter() - said_at > PLAIN_EVERY_S or done == total):
                said_at = perf_counter()
                click.echo(f"{done} of {total} seeds, {broken} broken", err=True)
            yield result


def _complaint(result: Result, size: Size) -> str:
    usual = Size()
    more = f" --chargers {size.chargers}" if size.chargers != usual.chargers else ""
    more += f" --hours {size.hours:g}" if size.hours != usual.hours else ""
    more += " --money" if size.money else ""
    lines = [f"seed {result.seed} breaks {len(result.broken)} promises"]
    lines += [f"  {name}:\n    {text}" for name, text in result.broken[:SHOWN]]
    if len(result.broken) > SHOWN:
        lines.append(f"  and {len(result.broken) - SHOWN} more")
    lines.append(f"  again: python -m csms.testing.world --seed {result.seed}{more} --trace")
    return "\n".join(lines)


def _summarize(results: list[Result]) -> None:
    fired: Counter[str] = sum((result.fired for result in results), Counter())
    checked: Counter[str] = sum((result.checked for result in results), Counter())
    counts: Counter[str] = sum((result.counts for result in results), Counter())
    broken = Counter(name for result in results for name in {name for name, _ in result.broken})
    console = Console()
    faults = Table("fault", "times", title="what went wrong")
    for fault in (*FAULTS, *(MONEY_FAULTS if any(fired[each] for each in MONEY_FAULTS) else ())):
        faults.add_row(fault, str(fired[fault]))
    promises = Table("promise", "looked at", "broken", title="what held")
    for name in sorted({*checked, *broken}):
        promises.add_row(name, str(checked[name]), str(broken[name]))
    console.print(faults)
    console.print(promises)
    console.print(", ".join(f"{count:,} {what}" for what, count in counts.items()))
    failed = sum(bool(result.broken) for result in results)
    console.print(f"{len(results)} seeds, {failed} broken")
