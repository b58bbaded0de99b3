"""What operators want of chargers' configuration: settings of one charger, and templates for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from csms.core.errors import Conflict, Invalid, NotFound
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import service as stations
from csms.domain.upkeep.model.configuration import (
    CHARGERS,
    MODEL,
    MOST_SETTINGS,
    SCOPES,
    STATION,
    Template,
    check_setting,
    templates_key,
)
from csms.domain.upkeep.model.configured import NewTemplate, TemplateChange, TemplateDetail
from csms.domain.upkeep.store import templates as store

from .configuration import align

LONGEST = 100
"""Characters of a template's name."""


def _checked(settings: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    seen: set[str] = set()
    for variable, value in settings.items():
        name, kept = check_setting(variable, value)
        if name.casefold() in seen:
            raise Invalid(f"{name} is given twice", field="variable")
        seen.add(name.casefold())
        found[name] = kept
    return found


# --- a charger's own --------------------------------------------------------------------------------------------------------------


def want(tx: Tx, charger_id: str, settings: Mapping[str, str]) -> None:
    """Want settings of one charger, before whatever templates want of it. Raises ``NotFound`` or ``Invalid``."""
    tx.claim(charger_key(charger_id))
    stations.need_charger(tx, charger_id)
    align(tx, charger_id)  # first, as it may have to start over
    for variable, value in _checked(settings).items():
        store.save_wish(tx, charger_id, variable, value)
    align(tx, charger_id)


def unwant(tx: Tx, charger_id: str, variables: Sequence[str]) -> None:
    """Leave variables of a charger to the templates, or alone. Raises ``NotFound``."""
    tx.claim(charger_key(charger_id))
    stations.need_charger(tx, charger_id)
    for variable in variables:
        if not store.delete_wish(tx, charger_id, variable.strip()):
            raise NotFound(f"nothing is wanted of {charger_id}'s own {variable}")
    align(tx, charger_id)


def change_own(tx: Tx, charger_id: str, settings: Mapping[str, str], without: Sequence[str] = ()) -> None:
    """Want settings of one charger, and others of ``without`` not any more. Raises ``NotFound`` or ``Invalid``."""
    if without:
        unwant(tx, charger_id, without)
    want(tx, charger_id, settings)


# --- templates ------------------------------------------------------------------------------------------------------------------


def detail(tx: ReadTx, template: Template) -> TemplateDetail:
    """A template with its settings, and the chargers that it names."""
    chargers = store.chargers_of(tx, template.id) if template.scope == CHARGERS else []
    return TemplateDetail(**attrs.asdict(template), settings=store.settings_of(tx, template.id), chargers=chargers)


def need_detail(tx: ReadTx, template_id: int) -> TemplateDetail:
    """A template by id, with its settings. Raises ``NotFound``."""
    found = store.by_id(tx, template_id)
    if found is None:
        raise NotFound(f"there is no configuration template {template_id}")
    return detail(tx, found)


def add_new(tx: Tx, new: NewTemplate) -> TemplateDetail:
    """``add_template`` as somebody described it. Raises like that."""
    template = Template(name=new.name, scope=new.scope, vendor=new.vendor, model=new.model, station_id=new.station_id)
    return detail(tx, add_template(tx, template, new.settings, new.charger_ids))


def alter(tx: Tx, template_id: int, change: TemplateChange) -> TemplateDetail:
    """Change a template as somebody described it. Raises ``NotFound`` or ``Invalid``."""
    tx.claim(templates_key(tx.tenant))
    name = need_detail(tx, template_id).name
    if change.add_chargers or change.remove_chargers:
        change_chargers(tx, name, change.add_chargers, change.remove_chargers)
    return detail(tx, change_template(tx, name, change.settings, change.without))


def remove_by_id(tx: Tx, template_id: int) -> None:
    """``remove_template`` by its id. Raises ``NotFound``."""
    tx.claim(templates_key(tx.tenant))
    remove_template(tx, need_detail(tx, template_id).name)


def need_template(tx: ReadTx, name: str) -> Template:
    """A template by name. Raises ``NotFound``."""
    found = store.template(tx, name)
    if found is None:
        raise NotFound(f"there is no configuration template {name!r}")
    return found


def add_template(tx: Tx, new: Template, settings: Mapping[str, str], charger_ids: Sequence[str] = ()) -> Template:
    """Add a template with its settings. Raises ``Invalid``, ``NotFound``, or ``Conflict`` when the name is taken."""
    name = new.name.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise Invalid(f"a template's name has 1 to {LONGEST} printable characters", field="name")
    new = attrs.evolve(new, name=name, vendor=new.vendor.strip().casefold(), model=new.model.strip().casefold())
    if new.scope not in SCOPES:
        raise Invalid(f"scope {new.scope!r}: use one of {', '.join(SCOPES)}", field="scope")
    if (new.scope == MODEL) != bool(new.vendor) or (new.model and not new.vendor):
        raise Invalid("a template for a model names its vendor, and no other does", field="vendor")
    if (new.scope == STATION) != (new.station_id is not None):
        raise Invalid("a template for a station names it, and no other does", field="station_id")
    if (new.scope == CHARGERS) != bool(charger_ids):
        raise Invalid("a template for chargers names them, and no other does", field="charger_ids")
    if new.station_id is not None:
        stations.need_station(tx, new.station_id)
    tx.claim(templates_key(tx.tenant))
    template_id = store.insert_template(tx, new)
    if template_id is None:
        raise Conflict(f"there is a configuration template {name!r} already")
    _set(tx, template_id, settings)
    for charger_id in charger_ids:
        stations.need_charger(tx, charger_id)
        store.name_charger(tx, template_id, charger_id)
    store.bump(tx)
    return need_template(tx, name)


def change_template(tx: Tx, name: str, settings: Mapping[str, str], without: Sequence[str] = ()) -> Template:
    """Add settings to a template or change them, and take others out. Raises ``NotFound`` or ``Invalid``."""
    template = _claimed(tx, name)
    _set(tx, template.id, settings)
    for variable in without:
        if not store.delete_setting(tx, template.id, variable.strip()):
            raise NotFound(f"{template.name} says nothing of {variable}")
    return _changed(tx, template)


def change_chargers(tx: Tx, name: str, more: Sequence[str] = (), less: Sequence[str] = ()) -> Template:
    """Have a template for named chargers name others. Raises ``NotFound`` or ``Invalid``."""
    template = _claimed(tx, name)
    if template.scope != CHARGERS:
        raise Invalid(f"{template.name} names no chargers: it is for {template.scope}", field="charger_ids")
    for charger_id in more:
        stations.need_charger(tx, charger_id)
        store.name_charger(tx, template.id, charger_id)
    for charger_id in less:
        if not store.drop_charger(tx, template.id, charger_id):
            raise NotFound(f"{template.name} does not name {charger_id}")
    return _changed(tx, template)


def remove_template(tx: Tx, name: str) -> None:
    """Take a template away; what it set stays at the chargers until somebody wants something else. Raises ``NotFound``."""
    store.delete_template(tx, _claimed(tx, name).id)
    store.bump(tx)


def _claimed(tx: Tx, name: str) -> Template:
    tx.claim(templates_key(tx.tenant))
    return need_template(tx, name)


def _set(tx: Tx, template_id: int, settings: Mapping[str, str]) -> None:
    store.save_settings(tx, template_id, _checked(settings))
    if len(store.settings_of(tx, template_id)) > MOST_SETTINGS:
        raise Invalid(f"a template has at most {MOST_SETTINGS} settings", field="settings")


def _changed(tx: Tx, template: Template) -> Template:
    store.touch_template(tx, template.id)
    store.bump(tx)
    return need_template(tx, template.name)
