"""What the plugin is told to do."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import attrs
from attrs import validators as v

from csms.hooks import GatewayAccount, GatewayError

RAZORPAY = "https://api.razorpay.com"
CHECKOUT = "https://checkout.razorpay.com/v1/checkout.js"


@attrs.frozen(slots=True, kw_only=True)
class Settings:
    """``[plugins.settings.razorpay]``. ``timeout_s`` is the longest wait for Razorpay in one question, however many requests it takes.

    ``base_url`` is where accounts are that name no address of their own. An account may only name a host of ``allowed_hosts`` (``host``
    or ``host:port``): whoever may change an account must not make the server speak to others. ``save_methods`` asks drivers at the
    checkout whether their card or UPI mandate may be charged again. ``instant_refunds`` costs a fee at Razorpay. ``merchant_name`` is what
    a checkout and a QR code show.
    """

    timeout_s: float = attrs.field(default=15.0, validator=v.and_(v.gt(0), v.le(120)))
    base_url: str = RAZORPAY
    allowed_hosts: tuple[str, ...] = ("api.razorpay.com",)
    save_methods: bool = False
    instant_refunds: bool = False
    merchant_name: str = attrs.field(default="", validator=v.max_len(100))

    def __attrs_post_init__(self) -> None:
        """Refuse what could not work. Raises ``ValueError``."""
        if problem := address_problem(self.base_url):
            raise ValueError(f"base_url {problem}")


def address_problem(url: str) -> str:
    """Why this is no address to send keys to, or nothing."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        return "must be https://HOST"
    if parts.username is not None or parts.password is not None:
        return "must not carry a password"
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return f"must be https:// for {parts.hostname}: http:// is for this machine only"
    return ""


def address_of(account: GatewayAccount, settings: Settings) -> str:
    """Where an account is. Raises ``GatewayError`` where it may not be there."""
    url = account.base_url or settings.base_url
    if problem := address_problem(url):
        raise GatewayError(f"the address of the account at Razorpay {problem}", code="address")
    parts = urlsplit(url)
    if account.base_url and url != settings.base_url and not {parts.hostname, parts.netloc} & set(settings.allowed_hosts):
        raise GatewayError(f"{parts.netloc} is not among allowed_hosts of the plugin razorpay", code="address")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
