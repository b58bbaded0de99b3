"""E-mail addresses, telephone numbers and the other texts by which people are known, in one form each."""

from __future__ import annotations

import re

from csms.core.errors import Invalid

_EMAIL = re.compile(r"[^\s@\x00-\x1f<>,;:\"\\()\[\]]{1,64}@[^\s@\x00-\x1f<>,;:\"\\()\[\]]{1,253}")
_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
LONGEST_EMAIL = 254
"""RFC 5321 §4.5.3.1.3."""


def email_of(text: str) -> str:
    """An e-mail address as it is kept. Raises ``Invalid``."""
    email = text.strip()
    if not _EMAIL.fullmatch(email) or len(email) > LONGEST_EMAIL or not email.isprintable():
        raise Invalid(f"{email[:100]!r} is no e-mail address", field="email")
    return email


def phone_of(text: str) -> str:
    """A telephone number in E.164: ``+`` and 7 to 15 digits. Raises ``Invalid``."""
    phone = re.sub(r"[\s().-]", "", text)
    if not _PHONE.fullmatch(phone):
        raise Invalid("a telephone number begins with + and the country, such as +912055501234", field="phone")
    return phone


def address_of(text: str) -> tuple[str, str]:
    """What somebody types to say who they are, as (e-mail address, telephone number), one of them ``""``; both for neither."""
    try:
        return ("", phone_of(text)) if text.strip().startswith("+") else (email_of(text), "")
    except Invalid:
        return "", ""


def name_of(text: str) -> str:
    """What somebody is called. Raises ``Invalid``."""
    name = text.strip()
    if not 1 <= len(name) <= 200 or not name.isprintable():
        raise Invalid("a name has 1 to 200 printable characters", field="name")
    return name


def locale_of(text: str) -> str:
    """A language (BCP 47). Raises ``Invalid``."""
    if not _LOCALE.fullmatch(text):
        raise Invalid(f"{text[:40]!r} is no language such as en or en-IN", field="locale")
    return text
