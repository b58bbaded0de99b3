"""Keys compared with each other: what contradicts itself, what a production server may not do, and what is worth a remark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from .sections import ApiConfig, Config, OcppConfig

MIN_KEY_LENGTH = 20


@attrs.frozen
class Contradiction:
    """Values that cannot stand together; the first of ``keys`` that somebody set is the one pointed at."""

    keys: tuple[tuple[str, ...], ...]
    words: str


def contradictions(config: Config) -> list[Contradiction]:
    """Everything that is wrong although each value alone is right."""
    found = [*_tls("ocpp", config.ocpp), *_tls("api", config.api), *_files(config), *_pairs(config)]
    if config.profile == "production":
        found += _production(config)
    return found


def remarks(config: Config) -> list[str]:
    """What is allowed and yet worth saying."""
    said = []
    if not config.ocpp.authentication:
        said.append("ocpp.authentication is off: anybody who can reach the port can speak for any charger")
    if config.ocpp.unknown_chargers == "accepted":
        said.append('ocpp.unknown_chargers is "accepted": anybody who can reach the port can add a charger')
    for name, section in (("ocpp", config.ocpp), ("api", config.api)):
        if not section.tls_certificate and not is_local(section.host):
            said.append(f"{name}.host {section.host} is reached without TLS, unless a proxy in front ends it")
    if config.cluster.redis_url:
        said.append("cluster.redis_url is set and not used: this version runs as one server")
    said += [
        f"plugins.settings.{name} is not used: {name} is not in plugins.enabled"
        for name in config.plugins.settings
        if name not in config.plugins.enabled
    ]
    return said


def is_local(host: str) -> bool:
    """Whether only this machine reaches a listener on this host."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _tls(name: str, section: OcppConfig | ApiConfig) -> Iterator[Contradiction]:
    keys = ((name, "tls_certificate"), (name, "tls_key"))
    if bool(section.tls_certificate) != bool(section.tls_key):
        missing, given = ("tls_key", "tls_certificate") if section.tls_certificate else ("tls_certificate", "tls_key")
        yield Contradiction(keys, f"{name}.{given} needs {name}.{missing} beside it")


def _files(config: Config) -> Iterator[Contradiction]:
    for key, file in (
        (("ocpp", "tls_certificate"), config.ocpp.tls_certificate),
        (("ocpp", "tls_key"), config.ocpp.tls_key),
        (("api", "tls_certificate"), config.api.tls_certificate),
        (("api", "tls_key"), config.api.tls_key),
        (("database", "tls_root_certificate"), config.database.tls_root_certificate),
    ):
        if file and not Path(file).is_file():
            yield Contradiction((key,), f"{'.'.join(key)}: there is no file {file}")


def _pairs(config: Config) -> Iterator[Contradiction]:
    ocpp, api = config.ocpp, config.api
    if ocpp.port == api.port != 0 and (ocpp.host == api.host or {ocpp.host, api.host} & {"0.0.0.0", "::"}):  # noqa: S104 - compared, not bound
        yield Contradiction((("ocpp", "port"), ("api", "port")), f"ocpp.port and api.port are both {api.port}: give each its own")
    if strangers := [name for name in config.plugins.must_agree if name not in config.plugins.enabled]:
        keys = (("plugins", "must_agree"), ("plugins", "enabled"))
        yield Contradiction(keys, f"plugins.must_agree names {', '.join(strangers)}, not in plugins.enabled")
    if ocpp.fallback_protocol and ocpp.fallback_protocol not in ocpp.protocols:
        yield Contradiction(
            (("ocpp", "fallback_protocol"), ("ocpp", "protocols")),
            f'ocpp.fallback_protocol "{ocpp.fallback_protocol}" must be one of ocpp.protocols',
        )


def _production(config: Config) -> Iterator[Contradiction]:
    """What a server in production may not do (each says how to go on)."""
    profile = ("profile",)
    if not config.ocpp.authentication:
        yield Contradiction(
            (("ocpp", "authentication"), profile), "ocpp.authentication: production insists on true; or choose another profile"
        )
    if config.ocpp.unknown_chargers == "accepted":
        yield Contradiction(
            (("ocpp", "unknown_chargers"), profile),
            'ocpp.unknown_chargers: production refuses "accepted"; take "pending" or "rejected"',
        )
    for name, section in (("ocpp", config.ocpp), ("api", config.api)):
        if not section.tls_certificate and not section.allow_plain and not is_local(section.host):
            yield Contradiction(
                ((name, "allow_plain"), (name, "host"), profile),
                f"{name}: production wants TLS on {section.host}: give {name}.tls_certificate and {name}.tls_key, "
                f"or {name}.allow_plain = true where a proxy ends TLS",
            )
    if config.api.key and len(config.api.key) < MIN_KEY_LENGTH:
        yield Contradiction(
            (("api", "key"), profile), f'api.key: production wants {MIN_KEY_LENGTH} characters or more, or "" to have one made'
        )
