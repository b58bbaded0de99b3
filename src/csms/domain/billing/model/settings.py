"""What a tenant wants of billing."""

from __future__ import annotations

import attrs
from attrs import validators

from .words import INVOICE_MODES, MONTHLY

MOST_MINOR = 10**12
_DAY_S = 86_400


def _minor(help: str, default: int = 0) -> int:
    field: int = attrs.field(default=default, metadata={"help": help})
    return field


@attrs.frozen(slots=True, kw_only=True)
class BillingSettings:
    """What a tenant wants of billing; money is in minor units of the tenant's currency.

    With ``prepaid_wallets`` a driver whose available funds do not reach ``minimum_minor`` may not charge (allowances of a plan count as
    funds). ``hold_minor`` is set aside in the wallet at every start, or what ``hold_energy_wh`` would cost there, if that is more.
    ``limit_...`` hold for every charge, beside a driver's own; with ``stop_at_funds`` a charge is stopped when what its driver may spend
    is used up. Below ``low_balance_minor`` (0: never) a driver is told.
    """

    enabled: bool = True
    prepaid_wallets: bool = False
    minimum_minor: int = _minor("what a driver must have to start")
    hold_minor: int = _minor("what is set aside at every start")
    hold_energy_wh: int = 0
    stop_at_funds: bool = False
    limit_minor: int | None = None
    limit_energy_wh: int | None = None
    limit_duration_s: int | None = None
    low_balance_minor: int = _minor("when a driver is told that little is left")
    invoice_mode: str = MONTHLY
    changed_at: int | None = None

    @property
    def holds(self) -> bool:
        """Whether anything is set aside at a start."""
        return self.hold_minor > 0 or self.hold_energy_wh > 0


USUAL = BillingSettings()
LIMITS = ("limit_minor", "limit_energy_wh", "limit_duration_s")
SETTINGS = tuple(field.name for field in attrs.fields(BillingSettings) if field.name != "changed_at")


def _amount(least: int, most: int) -> int | None:
    field: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(least), validators.le(most)]))
    return field


@attrs.frozen(slots=True, kw_only=True)
class BillingSettingsChange:
    """Settings that shall be otherwise; limits in ``clear`` hold no more."""

    enabled: bool | None = None
    prepaid_wallets: bool | None = None
    minimum_minor: int | None = _amount(0, MOST_MINOR)
    hold_minor: int | None = _amount(0, MOST_MINOR)
    hold_energy_wh: int | None = _amount(0, 1_000_000)
    stop_at_funds: bool | None = None
    limit_minor: int | None = _amount(1, MOST_MINOR)
    limit_energy_wh: int | None = _amount(1, 10_000_000)
    limit_duration_s: int | None = _amount(60, 30 * _DAY_S)
    low_balance_minor: int | None = _amount(0, MOST_MINOR)
    invoice_mode: str | None = attrs.field(default=None, validator=validators.optional(validators.in_(INVOICE_MODES)))
    clear: tuple[str, ...] = attrs.field(
        default=(), validator=validators.deep_iterable(validators.in_(LIMITS), validators.max_len(len(LIMITS)))
    )
