"""The small parts: frames, clocks, cars, meters, histograms, settings, outbox."""

from __future__ import annotations

import random

import pytest
import trio

from simulators import frames
from simulators.charger.car import Car, Supply, random_car
from simulators.charger.connector import Connector, Tag, Transaction
from simulators.charger.dial import parse_url
from simulators.charger.meter import METERS, read
from simulators.charger.outbox import Outbox, Parcel
from simulators.charger.profile import Profile
from simulators.charger.settings import BY_KEY, ROWS, Settings
from simulators.clock import Clock, iso, parse_iso
from simulators.fleet.histogram import Histogram


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[2,"a","Reset",{"type":"Hard"}]', frames.Call("a", "Reset", {"type": "Hard"})),
        ('[3,"a",{}]', frames.Result("a", {})),
        ('[4,"a","NotSupported","no",{}]', frames.Error("a", "NotSupported", "no")),
        ('[4,"a","NotSupported"]', frames.Error("a", "NotSupported", "")),
        ("[2]", None),
        ('[2,1,"Reset",{}]', None),
        ("{}", None),
        ("nonsense", None),
        (b"\xff\xfe", None),
    ],
)
def test_frames(text, expected):
    assert frames.parse(text) == expected


def test_frames_there_and_back():
    assert frames.parse(frames.call_text("1", "A", {"x": "ä"})) == frames.Call("1", "A", {"x": "ä"})
    assert frames.parse(frames.error_text("1", "C", "d" * 999)) == frames.Error("1", "C", "d" * 255)


def test_iso():
    assert iso(1_800_000_000_123) == "2027-01-15T08:00:00.123Z"
    assert parse_iso("2027-01-15T08:00:00.123Z") == 1_800_000_000_123
    assert parse_iso("2027-01-15T13:30:00+05:30") == 1_800_000_000_000
    assert parse_iso("2027-01-15T08:00:00") == 1_800_000_000_000
    assert parse_iso("yesterday") is None
    assert iso(0) == "1970-01-01T00:00:00.000Z"


async def test_a_clock_follows_what_it_is_told_but_not_the_network(autojump_clock):
    clock = Clock.start(epoch_ms=1_800_000_000_000, speed=10)
    clock.told("2027-01-15T08:00:01.5Z")
    assert clock.now() == 1_800_000_000_000
    clock.told("2027-01-15T09:00:00Z")
    assert clock.now() == 1_800_003_600_000
    assert clock.true_now() == 1_800_000_000_000
    clock.told("nonsense")
    await clock.sleep(100)
    assert trio.current_time() - clock.started == pytest.approx(10)
    assert clock.world() == pytest.approx(100)
    assert clock.true_now() == 1_800_000_010_000


@pytest.mark.parametrize("supply", [Supply.of(7.4), Supply.of(22), Supply.of(150)])
def test_a_car_fills_with_a_taper_and_never_more_than_its_battery(supply):
    car = Car(capacity_wh=50_000, soc=0.1)
    powers, taken = [], 0.0
    for _ in range(5000):
        powers.append(car.takes_w(supply))
        taken += car.charge(supply, 60)
    assert taken == pytest.approx(45_000, rel=1e-6)
    assert car.soc == 1.0
    assert car.takes_w(supply) == 0
    assert powers[0] == min(supply.max_w, 120_000 if supply.kind == "dc" else 11_000)
    assert powers == sorted(powers, reverse=True)


def test_supplies():
    assert [Supply.of(kw).phases for kw in (3.3, 7.4, 11, 22, 50)] == [1, 1, 3, 3, 0]


def test_random_cars_follow_their_seed():
    first, second = ([random_car(rng).soc for _ in range(5)] for rng in (random.Random("a"), random.Random("a")))
    assert first == second


def test_a_meter_reads_what_is_asked():
    connector = Connector(1, Supply.of(11), register_wh=1234.9, car=Car(soc=0.5))
    connector.transaction = Transaction(1, 0, 1234, "r", Tag("T"))
    rng = random.Random(1)
    samples = read(connector, ",".join(METERS), rng)
    by_name = {(sample.measurand, sample.phase): sample for sample in samples}
    assert by_name["Energy.Active.Import.Register", ""].value == 1234
    assert by_name["Power.Active.Import", ""].value == 11_000
    assert by_name["Current.Import", "L2"].value == pytest.approx(11_000 / 3 / 230)
    assert 220 < by_name["Voltage", "L3-N"].value < 240
    assert ("SoC", "") not in by_name
    assert [sample.measurand for sample in read(connector, "RPM, Power.Active.Import", rng)] == ["Power.Active.Import"]
    assert [sample.phase for sample in read(connector, "Voltage.L2,Current.Import.L1,Voltage.L9", rng)] == ["L2-N", "L1"]


def test_the_status_follows_from_the_facts():
    connector = Connector(1)
    assert connector.true_status() == "Available"
    connector.car = Car()
    assert connector.true_status() == "Preparing"
    connector.transaction = Transaction(1, 0, 0, "r", Tag("T"))
    assert connector.true_status() == "Charging"
    connector.paused = True
    assert connector.true_status() == "SuspendedEVSE"
    connector.paused, connector.car.soc = False, 1.0
    assert connector.true_status() == "SuspendedEV"
    connector.transaction, connector.finished = None, True
    assert connector.true_status() == "Finishing"
    connector.operative = False
    assert connector.true_status() == "Unavailable"
    connector.error_code = "GroundFailure"
    assert connector.true_status() == "Faulted"


def test_energy_flows_only_while_charging():
    connector = Connector(1, car=Car())
    connector.advance(3600)
    assert connector.register == 0
    connector.transaction = Transaction(1, 0, 0, "r", Tag("T"))
    connector.advance(3600 + 360)
    assert connector.register == 1100


def test_histogram():
    histogram = Histogram()
    assert histogram.quantile_s(0.5) is None
    for milliseconds in range(1, 1001):
        histogram.add(milliseconds / 1000)
    assert histogram.quantile_s(0.5) == pytest.approx(0.5, rel=0.03)
    assert histogram.quantile_s(0.99) == pytest.approx(0.99, rel=0.03)
    assert histogram.quantile_s(1) == 1.0
    other = Histogram()
    other.add(0)
    other.add(1e9)
    histogram.merge(other)
    assert histogram.count == 1002
    assert histogram.longest_s == 1e9


def test_settings():
    settings = Settings(connectors="3")
    assert settings.number("connectors") == 3
    assert settings.flag("cache") is True
    assert settings.set(BY_KEY["heartbeatinterval"], "60") == "Accepted"
    assert settings.number("heartbeat_s") == 60
    assert Settings().number("heartbeat_s") == 300
    assert {row.allows("x") for row in ROWS if row.kind in ("int", "bool", "secret")} == {False}
    with pytest.raises(ValueError, match="no such setting: nonsense"):
        Settings(nonsense="1")


async def test_the_outbox_keeps_its_head_and_sheds_the_least():
    outbox = Outbox(3)
    start, value = Parcel("Start", {}, keep=True), Parcel("Value", {}, keep=True, sheddable=True)
    passing, stop = Parcel("Status", {}), Parcel("Stop", {}, keep=True)
    for parcel in (start, value, passing):
        assert outbox.add(parcel) is None
    assert outbox.add(stop) is value
    assert await outbox.head() is start
    outbox.done(value)
    assert len(outbox) == 3
    assert await outbox.first(2) == [start, passing]
    outbox.forget_passing()
    assert outbox.kept == len(outbox) == 2
    assert outbox.forget_all() == 2


@pytest.mark.parametrize("url", ["http://x/ocpp", "ws://", "ws://host:99999/", "nonsense"])
def test_urls_that_are_none(url):
    with pytest.raises(ValueError, match="not a"):
        parse_url(url)


def test_urls():
    address = parse_url("ws://[::1]:9000/ocpp/")
    assert (address.host, address.port, address.resource("a/b ä")) == ("::1", 9000, "/ocpp/a%2Fb%20%C3%A4")
    assert parse_url("wss://example.org/x").tls is not None


def test_profiles_that_cannot_be():
    with pytest.raises(ValueError, match="no such OCPP version"):
        Profile(charger_id="A", version="1.5")
    with pytest.raises(ValueError, match="needs an id"):
        Profile(charger_id="")
