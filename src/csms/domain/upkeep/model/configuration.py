"""Configuration of chargers: what they said it is, what it should be, and how far apart the two are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import ClassVar

import attrs

from csms.core.commands import VariableName
from csms.core.errors import Invalid
from csms.core.events import ChargerEvent, event
from csms.domain.security.model import KEY_NAMES, PROFILE_NAMES

PENDING = "pending"
"""It is to be set, or nobody knows yet whether it must be."""
UNCERTAIN = "uncertain"
"""It was sent, and no answer came: only reading it tells."""
TAKEN = "taken"
"""The charger said yes, and has not shown it yet."""
IN_STEP = "in_step"
REBOOT_REQUIRED = "reboot_required"
"""The charger said yes, and follows after its next reboot."""
REJECTED, NOT_SUPPORTED = "rejected", "not_supported"
NOT_KEPT = "not_kept"
"""The charger said yes, and shows something else."""

KEY_STATES = (PENDING, UNCERTAIN, TAKEN, IN_STEP, REBOOT_REQUIRED, REJECTED, NOT_SUPPORTED, NOT_KEPT)
PROBLEMS = frozenset({REJECTED, NOT_SUPPORTED, NOT_KEPT})
"""Not tried again until what is wanted changes, or the charger's firmware does."""

ALL, MODEL, STATION, CHARGERS = "all", "model", "station", "chargers"
SCOPES = (ALL, MODEL, STATION, CHARGERS)

MAX_KEYS = VariableName("GetConfigurationMaxKeys")
"""How many keys a charger tells at a time (1.6 §9.1.9)."""
LONGEST_NAME, LONGEST_VALUE = 200, 2500
"""Characters of a variable with its component, and of a value (2.0.1 SetVariableDataType; 1.6 takes 50 and 500)."""
MOST_VALUES = 2000
"""Variables that are remembered of one charger."""
MOST_SETTINGS = 500
"""Settings of one template."""

_SECRET_WORDS = ("password", "passwd", "passphrase", "secret", "privatekey", "apikey")
_NAME = re.compile(
    r"(?:(?P<component>[^.\[\]@=]+)(?:\[(?P<component_instance>[^\]]*)\])?(?:@(?P<evse>\d{1,9})(?:\.(?P<connector>\d{1,9}))?)?\.)?"
    r"(?P<name>[^.\[\]@=]+)(?:\[(?P<instance>[^\]]*)\])?"
)


def templates_key(tenant: int) -> str:
    """The write key of a tenant's configuration templates."""
    return f"configuration-templates:{tenant}"


# --- names ----------------------------------------------------------------------------------------------------------------------


def spelled(variable: VariableName) -> str:
    """A variable in one word: a 1.6 key as it is, else ``Component[instance]@evse.connector.Name[instance]``."""
    if not variable.component:
        return variable.name
    where = "" if variable.evse is None else f"@{variable.evse}" + (f".{variable.connector}" if variable.connector else "")
    own = f"[{variable.component_instance}]" if variable.component_instance else ""
    instance = f"[{variable.instance}]" if variable.instance else ""
    return f"{variable.component}{own}{where}.{variable.name}{instance}"


def variable_of(text: str) -> VariableName:
    """The variable of a spelling; what is not one of ours is a key by that very name."""
    found = _NAME.fullmatch(text)
    if found is None:
        return VariableName(text)
    parts = found.groupdict()
    return VariableName(
        name=parts["name"],
        component=parts["component"] or "",
        instance=parts["instance"] or "",
        component_instance=parts["component_instance"] or "",
        evse=None if parts["evse"] is None else int(parts["evse"]),
        connector=None if parts["connector"] is None else int(parts["connector"]),
    )


def is_secret(text: str) -> bool:
    """Whether a variable's value is a secret, by its name: such a value is neither stored nor shown."""
    name = variable_of(text).name.casefold()
    plain = re.sub(r"[^a-z]", "", name)
    return name in KEY_NAMES or plain in KEY_NAMES or any(word in plain for word in _SECRET_WORDS)


def check_setting(text: str, value: str) -> tuple[str, str]:
    """A variable and its value as they may be wanted. Raises ``Invalid``; for secrets it says what to use instead."""
    text = text.strip()
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise Invalid(f"a configuration variable has 1 to {LONGEST_NAME} printable characters, not {text!r}", field="variable")
    if is_secret(text):
        raise Invalid(f"{text} is a secret, which is never stored: use `csms security rotate-keys`", field="variable")
    if variable_of(text).name.casefold() in PROFILE_NAMES:
        raise Invalid(f"{text} can lock a charger out: use `csms security upgrade`", field="variable")
    if len(value) > LONGEST_VALUE or not (value.isprintable() or not value):
        raise Invalid(f"{text}: a value has at most {LONGEST_VALUE} printable characters", field="value")
    return text, value


# --- values ---------------------------------------------------------------------------------------------------------------------


def same_value(wanted: str, heard: str) -> bool:
    """Whether two values mean the same, however they are written: ``True`` is ``true``, ``1.0`` is ``1``, ``A, B`` is ``a,b``.

    Case does not count (1.6 §7: CiString500), nor does 1 for true where true or false is wanted.
    """
    one, other = wanted.strip().casefold(), heard.strip().casefold()
    if one == other:
        return True
    if one in ("true", "false"):
        return {"1": "true", "0": "false"}.get(other) == one
    if "," in one or "," in other:
        ours, theirs = one.split(","), other.split(",")
        return len(ours) == len(theirs) and all(same_value(*pair) for pair in zip(ours, theirs, strict=True))
    return _number(one) is not None and _number(one) == _number(other)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


# --- nouns ----------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Reading:
    """What a charger last said of a variable. ``known`` False: that it has none such; ``value`` None: it told none, or a secret."""

    variable: str
    known: bool = attrs.field(default=True, converter=bool)
    value: str | None = None
    readonly: bool | None = attrs.field(default=None, converter=attrs.converters.optional(bool))
    read_at: int = 0

    @property
    def folded(self) -> str:
        """By which variables compare: case does not count (1.6 CiString50)."""
        return self.variable.casefold()


@attrs.frozen(slots=True, kw_only=True)
class Template:
    """Settings for many chargers. ``vendor`` and ``model`` are case-folded; a ``model`` of ``""`` is every model of the vendor."""

    id: int = 0
    name: str
    scope: str = ALL
    vendor: str = ""
    model: str = ""
    station_id: int | None = None
    created_at: int = 0
    updated_at: int = 0

    @property
    def rank(self) -> int:
        """The higher one wins: named chargers over a station's over a model's over a vendor's over all."""
        return {CHARGERS: 4, STATION: 3, MODEL: 2 if self.model else 1, ALL: 0}[self.scope]


@attrs.frozen(slots=True, kw_only=True)
class Wanted:
    """A variable that is wanted of a charger. ``source`` is a template's name, ``""`` the charger's own.

    ``instead_of`` are the sources that it wins over, the strongest first, with what they want.
    """

    variable: str
    value: str
    source: str = ""
    instead_of: tuple[tuple[str, str], ...] = ()

    @property
    def folded(self) -> str:
        """See ``Reading``."""
        return self.variable.casefold()


def resolve(own: Iterable[tuple[str, str]], templates: Iterable[tuple[Template, str, str]]) -> dict[str, Wanted]:
    """What is wanted of a charger, by folded name: its own settings before those of templates by rank, of equals the newest."""
    ranked = [(5, 0, "", variable, value) for variable, value in own]
    ranked += [(each.rank, each.id, each.name, variable, value) for each, variable, value in templates]
    wanted: dict[str, Wanted] = {}
    for _, _, source, variable, value in sorted(ranked, reverse=True, key=lambda each: each[:2]):
        first = wanted.get(variable.casefold())
        if first is None:
            wanted[variable.casefold()] = Wanted(variable=variable, value=value, source=source)
        else:
            wanted[first.folded] = attrs.evolve(first, instead_of=(*first.instead_of, (source, value)))
    return wanted


@attrs.frozen(slots=True, kw_only=True)
class Key:
    """A variable that is wanted of a charger, and what became of telling it. Field names are column names (migration 0013)."""

    charger_id: str
    folded: str
    variable: str
    value: str
    source: str = ""
    state: str = PENDING
    answer: str = ""
    untold: bool = attrs.field(default=False, converter=bool)
    firmware: str = ""
    sent_at: int | None = None
    since_at: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Standing:
    """How a charger stands to what is wanted of it. Field names are column names (migration 0013)."""

    charger_id: str
    wanted: int = 0
    aligned_mark: int = 0
    aligned_station_id: int | None = None
    aligned_vendor: str = ""
    aligned_model: str = ""
    charger_created_at: int = 0
    reboot_since_at: int | None = None
    due_at: int | None = None
    failures: int = 0
    problem: str = ""
    checked_at: int | None = None


# --- events ---------------------------------------------------------------------------------------------------------------------


@event
@attrs.frozen(slots=True, kw_only=True)
class ConfigurationDrifted(ChargerEvent):
    """A charger does not have what it should: it had it and has something else now, or would not take it. Told once per drift.

    ``refused`` are those of the ``keys`` that it would not take; the others will be set again.
    """

    type: ClassVar[str] = "configuration_drifted"

    keys: tuple[str, ...]
    refused: tuple[str, ...] = ()


@event
@attrs.frozen(slots=True, kw_only=True)
class ConfigurationApplied(ChargerEvent):
    """A charger took what it should have. ``reboot_required`` are those of the ``keys`` that it follows after its next reboot."""

    type: ClassVar[str] = "configuration_applied"

    keys: tuple[str, ...]
    reboot_required: tuple[str, ...] = ()
