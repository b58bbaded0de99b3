"""Identity providers, and what they say of people: read out of claims, with no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from csms.core.access import SYSTEM_ADMIN
from csms.core.errors import Invalid

from .addresses import email_of, phone_of

LONGEST_SUBJECT = 255
"""OpenID Connect Core §2."""
LONGEST_NAME = 200


@attrs.frozen(slots=True, kw_only=True)
class Provider:
    """An identity provider whose word is taken; a table ``[identity.providers.NAME]`` of the configuration."""

    name: str
    issuer: str
    audiences: tuple[str, ...] = ()
    authorized_parties: tuple[str, ...] = ()
    jwks_url: str = ""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    keys_max_age_s: int = 3600
    leeway_s: int = 30
    role_claim: str = ""
    roles: Mapping[str, str] = attrs.field(factory=dict)
    default_role: str = ""
    tenant: str = "default"
    tenant_claim: str = ""
    tenants: Mapping[str, str] = attrs.field(factory=dict)
    link_verified_emails: bool = False
    system_admins: bool = False
    webhook_secrets: tuple[str, ...] = attrs.field(default=(), repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Grant:
    """What a provider says that somebody is, and where. ``role`` is ``""`` where it says nothing of it; then the default may count."""

    tenant: str
    role: str


@attrs.frozen(slots=True, kw_only=True)
class Person:
    """Somebody, as a provider says. Addresses are ``""`` unless it has verified them: anybody can claim any address there, too."""

    issuer: str
    subject: str
    name: str
    email: str
    phone: str

    @property
    def called(self) -> str:
        """A name, whatever there is of one."""
        return self.name or self.email or self.phone or self.subject[:LONGEST_NAME]


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by its path into tables; None where there is none.

    The name as a whole comes first, since some providers name claims like URLs: ``https://example.org/role``.
    """
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def texts(value: Any) -> Sequence[str]:
    """A claim that is a text or a list of texts, as a list."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def grant_of(provider: Provider, claims: Mapping[str, Any]) -> Grant | None:
    """Where somebody belongs and what they are there; None where the claims name no tenant that the configuration knows.

    A role that the provider may not give counts as none.
    """
    slug = provider.tenant
    if provider.tenant_claim:
        said = claim(claims, provider.tenant_claim)
        if not isinstance(said, str) or not said:
            return None
        slug = provider.tenants.get(said, "") if provider.tenants else said
    if not slug or len(slug) > 100:
        return None
    said_roles = set(texts(claim(claims, provider.role_claim))) if provider.role_claim else set()
    role = next((role for value, role in provider.roles.items() if value in said_roles), "")
    return Grant(tenant=slug, role="" if role == SYSTEM_ADMIN and not provider.system_admins else role)


def person_of(provider: Provider, claims: Mapping[str, Any]) -> Person:
    """Who it is, by the standard claims (OpenID Connect Core §5.1); ``sub`` was checked. Texts that will not do are left out."""
    names = (claims.get("name"), claims.get("preferred_username"), claims.get("nickname"))
    return Person(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        name=next((name for each in names if (name := tidy_name(each))), ""),
        email=tidy_email(claims.get("email")) if claims.get("email_verified") in (True, "true") else "",
        phone=tidy_phone(claims.get("phone_number")) if claims.get("phone_number_verified") is True else "",
    )


def tidy_name(said: Any) -> str:
    """A name as it may be kept, ``""`` where there is none."""
    return "".join(each for each in said if each.isprintable()).strip()[:LONGEST_NAME] if isinstance(said, str) else ""


def tidy_email(said: Any) -> str:
    """An e-mail address, ``""`` where it is none."""
    try:
        return email_of(said) if isinstance(said, str) else ""
    except Invalid:
        return ""


def tidy_phone(said: Any) -> str:
    """A telephone number, ``""`` where it is none."""
    try:
        return phone_of(said) if isinstance(said, str) else ""
    except Invalid:
        return ""
