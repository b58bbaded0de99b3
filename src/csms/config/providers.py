"""The tables ``[identity.providers.NAME]``: whose tokens are taken besides those made here, such as Keycloak's, Auth0's or Clerk's."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from csms.core.access import ROLES, SYSTEM_ADMIN

from .rules import Between, OneOf, Pattern, SomeOf
from .setting import setting

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures with a private key only: what is signed with a shared secret, or not at all, says nothing about who signed it."""

PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
LEAST_WEBHOOK_SECRET = 16
"""Bytes."""
URL = Pattern(r"|https?://[^\s/?#@]+(/[^\s?#]*)?", 'http(s)://HOST with a path if need be, or ""')


@attrs.frozen
class Roles:
    """A table of texts to roles."""

    allowed: str = f'a table such as {{ "charging-admins" = "tenant_owner" }} of {", ".join(ROLES)}'

    def __call__(self, instance: Any, attribute: Any, value: Mapping[str, str]) -> None:
        """Refuse what is no role."""
        if not set(value.values()) <= set(ROLES):
            raise ValueError(f"must be {self.allowed}")


@attrs.frozen(slots=True, kw_only=True)
class ProviderConfig:
    """An identity provider (OpenID Connect) whose tokens are taken: whom it vouches for, and what they may do here."""

    issuer: str = setting("", "the provider's issuer URL, exactly as its tokens say it in iss; needed", validator=URL)
    audiences: tuple[str, ...] = setting(
        (), "what tokens must be meant for (aud), one of these; empty only with authorized_parties, for tokens that have none"
    )
    authorized_parties: tuple[str, ...] = setting(
        (), "clients whose tokens are taken (azp), such as the origin of your web pages; empty takes those of every client"
    )
    jwks_url: str = setting("", 'where its keys are; "" asks ISSUER/.well-known/openid-configuration', validator=URL)
    algorithms: tuple[str, ...] = setting(("RS256", "ES256"), "how its tokens may be signed", validator=SomeOf(ALGORITHMS))
    keys_max_age_s: int = setting(3600, "how long its keys are used before they are asked for again", validator=Between(60, 86_400))
    leeway_s: int = setting(30, "by how much its clock may differ from ours", validator=Between(0, 300))
    role_claim: str = setting("", 'the claim that says what somebody may do, with dots into tables: realm_access.roles; "" is none')
    roles: dict[str, str] = setting(
        {}, "which role here each value of that claim is; of several values the first in this table counts", validator=Roles()
    )
    default_role: str = setting(
        "",
        'the role of those whom the claim gives none; "" refuses them',
        validator=OneOf(("", *(each for each in ROLES if each != SYSTEM_ADMIN))),
    )
    tenant: str = setting("default", "the tenant that everybody belongs to, by its slug, where tenant_claim is not set")
    tenant_claim: str = setting("", 'the claim that says which tenant somebody belongs to, such as org_id; "" is none')
    tenants: dict[str, str] = setting(
        {}, "which tenant (slug) each value of that claim is; empty where its values are slugs themselves"
    )
    link_verified_emails: bool = setting(
        False,
        "whether somebody whose e-mail address the provider has verified is the user who has that address here already; only for a "
        "provider that you trust with the accounts of all tenants",
    )
    system_admins: bool = setting(False, "whether it may make system administrators, who may do everything in every tenant")
    webhook_secrets: tuple[str, ...] = setting(
        (), "secrets (whsec_...) of its signed webhooks to /api/v1/auth/webhooks/NAME; two while one is exchanged", secret=True
    )


def wrong_in(name: str, provider: ProviderConfig, *, production: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with a provider although each value alone is right: the key to point at, and words."""
    if not provider.issuer:
        yield "issuer", "needs an issuer, the URL that its tokens say in iss"
    for key, url in (("issuer", provider.issuer), ("jwks_url", provider.jwks_url)):
        if url.startswith("http://") and (production or not _is_here(url)):
            yield key, "must be https://, else anybody in between could put keys of theirs in; http:// is for this machine only"
    if not provider.audiences and not provider.authorized_parties:
        yield "audiences", "needs audiences (or authorized_parties): else tokens that the provider made for others open this API"
    if provider.roles and not provider.role_claim:
        yield "roles", "needs role_claim, the claim whose values it translates"
    if provider.role_claim and not provider.roles:
        yield "role_claim", "needs a table roles that says which role each of its values is"
    if not provider.roles and not provider.default_role:
        yield "default_role", "nobody would have a role: set role_claim and roles, or default_role"
    if SYSTEM_ADMIN in provider.roles.values() and not provider.system_admins:
        yield "roles", f"gives the role {SYSTEM_ADMIN}, which needs system_admins = true"
    if provider.tenants and not provider.tenant_claim:
        yield "tenants", "needs tenant_claim, the claim whose values it translates"
    for secret in provider.webhook_secrets:
        if not _is_webhook_secret(secret):
            yield "webhook_secrets", f"each is whsec_ and base64 of {LEAST_WEBHOOK_SECRET} bytes or more"
            break


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _is_webhook_secret(text: str) -> bool:
    prefix, _, rest = text.partition("_")
    try:
        return prefix == "whsec" and len(base64.b64decode(rest, validate=True)) >= LEAST_WEBHOOK_SECRET
    except (binascii.Error, ValueError):
        return False
