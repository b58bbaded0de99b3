"""Verbs on accounts at gateways and on a tenant's settings for payments."""

from __future__ import annotations

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.money import digits_of
from csms.core.ports import ReadTx, Tx
from csms.domain.payments.model import (
    ACTIVE,
    CLOSED,
    Gateway,
    GatewayChange,
    NewGateway,
    PaymentNoticesForged,
    PaymentSettings,
    PaymentSettingsChange,
    SealedAccount,
    SealedSecrets,
    gateway_key,
)
from csms.domain.payments.model.words import HOUR_MS
from csms.domain.payments.store import gateways as store
from csms.domain.tenants import store as tenants

LEAST_TOP_UP, MOST_TOP_UP = 10, 100_000
"""What a driver may top up where the tenant does not say, in whole units of the currency."""
LONGEST_RESULT = 500


def gateways_key(tenant: int) -> str:
    """The write key of which accounts a tenant has, and which is the default one."""
    return f"payment-gateways:{tenant}"


def need_gateway(tx: ReadTx, gateway_id: int) -> Gateway:
    """An account of the tenant. Raises ``NotFound``."""
    known = store.gateway(tx, gateway_id)
    if known is None:
        raise NotFound(f"there is no account {gateway_id} at a payment gateway")
    return known


def need_account(tx: ReadTx, gateway_id: int) -> SealedAccount:
    """An account as whoever speaks to its gateway needs it. Raises ``NotFound``."""
    known = store.account(tx, gateway_id)
    if known is None:
        raise NotFound(f"there is no account {gateway_id} at a payment gateway")
    return known


def open_account(tx: ReadTx, gateway_id: int | None) -> SealedAccount:
    """The account for a new payment: this one, or the tenant's default one. Raises ``Refused`` where none takes payments."""
    chosen = store.default_id(tx) if gateway_id is None else gateway_id
    if chosen is None:
        raise Refused("there is no payment gateway: an operator adds one (POST /gateways, csms payments gateway add)")
    known = need_account(tx, chosen)
    if known.state != ACTIVE:
        raise Refused(f"the account {chosen} at a payment gateway is closed")
    return known


def add(tx: Tx, new: NewGateway, secrets: SealedSecrets, notice_token: str, mark: str) -> Gateway:
    """Add an account; the tenant's first one becomes its default. Raises ``Conflict`` for a name that is taken."""
    tx.claim(gateways_key(tx.tenant))
    gateway_id = store.insert(
        tx,
        {
            "name": new.name,
            "provider": new.provider,
            "key_id": new.key_id,
            "key_sealed": secrets.key or "",
            "webhook_sealed": secrets.webhook or "",
            "base_url": new.base_url,
            "live": int(new.live),
            "notice_token": notice_token,
            "mark": mark,
        },
    )
    if gateway_id is None:
        raise Conflict(f"there is an account called {new.name!r} already")
    if new.is_default or store.default_id(tx) is None:
        store.make_default(tx, gateway_id)
    return need_gateway(tx, gateway_id)


def change(tx: Tx, gateway_id: int, body: GatewayChange, secrets: SealedSecrets) -> Gateway:
    """Change what is given. Raises ``NotFound``, ``Conflict``, or ``Refused`` for a closed one that is to be the default."""
    tx.claim(gateways_key(tx.tenant), gateway_key(gateway_id))
    known = need_gateway(tx, gateway_id)
    said = attrs.asdict(body, filter=lambda field, value: value is not None and field.name in ("name", "key_id", "base_url"))
    if body.live is not None:
        said["live"] = int(body.live)
    if secrets.key is not None:
        said["key_sealed"] = secrets.key
    if secrets.webhook is not None:
        said["webhook_sealed"] = secrets.webhook
    if body.name is not None and known.state == ACTIVE and store.has_other_named(tx, gateway_id, body.name):
        raise Conflict(f"there is an account called {body.name!r} already")
    if said:
        store.update(tx, gateway_id, said)
    if body.is_default:
        if known.state != ACTIVE:
            raise Refused(f"the account {gateway_id} is closed")
        store.make_default(tx, gateway_id)
    return need_gateway(tx, gateway_id)


def close(tx: Tx, gateway_id: int) -> None:
    """Take no new payments with an account. Its keys stay: what was paid may have to go back. Raises ``NotFound``."""
    tx.claim(gateways_key(tx.tenant), gateway_key(gateway_id))
    known = need_gateway(tx, gateway_id)
    if known.state == CLOSED:
        return
    if known.is_default:
        store.make_default(tx, None)
    store.update(tx, gateway_id, {"state": CLOSED})


def note_check(tx: Tx, gateway_id: int, *, works: bool, result: str) -> Gateway:
    """Keep what came of trying the keys. Raises ``NotFound``."""
    tx.claim(gateway_key(gateway_id))
    need_gateway(tx, gateway_id)
    store.note_check(tx, gateway_id, failed=not works, result=result[:LONGEST_RESULT])
    return need_gateway(tx, gateway_id)


def count_forged(tx: Tx, gateway_id: int, times: int, *, tell: bool) -> None:
    """Count webhooks whose signature did not hold; ``tell`` of them, too."""
    tx.claim(gateway_key(gateway_id))
    known = store.gateway(tx, gateway_id)
    if known is None:
        return
    store.count_forged(tx, gateway_id, times)
    if tell:
        tx.emit(PaymentNoticesForged(gateway_id=gateway_id, name=known.name, times=times))


# --- settings -------------------------------------------------------------------------------------------------------------------


def settings(tx: ReadTx) -> PaymentSettings:
    """How the tenant takes payments."""
    currency = currency_of(tx)
    unit = 10 ** digits_of(currency)
    least, most = store.limits(tx) or (LEAST_TOP_UP * unit, MOST_TOP_UP * unit)
    return PaymentSettings(
        currency=currency, default_gateway_id=store.default_id(tx), least_top_up_minor=least, most_top_up_minor=most
    )


def currency_of(tx: ReadTx) -> str:
    """The tenant's currency."""
    tenant = tenants.current(tx)
    if tenant is None:
        raise NotFound("there is no such tenant")
    return tenant.currency


def change_settings(tx: Tx, body: PaymentSettingsChange) -> PaymentSettings:
    """Change how the tenant takes payments. Raises ``Invalid``, ``NotFound``, ``Refused``."""
    tx.claim(gateways_key(tx.tenant))
    known = settings(tx)
    least = known.least_top_up_minor if body.least_top_up_minor is None else body.least_top_up_minor
    most = known.most_top_up_minor if body.most_top_up_minor is None else body.most_top_up_minor
    if least > most:
        raise Invalid(f"least_top_up_minor: {least} is more than the most, {most}", field="least_top_up_minor")
    if body.default_gateway_id is not None:
        store.make_default(tx, open_account(tx, body.default_gateway_id).id)
    if (least, most) != (known.least_top_up_minor, known.most_top_up_minor):
        store.save_limits(tx, least, most)
    return settings(tx)


def check_top_up(tx: ReadTx, amount_minor: int) -> None:
    """Whether a driver may top up so much. Raises ``Invalid``."""
    known = settings(tx)
    if not known.least_top_up_minor <= amount_minor <= known.most_top_up_minor:
        raise Invalid(
            f"amount_minor: {known.least_top_up_minor} to {known.most_top_up_minor} can be topped up at a time",
            field="amount_minor",
        )


FORGED_WINDOW_MS = HOUR_MS
FORGED_MANY = 10
"""So many webhooks with a wrong signature within an hour are worth an alert."""
