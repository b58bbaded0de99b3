"""Defaults, profile, file and environment into one ``Config``; every problem is found before any is reported."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote, unquote

import attrs

from csms.core.errors import CsmsError

from . import checks
from .providers import PROVIDER_NAME, ProviderConfig
from .sections import PROFILES, Config
from .shown import hidden, hidden_settings
from .sources import Claim, Key, dotted, near, point, read_environment, read_toml

TYPE_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple[str, ...]: "a list of texts",
    dict[str, str]: "a table of texts",
}

_HINTS = get_type_hints(Config)
_FIELDS = {field.name: field for field in attrs.fields(Config) if not field.metadata.get("internal")}
SECTIONS: dict[str, type[Any]] = {name: _HINTS[name] for name in _FIELDS if attrs.has(_HINTS[name])}
"""The section classes by name."""

SETTINGS: Key = ("plugins", "settings")
"""The table whose keys are the plugins' to know."""

TABLES: dict[Key, type[Any]] = {("identity", "providers"): ProviderConfig}
"""Tables of tables: who writes the configuration names each, and what can be in it is declared like a section."""

KEYS: dict[Key, attrs.Attribute[Any]] = {(name,): field for name, field in _FIELDS.items() if name not in SECTIONS} | {
    (section, field.name): field
    for section, kind in SECTIONS.items()
    for field in attrs.fields(kind)
    if (section, field.name) not in (SETTINGS, *TABLES)
}
"""Every key with what is known about it."""

EXAMPLES: dict[Key, str] = {("identity", "providers"): "keycloak"}
"""A name that such a table may have, for what is said of it."""

INNER: dict[Key, attrs.Attribute[Any]] = {
    (*table, field.name): field for table, kind in TABLES.items() for field in attrs.fields(kind)
}
"""Every key of a table in ``TABLES``, without the name that somebody gave the table."""

TYPES: dict[Key, Any] = {key: get_type_hints(SECTIONS[key[0]] if len(key) == 2 else Config)[key[-1]] for key in KEYS} | {
    key: get_type_hints(TABLES[key[:2]])[key[-1]] for key in INNER
}
"""Every key's type, one of ``TYPE_WORDS``."""


class ConfigError(CsmsError):
    """The configuration is wrong; ``problems`` has one line for each thing to change."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@attrs.frozen
class Loaded:
    """A configuration, where each value that is not a default came from (``FILE:LINE`` or a variable), and what is worth saying."""

    config: Config
    sources: dict[str, str]
    remarks: list[str]


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of a file (or of none) and an environment. Raises ``ConfigError`` with all problems."""
    return load_traced(path, environ).config


def load_traced(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Like ``load``, and tells where each value came from. The environment wins over the file, the file over the profile's defaults."""
    claims, problems = _claims(path, environ)
    values: dict[Key, Any] = {}
    settings: dict[str, dict[str, Any]] = {}
    tables: dict[Key, dict[str, dict[str, Any]]] = {table: {} for table in TABLES}
    sources: dict[str, str] = {}
    doubtful: set[Key] = set()
    for claim in claims:
        try:
            if claim.key[:2] == SETTINGS:
                _put(settings, claim)
            elif claim.key[:2] in TABLES:
                _put_inner(tables[claim.key[:2]], claim)
            else:
                values[claim.key] = checked(claim.key, claim.value, text=claim.text)
            sources[dotted(claim.key)] = claim.source
        except ValueError as error:
            doubtful.add(claim.key)
            problems.append(f"{_told(claim)}: {error}")
    config = _build(values, settings, tables, (path.parent if path else Path()).resolve())
    problems += [
        f"{next((sources[dotted(key)] for key in found.keys if dotted(key) in sources), path or 'defaults')}: {found.words}"
        for found in checks.contradictions(config)
        if not doubtful.intersection(found.keys)
    ]
    if problems:
        raise ConfigError(problems)
    return Loaded(config, sources, checks.remarks(config))


def allowed_words(key: Key) -> str:
    """What a key may be, in words, without its default."""
    rule = _declared(key).validator
    kind = TYPE_WORDS[TYPES[key]]
    if rule is None:
        return kind
    allowed = str(getattr(rule, "allowed"))  # noqa: B009 - attrs types every validator as a bare callable; ours are all rules
    return f"{kind}, {allowed}" if TYPES[key] in (int, float) else allowed


def _declared(key: Key) -> attrs.Attribute[Any]:
    """What is known about a key of a section or, without the table's own name, of one of ``TABLES``."""
    return INNER[key] if key in INNER else KEYS[key]


def checked(key: Key, value: Any, *, text: bool = False) -> Any:
    """The value in its key's type. ``text``: it is an unparsed variable. Raises ``ValueError`` saying what is allowed."""
    wanted = TYPES[key]
    refusal = ValueError(f"must be {allowed_words(key)}")
    if text:
        value = _parsed(wanted, str(value).strip(), key)
    if wanted is float and type(value) is int:
        value = float(value)
    if wanted == dict[str, str]:
        if not isinstance(value, dict) or not all(isinstance(member, str) for member in value.values()):
            raise refusal
        value = dict(value)
    elif wanted == tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(isinstance(member, str) for member in value):
            raise refusal
        value = tuple(value)
    elif type(value) is not wanted:
        raise refusal
    if key == ("database", "url") and value.startswith("postgres://"):
        value = value.replace("postgres://", "postgresql://", 1)
    if (rule := _declared(key).validator) is not None:
        try:
            rule(None, _declared(key), value)
        except ValueError as error:
            raise refusal from error
    return value


# --- from claims to values ------------------------------------------------------------------------------------------------------


def _claims(path: Path | None, environ: Mapping[str, str]) -> tuple[list[Claim], list[str]]:
    """Every wish, the weakest first, and what was wrong with the names."""
    claims, problems = _file_claims(path) if path is not None else ([], [])
    named = {key: tuple(field.metadata["env"]) for key, field in KEYS.items()}
    from_environment, unknown = read_environment(environ, named, (SETTINGS, *TABLES))
    return claims + from_environment, problems + unknown


def _file_claims(path: Path) -> tuple[list[Claim], list[str]]:
    tree, lines, problem = read_toml(path)
    claims: list[Claim] = []
    problems = [problem] if problem else []
    for name, value in tree.items():
        if name in SECTIONS and not isinstance(value, dict):
            problems.append(f"{point(path, lines, (name,))}: {name}: must be a table, [{name}]")
            continue
        members = {(name, member): inner for member, inner in value.items()} if name in SECTIONS else {(name,): value}
        for key, inner in members.items():
            source = point(path, lines, key)
            if key == SETTINGS:
                claims += _setting_claims(path, lines, inner)
            elif key in TABLES:
                more, wrong = _inner_claims(path, lines, key, inner)
                claims, problems = claims + more, problems + wrong
            elif key in KEYS:
                claims.append(Claim(key, inner, source))
            else:
                problems.append(f"{source}: {_unknown(key)}")
    return claims, problems


def _setting_claims(path: Path, lines: Mapping[Key, int], tables: Any) -> list[Claim]:
    """One claim per setting of a plugin; what is no table of tables becomes one claim that will be refused."""
    claims = []
    for plugin, settings in tables.items() if isinstance(tables, dict) else [("", tables)]:
        members = settings.items() if isinstance(settings, dict) else [("", settings)]
        for name, value in members:
            key = (*SETTINGS, plugin, name)
            claims.append(Claim(key, value, point(path, lines, key)))
    return claims


def _inner_claims(path: Path, lines: Mapping[Key, int], table: Key, tree: Any) -> tuple[list[Claim], list[str]]:
    """One claim per key in the tables of a table, and what is wrong with their names."""
    claims, problems = [], []
    if not isinstance(tree, dict):
        return [], [
            f"{point(path, lines, table)}: {dotted(table)}: must be a table each, such as [{dotted(table)}.{EXAMPLES[table]}]"
        ]
    for name, members in tree.items():
        at = point(path, lines, (*table, name))
        if not isinstance(members, dict):
            problems.append(f"{at}: {dotted((*table, name))}: must be a table, [{dotted(table)}.{EXAMPLES[table]}] for example")
        elif not PROVIDER_NAME.fullmatch(name):
            problems.append(f"{at}: {dotted(table)}: a name has 1 to 40 small letters, digits, _ and -, not {name[:60]!r}")
        else:
            for member, value in members.items():
                source = point(path, lines, (*table, name, member))
                if (*table, member) in INNER:
                    claims.append(Claim((*table, name, member), value, source))
                else:
                    problems.append(f"{source}: {_unknown_inner(table, name, member)}")
    return claims, problems


def _unknown_inner(table: Key, name: str, member: str) -> str:
    """What to say of a key that no table of a table knows."""
    known = [key[-1] for key in INNER if key[:-1] == table]
    told = near(member, known) or f"; [{dotted((*table, name))}] knows {', '.join(known)}"
    return f"{dotted((*table, name, member))}: unknown key{told}"


def _unknown(key: Key) -> str:
    """What to say of a key that nobody knows."""
    *section, name = key
    inside = [known[-1] for known in KEYS if list(known[:-1]) == section] + ([] if section else list(SECTIONS))
    elsewhere = [dotted(known) for known in KEYS if known[-1] == name]
    if suggestion := near(name, inside):
        return f"{dotted(key)}: unknown key{suggestion.replace(' mean ', ' mean ' + ''.join(part + '.' for part in section))}"
    if elsewhere:
        return f"{dotted(key)}: unknown key; did you mean {' or '.join(elsewhere)}?"
    return f"{dotted(key)}: unknown key; {f'[{section[0]}]' if section else 'the top level'} knows {', '.join(inside)}"


def _told(claim: Claim) -> str:
    """Where a wrong value stands, and the value unless it is secret."""
    field = KEYS.get(claim.key) or (INNER.get(_within(claim.key)) if claim.key[:2] in TABLES else None)
    value = hidden_settings(claim.value, claim.key[-1]) if field is None else claim.value
    if field is not None and field.metadata["secret"]:
        value = hidden(claim.value)
    shown = "true" if value is True else "false" if value is False else repr(value) if not isinstance(value, str) else f'"{value}"'
    return f"{claim.source} = {shown}" if claim.text else f"{claim.source}: {dotted(claim.key)} = {shown}"


def _parsed(wanted: Any, text: str, key: Key) -> Any:
    """The value that a variable's text means for a key of the wanted type; text that means nothing is left for the check to refuse."""
    if wanted is bool:
        return {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}.get(
            text.casefold(), text
        )
    if wanted is int or wanted is float:
        try:
            return wanted(text)
        except ValueError:
            return text
    if wanted == dict[str, str]:
        return _literal(text)
    if wanted == tuple[str, ...]:
        return _literal(text) if text.startswith("[") else tuple(part.strip() for part in text.split(",") if part.strip())
    return text.casefold() if key == ("log", "level") else text


def _literal(text: str) -> Any:
    """A TOML value, or the text itself where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(settings: dict[str, dict[str, Any]], claim: Claim) -> None:
    """Put one plugin setting in its place. Raises ``ValueError`` when there is no place for it."""
    plugin, *names = claim.key[len(SETTINGS) :]
    if not plugin or not names or not all(names):
        raise ValueError("must be a table per plugin, such as [plugins.settings.webhook]")
    table = settings.setdefault(plugin, {})
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise ValueError(f"{name} is a value already, so nothing can stand below it")
    table[names[-1]] = _literal(claim.value) if claim.text else claim.value


def _within(key: Key) -> Key:
    """A key in a table of a table without the table's own name."""
    return (*key[:2], *key[3:])


def _put_inner(tables: dict[str, dict[str, Any]], claim: Claim) -> None:
    """Put one value of a table of a table in its place. Raises ``ValueError`` when there is no such key, or it must be another."""
    name, member = claim.key[2], _within(claim.key)
    if member not in INNER:
        raise ValueError("there is no such setting" + near(claim.key[-1], [key[-1] for key in INNER]))
    if not PROVIDER_NAME.fullmatch(name):
        raise ValueError("a name has 1 to 40 small letters, digits, _ and -")
    tables.setdefault(name, {})[member[-1]] = checked(member, claim.value, text=claim.text)


def _build(
    values: dict[Key, Any], settings: dict[str, dict[str, Any]], tables: dict[Key, dict[str, dict[str, Any]]], folder: Path
) -> Config:
    """The frozen object: values over the profile's defaults, paths made absolute."""
    profile = values.get(("profile",), PROFILES[0])
    chosen = {key: values.get(key, field.metadata["profiles"].get(profile, field.default)) for key, field in KEYS.items()}
    for key, field in KEYS.items():
        if not field.metadata["path"] or not chosen[key]:
            continue
        if isinstance(chosen[key], tuple):
            chosen[key] = tuple(str(folder / Path(each).expanduser()) for each in chosen[key])
        else:
            chosen[key] = str(folder / Path(chosen[key]).expanduser())
    scheme, _, rest = chosen["database", "url"].partition(":///")
    if scheme == "sqlite":
        chosen["database", "url"] = f"sqlite:///{quote(str(folder / Path(unquote(rest)).expanduser()), safe='/ ')}"
    sections: dict[str, Any] = {}
    for name, kind in SECTIONS.items():
        arguments = {key[1]: value for key, value in chosen.items() if key[0] == name and len(key) == 2}
        for table, members in tables.items():
            if table[0] == name:
                arguments[table[1]] = {inner: TABLES[table](**given) for inner, given in members.items()}
        sections[name] = kind(**arguments, **({SETTINGS[1]: settings} if name == SETTINGS[0] else {}))
    return Config(**{key[0]: value for key, value in chosen.items() if len(key) == 1}, **sections, folder=folder)
