"""Every hook fires: events through the store and the spine, decisions through the flows that ask them, contributions where they are used."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import click
import prometheus_client
import pytest
import trio
from click.testing import CliRunner
from quart import Blueprint
from quart_trio import QuartTrio
from trio.testing import MockClock

from csms.authorities import TrustedAuthority, authority_of
from csms.config import Config, DatabaseConfig, OcppConfig, SecurityConfig
from csms.core.errors import CsmsError, Undecided
from csms.core.events import Delivered, Event
from csms.core.events import event as an_event
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import Handshake, Turned, Tx
from csms.core.reports import DataSent, DataVerdict, StartReported, Token, TokenPresented, TokenVerdict
from csms.db import StoreDatabase
from csms.db.migrate import MigrationSource, core_migrations, migrate
from csms.domain.drivers import flows as drivers
from csms.domain.stations import flows as stations
from csms.domain.transactions.pricing import priced
from csms.hooks import (
    AlertRaised,
    AlertResolved,
    AllowanceUse,
    AvailabilityChanged,
    Charge,
    ChargerBooted,
    ChargerCertificateChanged,
    ChargerCertificateExpiring,
    ChargerConnected,
    ChargerDisconnected,
    ChargerKeyChanged,
    ChargerRegistrationChanged,
    ChargerRemoved,
    ChargerSecurityChanged,
    ChargerStatusChanged,
    ChargingProfileCleared,
    ChargingProfileInstalled,
    ChargingProfileRefused,
    ConfigurationApplied,
    ConfigurationDrifted,
    Coverage,
    Covered,
    DocumentExpired,
    DocumentExpiring,
    DocumentReviewed,
    DriverErased,
    FirmwareCampaignAborted,
    FirmwareUpdateChanged,
    Job,
    LocalListChanged,
    LoginEnded,
    LogUploadChanged,
    MeterPoint,
    MeterValues,
    PluginContext,
    Price,
    ReservationEnded,
    ReservationMade,
    SecurityEventNoted,
    TicketClosed,
    TicketOpened,
    TicketReplied,
    TokensChanged,
    TokenSeen,
    TransactionCorrected,
    TransactionEnded,
    TransactionRemeasured,
    TransactionStarted,
    TransactionUpdated,
    UserChanged,
    UserJoined,
    WebhookPaused,
    WebhookResumed,
    hookimpl,
)
from csms.testing.plugins import Plugged, example
from csms.testing.stores import SettableClock


@attrs.define
class Fire:
    """Stores an event and hears it in a plugin's hook."""

    database: StoreDatabase

    async def __call__(self, event: Event, hook: str = "") -> Delivered:
        send, receive = trio.open_memory_channel[tuple[Event, Delivered, PluginContext]](1)

        @hookimpl(specname=hook or event.type)
        async def hear(event: Event, delivery: Delivered, context: PluginContext) -> None:
            await send.send((event, delivery, context))

        plugged = Plugged({"hearer": SimpleNamespace(hear=hear)}, database=self.database)
        async with plugged.spine(self.database):
            await self.database.write(emit, event, tenant=DEFAULT_TENANT, keys=(event.key,))
            with trio.fail_after(10):
                heard, delivery, context = await receive.receive()
        assert heard == delivery.event == event
        assert (delivery.tenant, delivery.occurred_at, delivery.attempt) == (DEFAULT_TENANT, plugged.clock.now(), 1)
        assert context.name == "hearer"
        return delivery


def emit(tx: Tx, event: Event) -> None:
    tx.emit(event)


@pytest.fixture
def engine() -> str:
    """Which engine carries the event is no matter of the hook."""
    return "sqlite"


@pytest.fixture
def fire(database: StoreDatabase) -> Fire:
    return Fire(database)


# --- events ---------------------------------------------------------------------------------------------------------------------


async def test_hook_event_occurred(fire: Fire) -> None:
    assert (await fire(example(ChargerBooted), "event_occurred")).event_id > 0


async def test_hook_charger_connected(fire: Fire) -> None:
    await fire(example(ChargerConnected))


async def test_hook_charger_disconnected(fire: Fire) -> None:
    await fire(example(ChargerDisconnected))


async def test_hook_charger_booted(fire: Fire) -> None:
    await fire(example(ChargerBooted))


async def test_hook_charger_status_changed(fire: Fire) -> None:
    await fire(example(ChargerStatusChanged, place=Place(2, 1)))


async def test_hook_charger_registration_changed(fire: Fire) -> None:
    await fire(example(ChargerRegistrationChanged))


async def test_hook_charger_removed(fire: Fire) -> None:
    await fire(example(ChargerRemoved))


async def test_hook_charger_key_changed(fire: Fire) -> None:
    await fire(example(ChargerKeyChanged))


async def test_hook_charger_security_changed(fire: Fire) -> None:
    await fire(example(ChargerSecurityChanged, required=2, used=3))


async def test_hook_security_event_reported(fire: Fire) -> None:
    await fire(example(SecurityEventNoted))


async def test_hook_charger_certificate_changed(fire: Fire) -> None:
    await fire(example(ChargerCertificateChanged))


async def test_hook_charger_certificate_expiring(fire: Fire) -> None:
    await fire(example(ChargerCertificateExpiring))


async def test_hook_token_seen(fire: Fire) -> None:
    await fire(example(TokenSeen))


async def test_hook_tokens_changed(fire: Fire) -> None:
    await fire(example(TokensChanged))


async def test_hook_local_list_changed(fire: Fire) -> None:
    await fire(example(LocalListChanged, state="in_step"))


async def test_hook_transaction_started(fire: Fire) -> None:
    await fire(example(TransactionStarted))


async def test_hook_transaction_updated(fire: Fire) -> None:
    await fire(example(TransactionUpdated))


async def test_hook_transaction_ended(fire: Fire) -> None:
    await fire(example(TransactionEnded, energy_wh=12_345))


async def test_hook_transaction_corrected(fire: Fire) -> None:
    await fire(example(TransactionCorrected))


async def test_hook_transaction_remeasured(fire: Fire) -> None:
    await fire(example(TransactionRemeasured))


async def test_hook_charging_profile_installed(fire: Fire) -> None:
    await fire(example(ChargingProfileInstalled, transaction_id=7))


async def test_hook_charging_profile_refused(fire: Fire) -> None:
    await fire(example(ChargingProfileRefused, status="Rejected"))


async def test_hook_charging_profile_cleared(fire: Fire) -> None:
    await fire(example(ChargingProfileCleared, reason="Replaced"))


async def test_hook_reservation_made(fire: Fire) -> None:
    await fire(example(ReservationMade))


async def test_hook_reservation_ended(fire: Fire) -> None:
    await fire(example(ReservationEnded, transaction_id=17))


async def test_hook_alert_raised(fire: Fire) -> None:
    await fire(example(AlertRaised))


async def test_hook_alert_resolved(fire: Fire) -> None:
    await fire(example(AlertResolved))


async def test_hook_webhook_paused(fire: Fire) -> None:
    await fire(example(WebhookPaused))


async def test_hook_webhook_resumed(fire: Fire) -> None:
    await fire(example(WebhookResumed))


async def test_hook_meter_values(fire: Fire) -> None:
    assert (await fire(example(MeterValues))).event_id == 0, "volatile events have no id"


async def test_hook_firmware_update_changed(fire: Fire) -> None:
    await fire(example(FirmwareUpdateChanged, campaign_id=None))


async def test_hook_firmware_campaign_aborted(fire: Fire) -> None:
    await fire(example(FirmwareCampaignAborted))


async def test_hook_configuration_drifted(fire: Fire) -> None:
    await fire(example(ConfigurationDrifted, keys=("HeartbeatInterval",)))


async def test_hook_configuration_applied(fire: Fire) -> None:
    await fire(example(ConfigurationApplied, keys=("HeartbeatInterval",), reboot_required=("HeartbeatInterval",)))


async def test_hook_availability_changed(fire: Fire) -> None:
    await fire(example(AvailabilityChanged, place=Place(2, 1), operative=False))


async def test_hook_user_joined(fire: Fire) -> None:
    await fire(example(UserJoined, role="driver", driver_id=7))


async def test_hook_user_changed(fire: Fire) -> None:
    await fire(example(UserChanged, what="stations", role="tenant_operator"))


async def test_hook_login_ended(fire: Fire) -> None:
    await fire(example(LoginEnded, why="reused"))


async def test_hook_log_upload_changed(fire: Fire) -> None:
    await fire(example(LogUploadChanged, file_id=None))


async def test_hook_driver_erased(fire: Fire) -> None:
    await fire(example(DriverErased))


async def test_hook_document_reviewed(fire: Fire) -> None:
    await fire(example(DocumentReviewed, state="rejected", reason="page 2 is missing"))


async def test_hook_document_expiring(fire: Fire) -> None:
    await fire(example(DocumentExpiring))


async def test_hook_document_expired(fire: Fire) -> None:
    await fire(example(DocumentExpired))


async def test_hook_ticket_opened(fire: Fire) -> None:
    await fire(example(TicketOpened, transaction_id=None, station_id=None))


async def test_hook_ticket_replied(fire: Fire) -> None:
    await fire(example(TicketReplied, by="staff"))


async def test_hook_ticket_closed(fire: Fire) -> None:
    await fire(example(TicketClosed))


# --- decisions ------------------------------------------------------------------------------------------------------------------


async def test_hook_authorize_token(database: StoreDatabase) -> None:
    asked: list[tuple[Any, ...]] = []

    @hookimpl
    async def authorize_token(
        token: Token, charger_id: str, place: Place, purpose: str, tenant: int, context: PluginContext
    ) -> TokenVerdict:
        asked.append((token, charger_id, place, purpose, tenant, context.name))
        return TokenVerdict("Blocked")

    plugged = Plugged({"judge": SimpleNamespace(authorize_token=authorize_token)}, database=database)
    token = Token("04AB", "ISO14443")
    shown = TokenPresented(charger_id="CP1", received_at=0, token=token)
    started = StartReported(charger_id="CP1", received_at=0, token=token, place=Place(2, 1), started_at=0)
    for report in (shown, started):
        assert await drivers.ask_token(plugged.ports, report, DEFAULT_TENANT) == TokenVerdict("Blocked")
    assert asked == [
        (token, "CP1", Place(0, 0), "authorize", 1, "judge"),
        (token, "CP1", Place(2, 1), "start", 1, "judge"),
    ]


async def test_hook_admit_charger(database: StoreDatabase) -> None:
    asked: list[tuple[Any, ...]] = []

    @hookimpl
    async def admit_charger(handshake: Handshake, known: bool, context: PluginContext) -> Turned | None:
        asked.append((handshake.charger_id, known, context.name))
        return Turned(403, "not today") if handshake.charger_id == "CP2" else None

    plugged = Plugged({"porter": SimpleNamespace(admit_charger=admit_charger)}, database=database)
    config = OcppConfig(authentication=False, unknown_chargers="accepted")
    for charger_id, turned in (("CP1", False), ("CP1", False), ("CP2", True)):
        handshake = Handshake(charger_id=charger_id, subprotocols=("ocpp1.6",), remote_address="127.0.0.1")
        answer = await stations.admit(plugged.ports, config, handshake)
        assert isinstance(answer, Turned) == turned
    assert asked == [("CP1", False, "porter"), ("CP1", True, "porter"), ("CP2", False, "porter")]


async def test_hook_answer_data_transfer(database: StoreDatabase) -> None:
    @hookimpl
    async def answer_data_transfer(
        charger_id: str, vendor_id: str, message_id: str, data: str, tenant: int, context: PluginContext
    ) -> DataVerdict:
        return DataVerdict("Accepted", f"{context.name}: {charger_id} {vendor_id} {message_id} {data} {tenant}")

    plugged = Plugged({"vendor": SimpleNamespace(answer_data_transfer=answer_data_transfer)}, database=database)
    report = DataSent(charger_id="CP1", received_at=0, vendor_id="acme", message_id="hello", data="{}")
    answer = await stations.ask_data(plugged.ports, report, DEFAULT_TENANT)
    assert answer == DataVerdict("Accepted", "vendor: CP1 acme hello {} 1")


CHARGE = Charge(
    purpose="final",
    currency="INR",
    time_zone="Asia/Kolkata",
    started_at=0,
    ended_at=3_600_000,
    energy_wh=5000,
    points=(MeterPoint(0, 0), MeterPoint(3_600_000, 5000)),
    driver_id=7,
)


async def test_hook_price_charge(database: StoreDatabase) -> None:
    asked = []

    @hookimpl
    async def price_charge(charge: Charge, tenant: int, context: PluginContext) -> Price | None:
        asked.append((tenant, context.name))
        if charge.promo_code == "FAIL":
            raise RuntimeError("the tariff service is down")
        return (
            None if charge.promo_code else Price(currency="INR", lines=(), net_minor=charge.energy_wh, total_minor=charge.energy_wh)
        )

    plugged = Plugged({"tariff": SimpleNamespace(price_charge=price_charge)}, database=database)
    told = await priced(plugged.ports, CHARGE, DEFAULT_TENANT)
    assert told.price is not None
    assert told.price.total_minor == 5000
    assert told.uses == ()
    assert (await priced(plugged.ports, attrs.evolve(CHARGE, promo_code="NONE"), DEFAULT_TENANT)).price is None
    with pytest.raises(Undecided, match="tariff"):
        await priced(plugged.ports, attrs.evolve(CHARGE, promo_code="FAIL"), DEFAULT_TENANT)
    assert asked == [(1, "tariff")] * 3


async def test_hook_cover_charge(database: StoreDatabase) -> None:
    @hookimpl
    async def cover_charge(charge: Charge, tenant: int, context: PluginContext) -> Coverage | None:
        if charge.membership == "broken":
            raise RuntimeError("the plan cannot be read")
        if charge.membership != "gold":
            return None
        uses = (AllowanceUse(account_id=9, unit="WH", amount=2000),)
        return Coverage(covered=Covered(energy_wh=2000, by=context.name), uses=uses)

    @hookimpl
    async def price_charge(charge: Charge) -> Price:
        rest = charge.energy_wh - charge.covered.energy_wh
        return Price(currency="INR", lines=(), net_minor=rest, total_minor=rest)

    plans, tariff = SimpleNamespace(cover_charge=cover_charge), SimpleNamespace(price_charge=price_charge)
    plugged = Plugged({"tariff": tariff, "plans": plans}, database=database)
    told = await priced(plugged.ports, attrs.evolve(CHARGE, membership="gold"), DEFAULT_TENANT)
    assert told.price is not None
    assert told.price.total_minor == 3000
    assert told.charge.covered == Covered(energy_wh=2000, by="plans")
    assert [(each.account_id, each.amount) for each in told.uses] == [(9, 2000)]
    plain = await priced(plugged.ports, CHARGE, DEFAULT_TENANT)
    assert plain.price is not None
    assert (plain.price.total_minor, plain.uses) == (5000, ())
    with pytest.raises(Undecided, match="plans"):
        await priced(plugged.ports, attrs.evolve(CHARGE, membership="broken"), DEFAULT_TENANT)


# --- contributions --------------------------------------------------------------------------------------------------------------


async def test_hook_register_settings() -> None:
    @attrs.frozen
    class Settings:
        limit: int = 3

    seen: list[Any] = []
    plugin = SimpleNamespace(
        register_settings=hookimpl(lambda: Settings), configure=hookimpl(lambda context: seen.append(context.settings))
    )
    Plugged({"limits": plugin}, settings={"limits": {"limit": 5}})
    Plugged({"limits": plugin})
    Plugged({"plain": SimpleNamespace(configure=plugin.configure)}, settings={"plain": {"any": "thing"}})
    assert seen == [Settings(5), Settings(3), {"any": "thing"}]


async def test_hook_register_events(database: StoreDatabase) -> None:
    @an_event
    @attrs.frozen(slots=True, kw_only=True)
    class VisitPaid(Event):
        """Somebody visited."""

        type = "visit_paid"
        visitor: str

        @property
        def key(self) -> str:
            return f"visitor:{self.visitor}"

    heard = trio.Event()

    @hookimpl
    async def visit_paid(event: VisitPaid, delivery: Delivered) -> None:
        assert (event.visitor, delivery.tenant) == ("Ada", DEFAULT_TENANT)
        heard.set()

    @hookimpl
    async def run(context: PluginContext) -> None:
        await context.store.write(VisitPaid(visitor="Ada"), tenant=DEFAULT_TENANT)

    plugins = {
        "hearer": SimpleNamespace(visit_paid=visit_paid),
        "visitor": SimpleNamespace(register_events=hookimpl(lambda: [VisitPaid]), run=run),
    }
    plugged = Plugged(plugins, database=database)
    with trio.fail_after(10):
        async with plugged.spine(database):
            await heard.wait()


def test_hook_register_migrations(tmp_path: Path) -> None:
    folder = Path(__file__).parent / "visits"
    plugged = Plugged({"visitor": SimpleNamespace(register_migrations=hookimpl(lambda: folder))}, connected=False)
    (contribution,) = plugged.bus.collect("register_migrations")
    sources = [core_migrations(), MigrationSource(contribution.plugin, contribution.value)]
    applied = migrate(DatabaseConfig(url=f"sqlite:///{tmp_path}/csms.db"), sources, folder=tmp_path, clock=SettableClock())
    assert [(each.source, each.name) for each in applied][-1] == ("visitor", "visits")


def test_hook_register_commands() -> None:
    @click.command()
    def greet() -> None:
        """Say hello."""
        click.echo("hello")

    plugged = Plugged({"greeter": SimpleNamespace(register_commands=hookimpl(lambda: [greet]))}, connected=False)
    (contribution,) = plugged.bus.collect("register_commands")
    assert contribution.plugin == "greeter"
    assert CliRunner().invoke(contribution.value).output == "hello\n"


async def test_hook_register_certificate_authority(tmp_path: Path) -> None:
    class Authority:
        async def sign(self, csr: str, *, charger_id: str, organization: str, lifetime_s: float) -> str:
            return f"{charger_id} of {organization}"

        async def trust_anchors(self) -> str:
            return "a root"

    @hookimpl
    def register_certificate_authority(context: PluginContext) -> Authority:
        assert context.name == "notary"
        return Authority()

    plugged = Plugged({"notary": SimpleNamespace(register_certificate_authority=register_certificate_authority)})

    def chosen(name: str) -> TrustedAuthority | None:
        config = Config(folder=tmp_path, security=SecurityConfig(authority=name))
        return authority_of(config, plugged.bus, None, plugged.clock, plugged.ports.blocking)

    notary = chosen("notary")
    assert notary is not None
    assert await notary.sign("csr", charger_id="CP1", organization="ACME", lifetime_s=1) == "CP1 of ACME"
    assert await notary.trust_anchors() == "a root"
    assert chosen("") is None
    with pytest.raises(CsmsError, match="notary"):
        chosen("other")


def test_hook_register_metrics() -> None:
    visits = prometheus_client.Counter("csms_visitor_visits", "Visits", registry=None)
    plugged = Plugged({"visitor": SimpleNamespace(register_metrics=hookimpl(lambda: [visits]))}, connected=False)
    registry = prometheus_client.CollectorRegistry()
    for contribution in plugged.bus.collect("register_metrics"):
        registry.register(contribution.value)
    visits.inc(3)
    assert b"csms_visitor_visits_total 3.0" in prometheus_client.generate_latest(registry)


async def test_hook_register_routes() -> None:
    @hookimpl
    def register_routes(context: PluginContext) -> list[Blueprint]:
        routes = Blueprint(context.name, __name__)

        @routes.get("/sent")
        async def sent() -> dict[str, int]:
            return {"connected": len(context.chargers.connections())}

        return [routes]

    app = QuartTrio(__name__)
    for contribution in Plugged({"counter": SimpleNamespace(register_routes=register_routes)}).bus.collect("register_routes"):
        app.register_blueprint(contribution.value, url_prefix=f"/plugins/{contribution.plugin}")
    answer = await app.test_client().get("/plugins/counter/sent")
    assert await answer.get_json() == {"connected": 0}


async def test_hook_register_jobs(autojump_clock: MockClock) -> None:
    ran: list[str] = []

    @hookimpl
    def register_jobs(context: PluginContext) -> list[Job]:
        async def sweep() -> None:
            ran.append(context.name)

        return [Job(name="sweep", every_s=60, run=sweep)]

    with trio.move_on_after(150):
        await Plugged({"sweeper": SimpleNamespace(register_jobs=register_jobs)}).bus.run()
    assert ran == ["sweeper", "sweeper"]


# --- the plugin's own life ------------------------------------------------------------------------------------------------------


async def test_hook_configure() -> None:
    order: list[str] = []

    @hookimpl
    def configure(context: PluginContext) -> None:
        order.append(f"configure {context.name}")

    @hookimpl
    def register_jobs() -> list[Job]:
        order.append("register_jobs")
        return []

    Plugged({"p": SimpleNamespace(configure=configure, register_jobs=register_jobs)})
    assert order == ["configure p", "register_jobs"]


async def test_hook_run() -> None:
    ran = trio.Event()

    @hookimpl
    async def run(context: PluginContext) -> None:
        assert context.name == "p"
        ran.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(Plugged({"p": SimpleNamespace(run=run)}).bus.run)
        with trio.fail_after(10):
            await ran.wait()
        nursery.cancel_scope.cancel()
