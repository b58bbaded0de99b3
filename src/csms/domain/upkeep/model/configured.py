"""Configuration as people see it: what chargers have and should have, where they differ, and templates with their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from attrs import validators

from csms.core.paging import Page, Paged, filter_by, one_of, sorts

from .configuration import ALL, IN_STEP, KEY_STATES, LONGEST_NAME, MOST_SETTINGS, SCOPES, Key, Standing, Template

MOST_NAMED = 1000
"""Chargers that one request can name."""
_UP_TO = validators.max_len


@attrs.frozen(slots=True, kw_only=True)
class SourceAndValue:
    """A source that another one wins over, and what it wants."""

    source: str
    value: str


@attrs.frozen(slots=True, kw_only=True)
class ConfigurationVariable:
    """A variable of a charger: its ``value`` as the charger last said, and what is ``wanted`` of it.

    ``known`` is false where the charger says that it has none such, null where it was never asked. The value of a ``secret`` is neither
    kept nor shown. ``source`` is the template's name that wants it, the charger's id where it is its own setting, ``""`` where nothing
    is wanted; ``instead_of`` are those it wins over. ``state`` is how far telling the charger is.
    """

    variable: str
    value: str | None
    known: bool | None
    secret: bool
    readonly: bool | None
    read_at: int | None
    wanted: str | None
    source: str
    instead_of: Sequence[SourceAndValue]
    state: str
    answer: str


@attrs.frozen(slots=True, kw_only=True)
class ConfigurationStanding:
    """How a charger stands to what is wanted of it.

    ``wanted`` counts variables. ``reboot_since_at``: it said that it needs a reboot to follow. ``problem`` is why it could not be told
    everything, ``due_at`` when it is looked at again, ``checked_at`` when it was last found out what it has.
    """

    wanted: int
    reboot_since_at: int | None
    due_at: int | None
    failures: int
    problem: str
    checked_at: int | None


def standing_of(known: Standing) -> ConfigurationStanding:
    """Without what only keeps it aligned with the templates."""
    return ConfigurationStanding(**{field.name: getattr(known, field.name) for field in attrs.fields(ConfigurationStanding)})


@attrs.frozen(slots=True, kw_only=True)
class ChargerConfiguration(Page[ConfigurationVariable]):
    """A page of a charger's variables, and how it stands; ``standing`` is null where nothing was ever wanted of it."""

    charger_id: str
    standing: ConfigurationStanding | None


@attrs.frozen(slots=True, kw_only=True)
class ConfigurationQuery(Paged):
    """Which variables of a charger somebody wants."""

    sort: str = sorts("variable", default="variable")
    wanted: bool | None = filter_by("whether anything is wanted of it")
    state: str | None = one_of(*KEY_STATES, help="how far telling the charger is")


@attrs.frozen(slots=True, kw_only=True)
class WantedSetting:
    """A variable that is wanted of a charger, and what became of telling it."""

    variable: str
    value: str
    source: str
    state: str
    answer: str
    sent_at: int | None
    since_at: int


def wanted_setting(key: Key) -> WantedSetting:
    """Without what only telling goes by."""
    return WantedSetting(**{field.name: getattr(key, field.name) for field in attrs.fields(WantedSetting)})


@attrs.frozen(slots=True, kw_only=True)
class OwnSettings:
    """What is wanted of one charger before whatever templates want of it."""

    charger_id: str
    settings: Mapping[str, str]


@attrs.frozen(slots=True, kw_only=True)
class OwnSettingsChange:
    """Settings to be wanted of one charger, and variables of which nothing of its own is wanted any more."""

    settings: dict[str, str] = attrs.field(factory=dict, validator=_UP_TO(MOST_SETTINGS))
    without: tuple[str, ...] = attrs.field(default=(), validator=_UP_TO(MOST_SETTINGS))


@attrs.frozen(slots=True, kw_only=True)
class Drift:
    """A variable that is not (known to be) as it should at a charger. ``heard`` is what the charger last said."""

    charger_id: str
    variable: str
    wanted: str
    heard: str | None
    read_at: int | None
    source: str
    state: str
    answer: str
    since_at: int
    reboot_since_at: int | None
    problem: str


@attrs.frozen(slots=True, kw_only=True)
class DriftQuery(Paged):
    """Which differences somebody wants."""

    sort: str = sorts("charger_id", "variable", "since_at", default="charger_id")
    state: str | None = one_of(*(each for each in KEY_STATES if each != IN_STEP), help="how far telling the charger is")
    variable: str | None = filter_by("of this variable, in any case")
    source: str | None = filter_by("wanted by the template of this name")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")


# --- templates ------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class TemplateItem(Template):
    """A template, with how many settings it has and how many chargers it names."""

    settings: int = 0
    chargers: int = 0


@attrs.frozen(slots=True, kw_only=True)
class TemplateDetail(Template):
    """A template with its settings, and the chargers that it names."""

    settings: Mapping[str, str]
    chargers: Sequence[str]


@attrs.frozen(slots=True, kw_only=True)
class TemplatesQuery(Paged):
    """Which templates somebody wants."""

    sort: str = sorts("id", "name", "updated_at", default="id")
    scope: str | None = one_of(*SCOPES, help="for whom they are")
    station_id: int | None = filter_by("for this station")


@attrs.frozen(slots=True, kw_only=True)
class NewTemplate:
    """A template: for ``all``, for a ``model`` (or every model of a vendor), for a ``station``, or for named ``chargers``."""

    name: str = attrs.field(validator=_UP_TO(100))
    scope: str = attrs.field(default=ALL, validator=validators.in_(SCOPES))
    vendor: str = attrs.field(default="", validator=_UP_TO(255))
    model: str = attrs.field(default="", validator=_UP_TO(255))
    station_id: int | None = None
    charger_ids: tuple[str, ...] = attrs.field(default=(), validator=_UP_TO(MOST_NAMED))
    settings: dict[str, str] = attrs.field(factory=dict, validator=_UP_TO(MOST_SETTINGS))


@attrs.frozen(slots=True, kw_only=True)
class TemplateChange:
    """What is to change of a template: settings added or changed, variables taken out, chargers named or not named any more."""

    settings: dict[str, str] = attrs.field(factory=dict, validator=_UP_TO(MOST_SETTINGS))
    without: tuple[str, ...] = attrs.field(default=(), validator=_UP_TO(MOST_SETTINGS))
    add_chargers: tuple[str, ...] = attrs.field(default=(), validator=_UP_TO(MOST_NAMED))
    remove_chargers: tuple[str, ...] = attrs.field(default=(), validator=_UP_TO(MOST_NAMED))


@attrs.frozen(slots=True, kw_only=True)
class ToRead:
    """What to ask a charger: variables by their spelling; none is all."""

    variables: tuple[str, ...] = attrs.field(
        default=(), validator=[_UP_TO(MOST_SETTINGS), validators.deep_iterable(_UP_TO(LONGEST_NAME))]
    )


@attrs.frozen(slots=True, kw_only=True)
class ToApply:
    """``again`` also tells a charger what it refused before."""

    again: bool = False
