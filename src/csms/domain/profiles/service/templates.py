"""What operators do with templates."""

from __future__ import annotations

from csms.core.charging import TX, ChargingProfile
from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import Place
from csms.core.ports import ReadTx, Tx
from csms.domain.profiles import store
from csms.domain.profiles.checking import check_place, check_template
from csms.domain.profiles.model import Template, mark_key, template_key
from csms.domain.profiles.shown import LONGEST_DESCRIPTION, LONGEST_NAME, ProfileChange, ProfileTemplate, shown


def need_template(tx: ReadTx, name: str) -> Template:
    """A template of the tenant by its name, in any case. Raises ``NotFound``."""
    found = store.template(tx, name)
    if found is None:
        raise NotFound(f"there is no charging profile {name!r}")
    return found


def need_by_id(tx: ReadTx, template_id: int) -> Template:
    """A template of the tenant. Raises ``NotFound``."""
    found = store.template_by_id(tx, template_id)
    if found is None:
        raise NotFound(f"there is no charging profile {template_id}")
    return found


def need_shown(tx: ReadTx, template_id: int) -> ProfileTemplate:
    """A template as people see it. Raises ``NotFound``."""
    return shown(need_by_id(tx, template_id))


def add_template(tx: Tx, name: str, profile: ChargingProfile, *, description: str = "") -> Template:
    """Add a template. Raises ``Invalid``, or ``Conflict`` when the name is taken (in any case)."""
    tx.claim(template_key(tx.tenant, name))
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()):
        raise Invalid(f"a name has 1 to {LONGEST_NAME} printable characters, no space at either end", field="name")
    if not store.insert_template(tx, name, _described(description), check_template(profile)):
        raise Conflict(f"there is a charging profile {name!r} already")
    return need_template(tx, name)


def change_template(tx: Tx, name: str, profile: ChargingProfile, *, description: str = "") -> Template:
    """Change a template; where it is assigned it is sent again. Raises ``NotFound``, ``Invalid``, or ``Refused`` when it could not
    stay where it is assigned."""
    tx.claim(template_key(tx.tenant, name), mark_key(tx.tenant))
    known = need_template(tx, name)
    check_template(profile)
    if known.assignments and (profile.purpose == TX) != (known.profile.purpose == TX):
        raise Refused(f"{known.name!r} is assigned: it cannot become a {profile.purpose}")
    for each in store.list_assignments(tx, known.id):
        if profile.purpose != TX:
            check_place(profile, Place(each.evse))
    store.update_template(tx, known.id, _described(description), profile)
    store.bump(tx)
    return need_template(tx, name)


def alter_template(tx: Tx, template_id: int, change: ProfileChange) -> ProfileTemplate:
    """``change_template`` as somebody described it. Raises like that."""
    known = need_by_id(tx, template_id)
    profile = known.profile if change.profile is None else change.profile.profile
    description = known.description if change.description is None else change.description
    return shown(change_template(tx, known.name, profile, description=description))


def remove_by_id(tx: Tx, template_id: int) -> None:
    """``remove_template`` by its id. Raises like that."""
    remove_template(tx, need_by_id(tx, template_id).name)


def remove_template(tx: Tx, name: str) -> None:
    """Remove a template. Raises ``NotFound``, or ``Refused`` while it is assigned."""
    tx.claim(template_key(tx.tenant, name))
    known = need_template(tx, name)
    if known.assignments:
        where = ", ".join(str(each.target) for each in store.list_assignments(tx, known.id)[:5])
        raise Refused(f"{known.name!r} is assigned to {where}; unassign it first")
    store.delete_template(tx, known.id)


def _described(text: str) -> str:
    described = text.strip()
    if len(described) > LONGEST_DESCRIPTION or "\x00" in described:
        raise Invalid(f"a description has at most {LONGEST_DESCRIPTION} characters", field="description")
    return described
