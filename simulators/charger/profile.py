"""Who a simulated charger is: everything that is decided before it is switched on."""

from __future__ import annotations

import attrs

from .car import Supply
from .failures import FAILURES, FEATURES


@attrs.frozen(slots=True, kw_only=True)
class Profile:
    """A charger's identity and character. Durations named ``_s`` that the protocol times are real seconds."""

    charger_id: str
    password: bytes | None = None
    version: str = "1.6"
    supplies: tuple[Supply, ...] = (Supply(),)
    vendor: str = "Volterra"
    model: str = "VT-11"
    serial: str = ""
    firmware: str = "1.0.0"
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    quirks: frozenset[str] = frozenset()
    settings: tuple[tuple[str, str], ...] = ()
    """Values of ``settings.ROWS`` that differ from the defaults."""
    register_wh: int = 0
    resends_same_id: bool = True
    """Whether a transaction message goes out again under its old message id."""
    call_timeout_s: float = 30.0
    backoff_min_s: float = 1.0
    backoff_max_s: float = 60.0
    restart_s: float = 5.0
    """How long a restart takes, in seconds of the accelerated world."""
    failing: frozenset[str] = frozenset()
    """What it fails at (``failures.FAILURES``)."""
    without: frozenset[str] = frozenset()
    """The feature profiles that it does not have (``failures.FEATURES``)."""
    security_profile: int | None = None
    """0 to 3; None: the highest that its keys and its address allow."""
    key_kind: str = "ec"
    """The keys that it makes: ``ec`` (P-256) or ``rsa`` (2048 bits)."""
    tells_security_events: bool = False
    """Whether it also tells the security events of every day: started, reset, clock set."""
    install_s: float = 10.0
    """How long firmware takes to install, in seconds of the accelerated world."""
    next_firmware: str = ""
    """The version of any firmware that is installed (``""``: what its file name says, or one more than before)."""
    diagnostics_bytes: int = 65_536
    """The size of its diagnostics (0: it has none)."""
    outbox_limit: int = 5000
    seed: str = "0"

    def __attrs_post_init__(self) -> None:
        """Refuse what no charger can be."""
        if self.version not in VERSIONS:
            raise ValueError(f"no such OCPP version: {self.version!r} (one of {', '.join(VERSIONS)})")
        if not self.charger_id:
            raise ValueError("a charger needs an id")
        if unknown := self.failing - FAILURES.keys():
            raise ValueError(f"cannot fail at {', '.join(sorted(unknown))} (one of {', '.join(FAILURES)})")
        if unknown := self.without - FEATURES.keys():
            raise ValueError(f"no such feature: {', '.join(sorted(unknown))} (one of {', '.join(FEATURES)})")


VERSIONS = ("1.6", "2.0.1")
FEATURES_WITH_A_NAME = tuple(name for name in FEATURES if name != "Security")
"""Those that SupportedFeatureProfiles names (1.6 §9.1.29)."""
