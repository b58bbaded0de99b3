"""What tenants and people choose: settings, preferences, and no more of a kind."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from csms.core.errors import Invalid, NotFound
from csms.core.ports import ReadTx, Tx
from csms.domain.messages.catalogue import KINDS
from csms.domain.messages.choices import (
    KindShown,
    MessageSettings,
    MessageSettingsChange,
    Person,
    Preferences,
    PreferencesChange,
    PreferencesShown,
    SettingsShown,
    merged,
)
from csms.domain.messages.judging import address_of, usual
from csms.domain.messages.model import DRIVER, OUTBOX, preferences_key, settings_key
from csms.domain.messages.store import people

_SETTINGS = tuple(field.name for field in attrs.fields(MessageSettings))
_PREFERENCES = tuple(field.name for field in attrs.fields(Preferences))


def shown_settings(tx: ReadTx, available: Collection[str]) -> SettingsShown:
    """The tenant's settings, and what there is to choose from."""
    known = people.settings(tx)
    return SettingsShown(
        settings=known,
        time_zone=people.sender(tx).time_zone,
        kinds=_kinds(known),
        usual_channels=usual(available, known),
    )


def _kinds(settings: MessageSettings) -> list[KindShown]:
    return [
        KindShown(
            name=name, about=kind.about, sent=kind.needed or name not in settings.off, needed=kind.needed, optional=kind.optional
        )
        for name, kind in KINDS.items()
    ]


def change_settings(tx: Tx, wanted: MessageSettingsChange, available: Collection[str]) -> SettingsShown:
    """Change the tenant's settings."""
    tx.claim(settings_key(tx.tenant))
    known = people.settings(tx)
    people.save_settings(tx, MessageSettings(**merged(known, wanted, _SETTINGS)))
    return shown_settings(tx, available)


def need_person(tx: ReadTx, kind: str, who: int) -> Person:
    """A driver or one of the tenant's people. Raises ``NotFound``."""
    found = people.driver(tx, who) if kind == DRIVER else people.user(tx, who)
    if found is None or found.gone:
        raise NotFound(f"there is no {kind} {who}")
    return found


def shown_preferences(tx: ReadTx, kind: str, who: int, available: Collection[str]) -> PreferencesShown:
    """What somebody chose, and what there is to choose from. Raises ``NotFound``."""
    person = need_person(tx, kind, who)
    settings = people.settings(tx)
    channels = [each for each in usual(available, settings) if each != OUTBOX]
    return PreferencesShown(
        preferences=person.preferences,
        kinds=[each for each in _kinds(settings) if each.sent],
        channels=channels,
        reached_by=[each for each in channels if address_of(person, each)],
    )


def change_preferences(tx: Tx, kind: str, who: int, wanted: PreferencesChange, available: Collection[str]) -> PreferencesShown:
    """Change what somebody chose. Raises ``NotFound``, or ``Invalid`` for a field that is given and cleared."""
    tx.claim(preferences_key(tx.tenant, kind, who))
    person = need_person(tx, kind, who)
    for name in wanted.clear:
        if getattr(wanted, name) is not None:
            raise Invalid(f"{name} is given a value and cleared", field="clear")
    usually = {name: getattr(Preferences(), name) for name in wanted.clear}
    chosen = Preferences(**{**merged(person.preferences, wanted, _PREFERENCES), **usually})
    people.save_preferences(tx, kind, who, chosen)
    return shown_preferences(tx, kind, who, available)


def do_without(tx: Tx, kind: str, who: int, kind_of_message: str) -> None:
    """Somebody wants no more messages of a kind; once more changes nothing. Of who is gone nothing is kept. Raises ``Invalid``."""
    tx.claim(preferences_key(tx.tenant, kind, who))
    if kind_of_message not in KINDS or not KINDS[kind_of_message].optional:
        raise Invalid(f"nobody can do without messages of the kind {kind_of_message!r}", field="kind")
    try:
        known = need_person(tx, kind, who).preferences
    except NotFound:
        return
    if kind_of_message not in known.off:
        people.save_preferences(tx, kind, who, attrs.evolve(known, off=(*known.off, kind_of_message)))
