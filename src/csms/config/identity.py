"""The section ``[identity]``: how people are let in."""

from __future__ import annotations

import attrs

from csms.core.access import ROLES

from .providers import ProviderConfig
from .rules import PUBLIC_URL, Between, OneOf, Pattern
from .setting import setting

_ROLE = "|".join(ROLES)
SOME_ROLES = Pattern(_ROLE, f"a list of roles without repeats: {', '.join(ROLES)}", each=True)
MAYBE_EMAIL = Pattern(r"|[^\s@]+@[^\s@]+", 'an e-mail address, or ""')


@attrs.frozen(slots=True, kw_only=True)
class IdentityConfig:
    """How people are let in: logins, passwords, one-time codes, invitations."""

    key: str = setting(
        "", 'secret that signs access tokens and keys one-time codes; "" keeps one in key_file, made on first start', secret=True
    )
    key_file: str = setting("csms-identity.key", "file (mode 0600) of that secret; another one logs everybody out", path=True)
    first_admin: str = setting(
        "",
        "e-mail address of a system administrator who is made at start while there are no users; a password is sent to it",
        validator=MAYBE_EMAIL,
    )
    registration: str = setting(
        "off", "who may register by themselves: off is nobody, drivers anybody, as a driver", validator=OneOf(("off", "drivers"))
    )
    access_token_s: int = setting(3600, "how long an access token is good", validator=Between(60, 86_400))
    refresh_days: int = setting(30, "days that a login lasts without being used", validator=Between(1, 365))
    login_days: int = setting(180, "days that a login lasts at the most", validator=Between(1, 3650))
    second_factor_roles: tuple[str, ...] = setting(
        (), "roles that must show a second factor; who has none set up is sent a code", validator=SOME_ROLES
    )
    code_digits: int = setting(6, "digits of a one-time code", validator=Between(6, 10))
    code_minutes: int = setting(10, "minutes that a one-time code is good", validator=Between(1, 60))
    password_min: int = setting(10, "fewest characters of a password", validator=Between(8, 100))
    password_memory_kib: int = setting(
        65_536, "memory that hashing a password takes (argon2id); two are hashed at a time", validator=Between(64, 4_194_304)
    )
    password_passes: int = setting(2, "passes over that memory", validator=Between(1, 20))
    invitation_days: int = setting(7, "days that an invitation is good", validator=Between(1, 90))
    cookie_secure: bool = setting(True, "whether browsers send login cookies over https only (and to this machine itself)")
    public_url: str = setting(
        "", 'how links in messages begin, where people reach the console; "" sends bare codes', validator=PUBLIC_URL
    )
    messages: str = setting(
        "file",
        "where one-time codes and invitations go: file, console (standard error), channels (those that plugins bring), or off",
        validator=OneOf(("file", "console", "channels", "off")),
    )
    messages_file: str = setting(
        "csms-messages.txt", "file (mode 0600) of those messages, which hold one-time codes and links", path=True
    )
    providers: dict[str, ProviderConfig] = attrs.field(
        factory=dict, metadata={"help": "identity providers whose tokens are taken, a table each: [identity.providers.NAME]"}
    )
