"""``/health`` and ``/ready``: what each component says when it is really asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import trio

from csms import __version__

CHECK_LIMIT_S = 3.0

Probe = Callable[[], Awaitable[dict[str, Any]]]
"""Asks a component; returns details, or raises with the reason why it does not work."""


@attrs.frozen(slots=True)
class Component:
    """One thing to ask. ``vital``: the server is not ready without it; otherwise its trouble is only told."""

    name: str
    probe: Probe
    vital: bool = True


async def _ask(component: Component, results: dict[str, dict[str, Any]]) -> None:
    started = trio.current_time()
    result: dict[str, Any]
    try:
        with trio.fail_after(CHECK_LIMIT_S):
            result = {"status": "ok", **await component.probe()}
    except trio.TooSlowError:
        result = {"status": "failed", "reason": f"no answer within {CHECK_LIMIT_S:g} s"}
    except Exception as error:  # any failure of a component is what this page is for
        result = {"status": "failed", "reason": str(error) or type(error).__name__}
    result["vital"] = component.vital
    result["took_ms"] = round((trio.current_time() - started) * 1000, 2)
    results[component.name] = result


async def examine(components: list[Component]) -> tuple[bool, Mapping[str, Any]]:
    """Ask all components at once; whether every vital one works, and the page."""
    results: dict[str, dict[str, Any]] = {}
    async with trio.open_nursery() as nursery:
        for component in components:
            nursery.start_soon(_ask, component, results)
    ready = all(result["status"] == "ok" for result in results.values() if result["vital"])
    status = "ok" if all(result["status"] == "ok" for result in results.values()) else "degraded" if ready else "failed"
    ordered = {component.name: results[component.name] for component in components}
    return ready, {"status": status, "version": __version__, "components": ordered}
