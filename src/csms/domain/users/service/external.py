"""Verbs on people whom identity providers vouch for: met for the first time, granted a role, told to have changed or gone."""

from __future__ import annotations

from csms.core.access import DRIVER, IDENTITY_PROVIDER, SYSTEM_ADMIN, AuditEntry
from csms.core.errors import Conflict
from csms.core.ports import ReadTx, Tx
from csms.domain.audit import service as audit
from csms.domain.users.model import Member, User, UserChanged, address_key, members_key, user_key
from csms.domain.users.providers import Person, Provider
from csms.domain.users.service import logins, members
from csms.domain.users.service.members import LIMITED_TO_STATIONS, Neighbours
from csms.domain.users.service.people import need_user
from csms.domain.users.store import external as store
from csms.domain.users.store import memberships, people
from csms.domain.users.store.external import Granted, Identity
from csms.domain.users.user_webhooks import Told


def identity_key(person: Person) -> str:
    """The write key of somebody as their provider knows them."""
    return f"external:{person.issuer}:{person.subject}"


def meet(tx: Tx, provider: Provider, person: Person) -> Identity:
    """Who somebody is here; at the first time they get an account. Raises ``Conflict`` where it was made at this moment."""
    tx.claim(identity_key(person))
    known = store.identity(tx, person.issuer, person.subject)
    if known is None:
        store.insert(tx, issuer=person.issuer, subject=person.subject, user_id=_account(tx, provider, person))
        known = _need(tx, person)
    return known


def _need(tx: ReadTx, person: Person) -> Identity:
    found = store.identity(tx, person.issuer, person.subject)
    assert found is not None, "it was inserted in this transaction"
    return found


def _account(tx: Tx, provider: Provider, person: Person) -> int:
    """The account that somebody has already, by their verified address, where the configuration says so; else a new one.

    An address that another account has stays there: then the new account has none. A system administrator's account is taken over
    only by a provider that may make some.
    """
    tx.claim(*sorted(address_key(each) for each in (people.folded(person.email), person.phone) if each))
    owner = people.by_email(tx, person.email) if person.email else None
    if owner is not None and provider.link_verified_emails and owner.email_verified_at is not None:
        is_admin = any(each.role == SYSTEM_ADMIN for each in memberships.of_user(tx, owner.id))
        if provider.system_admins or not is_admin:
            return owner.id
    email = person.email if owner is None else ""
    phone = person.phone if person.phone and people.by_phone(tx, person.phone) is None else ""
    made = people.insert(
        tx,
        name=person.called,
        email=email,
        email_verified_at=tx.now if email else None,
        phone=phone,
        phone_verified_at=tx.now if phone else None,
        locale="en",
        password_hash="",
        password_expires_at=None,
    )
    if made is None:
        raise Conflict("an account with this address was made at this moment: try again")
    return made


# --- roles ----------------------------------------------------------------------------------------------------------------------


def wanted_role(
    provider: Provider, before: Granted | None, member: Member | None, said: str, said_at: int, *, whole: bool
) -> str | None:
    """The role that somebody is to have by what their provider says, ``""`` for none at all; None where nothing is to be done.

    What is older than what it said last is not heeded. ``said`` ``""``: it says nothing of a role. Then the default is for who is
    nobody here yet, and for who had a role by its word; a role that people here gave stays. ``whole``: it would have said one, as
    a token does and the message of a webhook need not.
    """
    if (before is not None and said_at < before.said_at) or (member is not None and member.disabled_at is not None):
        return None
    if said:
        target: str | None = said
    elif member is None:
        target = provider.default_role or None
    else:
        target = provider.default_role if whole and before is not None and before.role else None
    if member is not None and member.role == SYSTEM_ADMIN and not provider.system_admins:
        return None
    same = member is not None and before is not None and target == member.role and before.role == said
    return None if same else target


def grant(tx: Tx, neighbours: Neighbours, provider: Provider, identity: Identity, said: str, said_at: int, *, whole: bool) -> None:
    """Make somebody what their provider says, in the transaction's tenant: it is in charge, even of the last owner."""
    assert identity.user_id is not None
    user_id = identity.user_id
    tx.claim(*sorted((members_key(tx.tenant), user_key(user_id))))
    member = memberships.member(tx, user_id)
    role = wanted_role(provider, store.granted(tx, identity.id), member, said, said_at, whole=whole)
    if role is None:
        return
    before = "" if member is None else member.role
    if role != before:
        audit.record(tx, _entry(provider, user_id, before, role))
    if member is None:
        members.join(tx, neighbours, need_user(tx, user_id), role=role)
    elif not role:
        memberships.delete(tx, user_id)
        tx.emit(UserChanged(tenant=tx.tenant, user_id=user_id, what="left", role=member.role))
    elif role != member.role:
        _change_role(tx, neighbours, member, role)
    store.set_granted(tx, identity.id, role=said, said_at=said_at)


def _entry(provider: Provider, user_id: int, before: str, after: str) -> AuditEntry:
    """What the audit log tells of a role that a provider gave, changed or took; whose request brought it is nobody's doing."""
    return AuditEntry(
        actor_kind=IDENTITY_PROVIDER,
        actor_id=None,
        actor_name=named(provider),
        action="identity_providers.grant",
        subject_kind="user",
        subject_id=str(user_id),
        before={"role": before} if before else None,
        after={"role": after} if after else None,
        detail={"provider": provider.name},
        remote_address="",
        request_id="",
    )


def named(provider: Provider) -> str:
    """What the audit log calls a provider."""
    return f"identity provider {provider.name}"


def _change_role(tx: Tx, neighbours: Neighbours, member: Member, role: str) -> None:
    stations = member.stations if role in LIMITED_TO_STATIONS else None
    driver_id = member.driver_id
    if role == DRIVER and driver_id is None:
        driver_id = neighbours.driver_of(tx, need_user(tx, member.id))
    memberships.update(tx, member.id, role=role, every_station=stations is None, driver_id=driver_id)
    memberships.set_stations(tx, member.id, stations or ())
    tx.emit(UserChanged(tenant=tx.tenant, user_id=member.id, what="role", role=role))


# --- what webhooks tell ---------------------------------------------------------------------------------------------------------


def tell(tx: Tx, provider: Provider, told: Told) -> tuple[Identity, str]:
    """Heed what a provider tells of somebody; who it is, and ``made``, ``changed``, ``deactivated``, ``deleted``, or ``older``.

    What is older than what it told last changes nothing; but who was deleted stays so, whatever comes after or came before.
    """
    person = told.person
    tx.claim(identity_key(person))
    known = store.identity(tx, person.issuer, person.subject)
    if known is None:
        user_id = _account(tx, provider, person) if told.active else None
        store.insert(tx, issuer=person.issuer, subject=person.subject, user_id=user_id, told_at=told.told_at)
        known, outcome = _need(tx, person), "made"
    elif known.deleted or (told.told_at < known.told_at and not told.deleted):
        return known, "older"
    else:
        outcome = "changed"
        store.set_told(tx, known.id, max(told.told_at, known.told_at))
    if not told.active:
        _deactivate(tx, known, deleted=told.deleted)
        return _need(tx, person), "deleted" if told.deleted else "deactivated"
    if known.user_id is None:
        store.set_user(tx, known.id, _account(tx, provider, person))
    elif outcome == "changed":
        _update(tx, known.user_id, person)
    if known.deactivated_at is not None:
        _reactivate(tx, known)
    return _need(tx, person), outcome


def _deactivate(tx: Tx, known: Identity, *, deleted: bool) -> None:
    disabled_at = known.disabled_account_at
    if known.user_id is not None:
        tx.claim(user_key(known.user_id))
        if need_user(tx, known.user_id).disabled_at is None:
            people.set_disabled(tx, known.user_id, tx.now)
            disabled_at = tx.now
        logins.end_all(tx, known.user_id, "disabled")
    at = tx.now if known.deactivated_at is None else known.deactivated_at
    store.set_deactivated(tx, known.id, at=at, deleted=deleted, disabled_account_at=disabled_at)


def _reactivate(tx: Tx, known: Identity) -> None:
    """Undo what deactivating did, and nothing that people here did meanwhile."""
    if known.user_id is not None and known.disabled_account_at is not None:
        tx.claim(user_key(known.user_id))
        if need_user(tx, known.user_id).disabled_at == known.disabled_account_at:
            people.set_disabled(tx, known.user_id, None)
    store.set_deactivated(tx, known.id, at=None, deleted=False, disabled_account_at=None)


def _update(tx: Tx, user_id: int, person: Person) -> None:
    """Keep name and verified addresses as the provider has them; what it does not say stays, and what another account has, too."""
    keys = [address_key(each) for each in (people.folded(person.email), person.phone) if each]
    tx.claim(*sorted((user_key(user_id), *keys)))
    user: User = need_user(tx, user_id)
    if person.name and person.name != user.name:
        people.set_profile(tx, user_id, name=person.name, locale=user.locale)
    if person.email and person.email != user.email and (people.by_email(tx, person.email) or user).id == user_id:
        people.set_email(tx, user_id, person.email)
    if person.phone and person.phone != user.phone and people.by_phone(tx, person.phone) is None:
        people.set_phone(tx, user_id, person.phone)
