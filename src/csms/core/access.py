"""Who asks and what they may do: principals, roles, and the one table of permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from .ids import TenantId

SYSTEM_ADMIN = "system_admin"
TENANT_OWNER = "tenant_owner"
TENANT_OPERATOR = "tenant_operator"
SUPPORT = "support"
DRIVER = "driver"

ROLES: Mapping[str, str] = {
    SYSTEM_ADMIN: "runs the installation: every tenant, and everything in each",
    TENANT_OWNER: "owns one tenant: everything in it, its people and its money included",
    TENANT_OPERATOR: "runs the chargers of one tenant, or of some of its stations",
    SUPPORT: "reads what an operator reads, answers drivers' tickets, and changes nothing else",
    DRIVER: "charges; sees and changes only what is their own",
}

OPERATORS = frozenset({SYSTEM_ADMIN, TENANT_OWNER, TENANT_OPERATOR})
OWNERS = frozenset({SYSTEM_ADMIN, TENANT_OWNER})
STAFF = OPERATORS | {SUPPORT}
SYSTEM = frozenset({SYSTEM_ADMIN})
EVERYBODY = frozenset(ROLES)


@attrs.frozen(slots=True)
class Permission:
    """What a permission allows, and the roles that have it."""

    about: str
    roles: frozenset[str]


PERMISSIONS: Mapping[str, Permission] = {
    "tenants:read": Permission("see every tenant of the installation", SYSTEM),
    "tenants:write": Permission("add, change and close tenants", SYSTEM),
    "tenant:read": Permission("see one's own tenant: profile, contacts, documents", STAFF),
    "tenant:write": Permission("change one's own tenant's profile, contacts and bank details, and send documents in", OWNERS),
    "tenant:review": Permission("approve or reject a tenant's documents", SYSTEM),
    "users:read": Permission("see the people of the tenant and their roles", STAFF),
    "users:write": Permission("invite people, change their roles, end their logins", OWNERS),
    "api_keys:read": Permission("see the tenant's API keys, never the keys themselves", OWNERS),
    "api_keys:write": Permission("make and revoke API keys", OWNERS),
    "stations:read": Permission("see stations, their groups and images", STAFF),
    "stations:write": Permission("add, change and remove stations", OPERATORS),
    "chargers:read": Permission("see chargers, connectors, their status and what they do wrong", STAFF),
    "chargers:write": Permission("add, approve, change and remove chargers", OPERATORS),
    "chargers:credentials": Permission("rotate a charger's key, which is shown once", OPERATORS),
    "commands:send": Permission("send commands to chargers, one or many", OPERATORS),
    "commands:raw": Permission("send any OCPP call as it is written", SYSTEM),
    "connections:read": Permission("see live connections", STAFF),
    "connections:write": Permission("drop a live connection", OPERATORS),
    "drivers:read": Permission("see drivers, their vehicles and their history", STAFF),
    "drivers:write": Permission("add and change drivers and their vehicles", OPERATORS),
    "drivers:privacy": Permission("export or erase a driver's personal data", OWNERS),
    "tokens:read": Permission("see tokens (RFID cards and the like) and token groups", STAFF),
    "tokens:write": Permission("issue, block and change tokens, their groups and grants", OPERATORS),
    "transactions:read": Permission("see transactions, their readings and the quarantine", STAFF),
    "transactions:write": Permission("stop transactions remotely, end stuck ones, settle the quarantine", OPERATORS),
    "reservations:read": Permission("see reservations", STAFF),
    "reservations:write": Permission("make, change and cancel reservations", OPERATORS),
    "profiles:read": Permission("see charging profiles and schedules", STAFF),
    "profiles:write": Permission("assign and clear charging profiles", OPERATORS),
    "local_lists:read": Permission("see chargers' local authorization lists", STAFF),
    "local_lists:write": Permission("send and clear local authorization lists", OPERATORS),
    "configuration:read": Permission("see chargers' configuration and the templates", STAFF),
    "configuration:write": Permission("change chargers' configuration and the templates", OPERATORS),
    "upkeep:read": Permission("see availability, maintenance windows, resets, firmware, campaigns, diagnostics", STAFF),
    "upkeep:write": Permission("take places out of service, reset, update firmware, ask for diagnostics", OPERATORS),
    "certificates:read": Permission("see certificates, key rotations and security events", STAFF),
    "certificates:write": Permission("install, renew and revoke certificates, change security profiles", OPERATORS),
    "alerts:read": Permission("see alerts and their rules", STAFF),
    "alerts:write": Permission("acknowledge and resolve alerts, change rules and thresholds", OPERATORS),
    "frames:read": Permission("read the frame log: what chargers and the server said, word for word", OPERATORS),
    "events:read": Permission("read the event log", STAFF),
    "audit:read": Permission("read who did what", OWNERS),
    "live:read": Permission("follow what happens as it happens", STAFF),
    "documents:read": Permission("see and download documents and images", STAFF),
    "documents:write": Permission("upload and remove documents and images", OPERATORS),
    "tickets:read": Permission("see drivers' support tickets", STAFF),
    "tickets:write": Permission("answer, assign and close support tickets", STAFF),
    "webhooks:read": Permission("see webhook subscriptions and their deliveries", OWNERS),
    "webhooks:write": Permission("add, change, pause and redeliver webhooks", OWNERS),
    "analytics:read": Permission("read analytics and reports", STAFF),
    "wallets:read": Permission("see drivers' wallets, their statements, holds and allowances", STAFF),
    "wallets:write": Permission("adjust wallets, and set their credit limits", OWNERS),
    "ledger:read": Permission("see the ledger: accounts, movements, and whether they balance", OWNERS),
    "tariffs:read": Permission("see tariffs, their versions and assignments, and price supposed charges", STAFF),
    "tariffs:write": Permission("add, change and assign tariffs, discounts and taxes", OWNERS),
    "bills:read": Permission("see what transactions cost and how that was settled", STAFF),
    "bills:write": Permission("price and settle again, write off, correct", OWNERS),
    "payments:read": Permission("see payments and refunds", STAFF),
    "payments:write": Permission("ask for payments, and refund them", OPERATORS),
    "gateways:read": Permission("see accounts at payment gateways, never their secrets", OWNERS),
    "gateways:write": Permission("add and change accounts at payment gateways", OWNERS),
    "plans:read": Permission("see plans and drivers' subscriptions", STAFF),
    "plans:write": Permission("add and change plans, and subscribe drivers", OPERATORS),
    "invoices:read": Permission("see and download invoices, credit notes and statements", STAFF),
    "invoices:write": Permission("issue invoices and credit notes, and mark them paid", OWNERS),
    "settlements:read": Permission("see partner settlements and tax summaries", OWNERS),
    "settlements:write": Permission("close partner settlements and record payouts", OWNERS),
    "messages:read": Permission("see messages to drivers and what became of them", STAFF),
    "messages:write": Permission("change templates, send messages again, and send test messages", OPERATORS),
    "settings:read": Permission("see the tenant's settings: retention, thresholds, limits", STAFF),
    "settings:write": Permission("change the tenant's settings", OWNERS),
    "plugins:read": Permission("see plugins and their health", SYSTEM),
    "plugins:call": Permission("use the routes that plugins bring", STAFF),
    "system:read": Permission("see queues, dead letters and the health of the installation", SYSTEM),
    "system:write": Permission("replay events, run jobs now", SYSTEM),
    "me:read": Permission("see one's own profile, logins, history and tickets", EVERYBODY),
    "me:write": Permission("change one's own profile and credentials, charge, open tickets", EVERYBODY),
}
"""Every permission, ``resource:verb``. A route names the one it needs; the API asks here and nowhere else."""


def permissions_of(role: str) -> frozenset[str]:
    """What a role may do; nothing for one that there is not."""
    return _OF_ROLE.get(role, frozenset())


_OF_ROLE = {role: frozenset(name for name, each in PERMISSIONS.items() if role in each.roles) for role in ROLES}

OF_PEOPLE = frozenset({"me:read", "me:write"})
"""Permissions about one's own account. Keys, which have none, never have them, whatever they may do else."""
OPERATOR_KEY, USER, API_KEY = "operator_key", "user", "api_key"
IDENTITY_PROVIDER = "identity_provider"
"""Who did something, in the audit log, where an identity provider's word did it."""


@attrs.frozen(slots=True, kw_only=True)
class Principal:
    """Who asks, on whose data, and what they may do there. ``stations`` None is every station of the tenant.

    ``kind`` is ``operator_key``, ``user`` or ``api_key``; ``name`` is what the audit log shows, such as an e-mail address.
    """

    tenant: TenantId
    kind: str
    name: str
    role: str
    permissions: frozenset[str]
    user_id: int | None = None
    api_key_id: int | None = None
    login_id: int | None = None
    driver_id: int | None = None
    stations: frozenset[int] | None = None

    def may(self, permission: str) -> bool:
        """Whether this principal has a permission."""
        return permission in self.permissions

    @property
    def identity(self) -> str:
        """The same for every request of one user, key or the operator: what limits and idempotency keys are counted by."""
        return f"{self.kind}:{self.user_id or self.api_key_id or 0}:{self.tenant}"


@attrs.frozen(slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, from where; ``before`` and ``after`` hold only the fields that changed.

    ``action`` is the operation (``stations.change``), ``subject_kind`` and ``subject_id`` what it was done to.
    """

    actor_kind: str
    actor_id: int | None
    actor_name: str
    action: str
    subject_kind: str
    subject_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    detail: Mapping[str, Any]
    remote_address: str
    request_id: str
