"""Keys compared with each other: what contradicts itself, what a production server may not do, and what is worth a remark."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import attrs

from .providers import wrong_in
from .sections import ApiConfig, Config, FilesConfig, OcppConfig

MIN_KEY_LENGTH = 20
MIN_SECRET_LENGTH = 32
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


@attrs.frozen
class Contradiction:
    """Values that cannot stand together; the first of ``keys`` that somebody set is the one pointed at."""

    keys: tuple[tuple[str, ...], ...]
    words: str


def contradictions(config: Config) -> list[Contradiction]:
    """Everything that is wrong although each value alone is right."""
    found = [
        *_tls("ocpp", config.ocpp),
        *_tls("api", config.api),
        *_tls("files", config.files),
        *_security(config.ocpp),
        *_files(config),
        *_pairs(config),
        *_providers(config),
    ]
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
    for name, section in _listening(config):
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


def _listening(config: Config) -> list[tuple[str, OcppConfig | ApiConfig | FilesConfig]]:
    """Every section that listens, by name."""
    return [("ocpp", config.ocpp), ("api", config.api), *([("files", config.files)] if config.files.enabled else [])]


def _tls(name: str, section: OcppConfig | ApiConfig | FilesConfig) -> Iterator[Contradiction]:
    keys = ((name, "tls_certificate"), (name, "tls_key"))
    if bool(section.tls_certificate) != bool(section.tls_key):
        missing, given = ("tls_key", "tls_certificate") if section.tls_certificate else ("tls_certificate", "tls_key")
        yield Contradiction(keys, f"{name}.{given} needs {name}.{missing} beside it")


def _security(ocpp: OcppConfig) -> Iterator[Contradiction]:
    """The second certificate, client certificates and security profiles: each needs something else."""
    second, second_key = ("ocpp", "tls_second_certificate"), ("ocpp", "tls_second_key")
    if bool(ocpp.tls_second_certificate) != bool(ocpp.tls_second_key):
        yield Contradiction((second, second_key), "ocpp.tls_second_certificate and ocpp.tls_second_key need each other")
    for key, value in ((second, ocpp.tls_second_certificate), (("ocpp", "tls_client_ca"), ocpp.tls_client_ca)):
        if value and not ocpp.tls_certificate:
            yield Contradiction((key, ("ocpp", "tls_certificate")), f"{'.'.join(key)} needs ocpp.tls_certificate beside it")
    least = ("ocpp", "min_security_profile")
    if ocpp.min_security_profile > 1 and not ocpp.authentication:
        yield Contradiction((least, ("ocpp", "authentication")), "ocpp.min_security_profile needs ocpp.authentication = true")
    if ocpp.min_security_profile == 3 and not ocpp.tls_certificate:
        yield Contradiction(
            (least, ("ocpp", "tls_certificate")),
            "ocpp.min_security_profile 3 needs ocpp.tls_certificate: no proxy can pass a client certificate on",
        )


def _files(config: Config) -> Iterator[Contradiction]:
    for key, file in (
        (("ocpp", "tls_second_certificate"), config.ocpp.tls_second_certificate),
        (("ocpp", "tls_second_key"), config.ocpp.tls_second_key),
        *((("ocpp", "tls_client_ca"), file) for file in config.ocpp.tls_client_ca),
        (("ocpp", "tls_certificate"), config.ocpp.tls_certificate),
        (("ocpp", "tls_key"), config.ocpp.tls_key),
        (("api", "tls_certificate"), config.api.tls_certificate),
        (("api", "tls_key"), config.api.tls_key),
        (("security", "authority_certificate"), config.security.authority_certificate),
        (("security", "authority_key"), config.security.authority_key),
        (("files", "tls_certificate"), config.files.tls_certificate),
        (("files", "tls_key"), config.files.tls_key),
        (("database", "tls_root_certificate"), config.database.tls_root_certificate),
    ):
        if file and not Path(file).is_file():
            yield Contradiction((key,), f"{'.'.join(key)}: there is no file {file}")


def _pairs(config: Config) -> Iterator[Contradiction]:
    ocpp, files = config.ocpp, config.files
    if bool(config.security.authority_certificate) != bool(config.security.authority_key):
        keys = (("security", "authority_certificate"), ("security", "authority_key"))
        yield Contradiction(keys, "security.authority_certificate and security.authority_key need each other")
    for (name, one), (other, two) in combinations(_listening(config), 2):
        if one.port == two.port != 0 and (one.host == two.host or {one.host, two.host} & EVERYWHERE):
            words = f"{name}.port and {other}.port are both {two.port}: give each its own"
            yield Contradiction(((name, "port"), (other, "port")), words)
    if files.enabled and files.host in EVERYWHERE and not files.public_url:
        keys = (("files", "public_url"), ("files", "host"))
        yield Contradiction(keys, f"files.public_url must say how chargers reach a file server that listens on {files.host}")
    if config.api.cors_credentials and "*" in config.api.cors_origins:
        keys = (("api", "cors_credentials"), ("api", "cors_origins"))
        yield Contradiction(
            keys, 'api.cors_credentials needs origins by name in api.cors_origins, not "*": else any page could use a login'
        )
    if config.identity.first_admin and config.identity.messages == "off":
        keys = (("identity", "first_admin"), ("identity", "messages"))
        yield Contradiction(keys, "identity.first_admin is sent a password: identity.messages must not be off")
    if config.identity.messages == "channels" and not config.plugins.enabled:
        keys = (("identity", "messages"), ("plugins", "enabled"))
        yield Contradiction(keys, 'identity.messages is "channels", and no plugin is enabled that could bring one, such as email')
    if strangers := [name for name in config.plugins.must_agree if name not in config.plugins.enabled]:
        keys = (("plugins", "must_agree"), ("plugins", "enabled"))
        yield Contradiction(keys, f"plugins.must_agree names {', '.join(strangers)}, not in plugins.enabled")
    if ocpp.fallback_protocol and ocpp.fallback_protocol not in ocpp.protocols:
        yield Contradiction(
            (("ocpp", "fallback_protocol"), ("ocpp", "protocols")),
            f'ocpp.fallback_protocol "{ocpp.fallback_protocol}" must be one of ocpp.protocols',
        )


def _providers(config: Config) -> Iterator[Contradiction]:
    """Identity providers: what each lacks, and two of one issuer."""
    issuers: dict[str, str] = {}
    for name, provider in config.identity.providers.items():
        table = ("identity", "providers", name)
        everything = [(*table, field.name) for field in attrs.fields(type(provider))]
        for key, words in wrong_in(name, provider, production=config.profile == "production"):
            yield Contradiction(((*table, key), *everything), f"{'.'.join(table)}.{key}: {words}")
        issuer = provider.issuer.rstrip("/")
        if issuer and (other := issuers.setdefault(issuer, name)) != name:
            words = f"{'.'.join(table)}.issuer: {other} has the same; one issuer is one provider, which may have several audiences"
            yield Contradiction(((*table, "issuer"),), words)


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
    for name, section in _listening(config):
        if not section.tls_certificate and not section.allow_plain and not is_local(section.host):
            yield Contradiction(
                ((name, "allow_plain"), (name, "host"), profile),
                f"{name}: production wants TLS on {section.host}: give {name}.tls_certificate and {name}.tls_key, "
                f"or {name}.allow_plain = true where a proxy ends TLS",
            )
    if config.identity.key and len(config.identity.key) < MIN_SECRET_LENGTH:
        yield Contradiction(
            (("identity", "key"), profile),
            f'identity.key: production wants {MIN_SECRET_LENGTH} characters or more, or "" to have one made',
        )
    if not config.identity.cookie_secure:
        yield Contradiction((("identity", "cookie_secure"), profile), "identity.cookie_secure: production insists on true")
    if config.api.key and len(config.api.key) < MIN_KEY_LENGTH:
        yield Contradiction(
            (("api", "key"), profile), f'api.key: production wants {MIN_KEY_LENGTH} characters or more, or "" to have one made'
        )
