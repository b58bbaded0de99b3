"""A version's components made ready to reckon with: in Wh, W and ms, sorted by kind."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from .rules import ENERGY, IDLE, RESERVATION, START, TIME, Component, Rules, Window

LABELS = {ENERGY: "Energy", TIME: "Charging time", IDLE: "Idle time", START: "Start", RESERVATION: "Reservation"}


@attrs.frozen(slots=True, kw_only=True, eq=False)
class Part:
    """One component. ``step`` is in Wh or ms. ``windows`` None is always."""

    kind: str
    label: str
    rate: Decimal
    each: bool = False
    windows: tuple[Window, ...] | None = None
    priority: int = 0
    from_wh: int = 0
    to_wh: int | None = None
    from_w: int | None = None
    to_w: int | None = None
    step: int = 0
    grace_ms: int = 0
    only_with_energy: bool = False
    source: str = ""
    factor: Decimal = Decimal(1)
    markup: Decimal = Decimal(0)


@attrs.frozen(slots=True, kw_only=True)
class Plan:
    """The parts of a version. ``grid`` is what the electricity costs; ``by_power`` says that some part looks at the power."""

    energy: tuple[Part, ...]
    time: tuple[Part, ...]
    idle: tuple[Part, ...]
    start: tuple[Part, ...]
    reservation: tuple[Part, ...]
    grid: tuple[Part, ...]
    by_power: bool
    windowed: tuple[Part, ...]


def plan_of(rules: Rules) -> Plan:
    """The parts of a version's rules."""
    parts = [_part(each) for each in rules.components]
    grid = tuple(_part(each.component()) for each in rules.electricity)
    return Plan(
        energy=_of(parts, ENERGY),
        time=_of(parts, TIME),
        idle=_of(parts, IDLE),
        start=_of(parts, START),
        reservation=_of(parts, RESERVATION),
        grid=grid,
        by_power=any(each.from_w is not None or each.to_w is not None for each in parts),
        windowed=tuple(each for each in (*parts, *grid) if each.windows is not None),
    )


def _of(parts: Iterable[Part], kind: str) -> tuple[Part, ...]:
    return tuple(each for each in parts if each.kind == kind)


def _part(component: Component) -> Part:
    if component.kind == ENERGY:
        step = _thousandths(component.step_kwh) or 0
    else:
        step = (component.step_s or 0) * 1000
    always = not component.windows or any(each.is_always for each in component.windows)
    return Part(
        kind=component.kind,
        label=component.name or LABELS[component.kind],
        rate=component.rate,
        each=component.kind == START or component.per == "each",
        windows=None if always else component.windows,
        priority=component.priority,
        from_wh=_thousandths(component.from_kwh) or 0,
        to_wh=_thousandths(component.to_kwh),
        from_w=_thousandths(component.from_kw),
        to_w=_thousandths(component.to_kw),
        step=step,
        grace_ms=component.grace_s * 1000,
        only_with_energy=component.only_with_energy,
        source=component.source,
        factor=component.factor,
        markup=component.markup,
    )


def _thousandths(value: Decimal | None) -> int | None:
    """kWh as Wh, kW as W: three digits behind the point are all that rules may have."""
    return None if value is None else int(value.scaleb(3))
