"""The options of ``python -m simulators.charger``, and what they make of a charger."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click

from simulators.options import F, Named, Pair, Size, in_group, option

from .car import Supply
from .certificates import CENTRAL_SYSTEM, MANUFACTURER, BadCertificate, CertificateStore, load
from .dial import Address, parse_url
from .failures import FAILURES, FEATURES
from .identity import load_identity
from .profile import VERSIONS, Profile
from .prompt import HELP
from .quirks import QUIRKS
from .settings import BY_KEY, BY_NAME

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
QUIRK_TEXTS = {name: quirk.text for name, quirk in QUIRKS.items()}


def scenarios() -> dict[str, str]:
    """The scripts in ``simulators/scenarios`` by name."""
    folder = importlib.resources.files("simulators") / "scenarios"
    return {
        entry.name.removesuffix(".txt"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".txt")
    }


def _show(text: Callable[[], str]) -> Callable[[click.Context, click.Parameter, bool], None]:
    """An option that prints something and exits."""

    def show(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
        if wanted:
            click.echo(text())
            context.exit()

    return show


def _table(rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join(f"{name:{width}}  {text}" for name, text in rows.items())


def _scenario_list() -> str:
    return _table({name: text.splitlines()[0].removeprefix("# ") for name, text in scenarios().items()})


def _printing(name: str, what: str, text: Callable[[], str]) -> tuple[tuple[str, ...], dict[str, Any]]:
    parameter = f"list_{name.removeprefix('--')}"
    return option(
        name, parameter, is_flag=True, is_eager=True, expose_value=False, callback=_show(text), help=f"list {what} and exit"
    )


SERVER = in_group(
    "The central system",
    option("--url", default="ws://127.0.0.1:9000/ocpp", show_default=True, help="its address, without the charger id"),
    option("--secure-url", default=None, help="its wss:// address for security profiles 2 and 3, if it is another"),
    option("--id", "charger_id", default="SIM-1", show_default=True, help="the charger's id"),
    option("--version", type=click.Choice(VERSIONS), default="1.6", show_default=True, help="OCPP version"),
    option(
        "--call-timeout", type=click.FloatRange(0.1), default=30.0, show_default=True, help="longest wait for an answer, seconds"
    ),
)
SECURITY = in_group(
    "Security (whitepaper ed. 2)",
    option("--password", default=None, help="key for HTTP Basic authentication (or the variable CHARGER_PASSWORD)"),
    option(
        "--security-profile",
        type=click.IntRange(0, 3),
        default=None,
        help="0 none, 1 password, 2 TLS and password, 3 TLS and certificate",
    ),
    option("--ca-file", type=FILE, default=None, help="PEM of the authorities that may vouch for the central system"),
    option("--client-cert", type=FILE, default=None, help="PEM of the charger's own certificate and its chain"),
    option("--client-key", type=FILE, default=None, help="PEM of its key"),
    option("--manufacturer-ca", type=FILE, default=None, help="PEM of the authorities that may sign firmware"),
    option(
        "--key-kind",
        type=click.Choice(("ec", "rsa")),
        default="ec",
        show_default=True,
        help="the keys that it makes: EC P-256 or RSA 2048",
    ),
    option("--cpo-name", default="Example CPO", show_default=True, help="organization in its certificate requests (CpoName)"),
    option("--security-events", is_flag=True, help="tell the security events of every day too: started, reset, clock set"),
)
CHARGER = in_group(
    "The charger",
    option("--connectors", type=click.IntRange(1, 20), default=2, show_default=True, help="how many connectors"),
    option("--power", type=click.FloatRange(1, 1000), default=11.0, show_default=True, help="kW of each; above 22 it is DC"),
    option("--meter-interval", type=click.IntRange(0), default=60, show_default=True, help="seconds between meter values"),
    option("--start-at-plug", is_flag=True, help="a 2.0.1 transaction lasts from plugging in to unplugging"),
    option("--firmware", default="1.0.0", show_default=True, help="its firmware version"),
    option(
        "--next-firmware", default="", help="the version of any firmware it installs  [default: from the file name, or one more]"
    ),
    option("--install-time", type=click.FloatRange(0), default=10.0, show_default=True, help="seconds that an installation takes"),
    option("--diagnostics-size", type=Size(), default="64kB", show_default=True, help="size of its diagnostics (0: none)"),
    option("--set", "settings", type=Pair(), multiple=True, metavar="KEY=VALUE", help="a configuration key, also a read-only one"),
    option(
        "--without",
        multiple=True,
        type=Named("feature", {name: ", ".join(sorted(actions)) for name, actions in FEATURES.items()}),
        help="lack a feature profile (list: which there are)",
    ),
)
HAPPENING = in_group(
    "What happens",
    option("--script", default=None, help="verbs between semicolons (see --verbs)"),
    option("--script-file", type=FILE, default=None, help="the same in a file"),
    option("--scenario", default=None, metavar="NAME", help="a script that comes along (see --scenarios)"),
    option("--interactive", is_flag=True, help="type the verbs at a prompt"),
    option("--tag", "tags", multiple=True, default=("TAG-1", "TAG-2"), show_default=True, help="tokens that drivers show"),
    option("--gap", type=click.FloatRange(0.1), default=120.0, show_default=True, help="mean seconds between drivers"),
    option("--stay", type=click.FloatRange(1), default=1200.0, show_default=True, help="mean seconds that a driver stays"),
    option("--duration", type=click.FloatRange(0), default=0.0, help="end after so many seconds  [default: at Ctrl-C]"),
    option(
        "--speed", type=click.FloatRange(0.01, 10_000), default=1.0, show_default=True, help="cars and people run so much faster"
    ),
    option(
        "--grace", type=click.FloatRange(0), default=10.0, show_default=True, help="longest wait for answers at the end, seconds"
    ),
    option("--seed", default="0", show_default=True, help="seed of everything random"),
)
FAULTS = in_group(
    "Misbehaviour",
    option(
        "--quirk", "quirks", multiple=True, type=Named("quirk", QUIRK_TEXTS), help="misbehave; repeatable (list: which there are)"
    ),
    option(
        "--fail", "failing", multiple=True, type=Named("failure", FAILURES), help="fail at something; repeatable (list: at what)"
    ),
)
OUTPUT = in_group(
    "Output",
    option("--frames", is_flag=True, help="print raw frames"),
    option("--quiet", is_flag=True, help="print nothing of what happens"),
    option("--acked", type=click.Path(dir_okay=False, path_type=Path), default=None, help="write acknowledged calls to a file"),
    _printing("--verbs", "the verbs of scripts", lambda: HELP),
    _printing("--scenarios", "scenarios", _scenario_list),
    _printing("--quirks", "quirks", lambda: _table(QUIRK_TEXTS)),
)


def options(function: F) -> F:
    """All of them, in their order."""
    for group in (OUTPUT, FAULTS, HAPPENING, CHARGER, SECURITY, SERVER):
        function = group(function)
    return function


@attrs.frozen(slots=True, kw_only=True)
class Given:
    """The options as they were given."""

    url: str
    secure_url: str | None
    charger_id: str
    version: str
    call_timeout: float
    password: str | None
    security_profile: int | None
    ca_file: Path | None
    client_cert: Path | None
    client_key: Path | None
    manufacturer_ca: Path | None
    key_kind: str
    cpo_name: str
    security_events: bool
    connectors: int
    power: float
    meter_interval: int
    start_at_plug: bool
    firmware: str
    next_firmware: str
    install_time: float
    diagnostics_size: int
    settings: tuple[tuple[str, str], ...]
    without: tuple[str, ...]
    script: str | None
    script_file: Path | None
    scenario: str | None
    interactive: bool
    tags: tuple[str, ...]
    gap: float
    stay: float
    duration: float
    speed: float
    grace: float
    seed: str
    quirks: tuple[str, ...]
    failing: tuple[str, ...]
    frames: bool
    quiet: bool
    acked: Path | None

    def profile(self) -> Profile:
        """The charger; raises ``ValueError``."""
        key = self.password if self.password is not None else os.environ.get("CHARGER_PASSWORD")
        settings = {"meter_interval_s": str(self.meter_interval), "organization": self.cpo_name}
        if self.start_at_plug:
            settings |= {"start_point": "EVConnected", "stop_point": "EVConnected"}
        for name, value in self.settings:
            row = BY_NAME.get(name) or BY_KEY.get(name.casefold())
            if row is None or not row.allows(value):
                raise ValueError(f"cannot set {name} to {value!r}" if row else f"no such configuration key: {name!r}")
            settings[row.name] = value
        return Profile(
            charger_id=self.charger_id,
            password=None if key is None else key.encode(),
            version=self.version,
            supplies=(Supply.of(self.power),) * self.connectors,
            serial=f"{self.charger_id}-S"[:25],
            model=f"VT-{self.power:g}",
            firmware=self.firmware,
            quirks=frozenset(self.quirks),
            failing=frozenset(self.failing),
            without=frozenset(self.without),
            settings=tuple(settings.items()),
            security_profile=self.security_profile,
            key_kind=self.key_kind,
            tells_security_events=self.security_events,
            install_s=self.install_time,
            next_firmware=self.next_firmware,
            diagnostics_bytes=self.diagnostics_size,
            call_timeout_s=self.call_timeout,
            seed=self.seed,
        )

    def addresses(self) -> tuple[Address, Address | None]:
        """Where to connect, and where with TLS if that is elsewhere; raises ``ValueError`` where they do not go with the profile."""
        address = parse_url(self.url)
        secure = None if self.secure_url is None else parse_url(self.secure_url)
        if secure is not None and secure.tls is None:
            raise ValueError(f"--secure-url needs a wss:// address, not {self.secure_url!r}")
        if (self.security_profile or 0) >= 2 and address.tls is None and secure is None:
            raise ValueError(f"security profile {self.security_profile} needs a wss:// address (--url or --secure-url)")
        return address, secure

    def certificates(self) -> CertificateStore:
        """Roots and identity from files; raises ``ValueError`` naming the file that is wrong."""
        roots = {}
        for use, path in ((CENTRAL_SYSTEM, self.ca_file), (MANUFACTURER, self.manufacturer_ca)):
            if path is not None:
                try:
                    roots[use] = load(path.read_text(encoding="utf-8"))
                except (BadCertificate, OSError, UnicodeDecodeError) as wrong:
                    raise ValueError(f"{path}: {wrong}") from None
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("--client-cert and --client-key go together")
        identity = None
        if self.client_cert is not None and self.client_key is not None:
            identity = load_identity(self.client_cert, self.client_key)
        if self.security_profile == 3 and identity is None:
            raise ValueError("security profile 3 needs --client-cert and --client-key")
        return CertificateStore(roots, identity)
