"""Who the chargers of a fleet are: everything about them, drawn from the seed before anything runs."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from simulators.charger.car import Supply
from simulators.charger.connector import Tag
from simulators.charger.profile import VERSIONS, Profile
from simulators.charger.quirks import QUIRKS
from simulators.charger.visits import Habits

MAKES: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    # vendor, meter, kW of the connectors it sells
    ("Volterra", "VM-3", (7.4, 11.0, 22.0)),
    ("Stromwerk", "SW-M1", (11.0, 22.0)),
    ("Bijli", "BJ-100", (3.3, 7.4)),
    ("Ampere & Sons", "AS-EM", (22.0, 50.0)),
    ("Kilowatt Kaisha", "KK-DC", (60.0, 120.0, 180.0)),
)


class PlanError(ValueError):
    """A plan that cannot be; the message is one line."""


@attrs.frozen(slots=True, kw_only=True)
class Wishes:
    """What is asked of a fleet."""

    chargers: int = 100
    seed: str = "1"
    mix: tuple[tuple[str, float], ...] = (("1.6", 70.0), ("2.0.1", 30.0))
    connectors: int = 2
    ramp_s: float = 10.0
    id_template: str = "SIM-{n:05}"
    tag_template: str = "TAG-{n:05}-{connector}"
    password_of: Callable[[str, int], bytes | None] = lambda charger_id, n: None
    meter_interval_s: int = 60
    aligned_interval_s: int = 900
    gap_s: float = 300.0
    stay_s: float = 1800.0
    stranger_share: float = 0.03
    quirk_share: float = 0.2
    quirks_each: int = 1
    """The most quirks that one charger has."""
    quirks: tuple[str, ...] = tuple(name for name, quirk in QUIRKS.items() if quirk.everywhere)
    call_timeout_s: float = 30.0
    retry_interval_s: int = 10
    backoff_min_s: float = 1.0
    backoff_max_s: float = 60.0


@attrs.frozen(slots=True, kw_only=True)
class Planned:
    """One charger: its profile, when it is switched on, whose drivers come, how wrong its clock is."""

    profile: Profile
    starts_after_s: float
    habits: Habits
    clock_offset_ms: int


def parse_mix(text: str) -> tuple[tuple[str, float], ...]:
    """``1.6=70,2.0.1=30`` as shares; raises ``PlanError``."""
    shares = []
    for part in text.split(","):
        version, _, share = part.strip().partition("=")
        if version not in VERSIONS:
            raise PlanError(f"no such OCPP version in the mix: {version!r} (one of {', '.join(VERSIONS)})")
        try:
            shares.append((version, float(share or "1")))
        except ValueError:
            raise PlanError(f"not a share in the mix: {part!r} (expected VERSION=NUMBER)") from None
    if any(share < 0 for _, share in shares) or sum(share for _, share in shares) <= 0:
        raise PlanError(f"the shares of a mix must be positive: {text!r}")
    return tuple(shares)


def fill(template: str, **values: object) -> str:
    """A template with its braces filled; raises ``PlanError`` naming those that may be used."""
    try:
        return template.format(**values)
    except (KeyError, IndexError, ValueError) as wrong:
        allowed = ", ".join(f"{{{name}}}" for name in values)
        raise PlanError(f"cannot fill the template {template!r}: {wrong!r} (allowed: {allowed})") from None


def versions(wishes: Wishes) -> list[str]:
    """A version for each charger: the mix exactly, as nearly as whole chargers allow, shuffled by the seed."""
    total = sum(share for _, share in wishes.mix)
    chosen: list[str] = []
    owed = 0.0
    for version, share in wishes.mix:
        owed += wishes.chargers * share / total
        chosen.extend([version] * (round(owed) - len(chosen)))
    random.Random(f"{wishes.seed}:versions").shuffle(chosen)
    return chosen


def plan(wishes: Wishes) -> list[Planned]:
    """The whole fleet. The same wishes give the same fleet."""
    planned = [_plan_one(wishes, number, version) for number, version in enumerate(versions(wishes), 1)]
    if len({one.profile.charger_id for one in planned}) < len(planned):
        raise PlanError(f"the id template {wishes.id_template!r} gives one id to several chargers (use {{n}})")
    return planned


def _plan_one(wishes: Wishes, number: int, version: str) -> Planned:
    rng = random.Random(f"{wishes.seed}:charger:{number}")
    charger_id = fill(wishes.id_template, n=number)
    vendor, meter, powers = rng.choice(MAKES)
    power = rng.choice(powers)
    connectors = rng.randint(1, wishes.connectors)
    quirks = _quirks(wishes, rng)
    at_plug = rng.random() < 0.4
    settings = {
        "meter_interval_s": str(wishes.meter_interval_s),
        "retry_interval_s": str(wishes.retry_interval_s),
        "aligned_interval_s": str(wishes.aligned_interval_s) if rng.random() < 0.25 else "0",
        "pre_authorize": rng.choice(("true", "false")),
    }
    if at_plug:
        settings |= {"start_point": "EVConnected", "stop_point": "EVConnected"}
    profile = Profile(
        charger_id=charger_id,
        password=wishes.password_of(charger_id, number),
        version=version,
        supplies=(Supply.of(power),) * connectors,
        vendor=vendor,
        model=f"{meter}/{power:g}",
        serial=f"{rng.randrange(10**10):010}",
        firmware=f"{rng.randint(1, 4)}.{rng.randint(0, 9)}.{rng.randint(0, 30)}",
        iccid=f"8991{rng.randrange(10**15):015}" if rng.random() < 0.5 else "",
        imsi=f"404{rng.randrange(10**12):012}",
        meter_type=meter,
        quirks=quirks,
        settings=tuple(settings.items()),
        register_wh=rng.randrange(5_000_000),
        resends_same_id=rng.random() < 0.5,
        call_timeout_s=wishes.call_timeout_s,
        backoff_min_s=wishes.backoff_min_s,
        backoff_max_s=wishes.backoff_max_s,
        restart_s=rng.uniform(3, 12),
        seed=wishes.seed,
    )
    tags = tuple(Tag(fill(wishes.tag_template, n=number, connector=connector)) for connector in range(1, connectors + 1))
    return Planned(
        profile=profile,
        starts_after_s=wishes.ramp_s * (number - 1 + rng.random()) / wishes.chargers,
        habits=Habits(gap_s=wishes.gap_s, stay_s=wishes.stay_s, tags=tags, stranger_share=wishes.stranger_share),
        clock_offset_ms=rng.randint(-1500, 1500),
    )


def _quirks(wishes: Wishes, rng: random.Random) -> frozenset[str]:
    """Nothing for most chargers, one quirk or a mixture for the others."""
    if not wishes.quirks or rng.random() >= wishes.quirk_share:
        return frozenset()
    return frozenset(rng.sample(wishes.quirks, min(rng.randint(1, wishes.quirks_each), len(wishes.quirks))))
