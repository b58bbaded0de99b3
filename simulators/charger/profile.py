"""Who a simulated charger is: everything that is decided before it is switched on."""

from __future__ import annotations

import attrs

from .car import Supply


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
    outbox_limit: int = 5000
    seed: str = "0"

    def __attrs_post_init__(self) -> None:
        """Refuse what no charger can be."""
        if self.version not in VERSIONS:
            raise ValueError(f"no such OCPP version: {self.version!r} (one of {', '.join(VERSIONS)})")
        if not self.charger_id:
            raise ValueError("a charger needs an id")


VERSIONS = ("1.6", "2.0.1")
