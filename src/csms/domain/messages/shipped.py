"""The words that come with csms: a file per template and language, and what stands around them in e-mails."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from .catalogue import TEMPLATES, label
from .model import FORMS

LANGUAGES = ("en", "hi")
FALLBACK = "en"

GREETING = {"en": ("Hello {name},", "Hello,"), "hi": ("नमस्ते {name},", "नमस्ते,")}
UNSUBSCRIBE = {"en": "No more messages of this kind", "hi": "इस तरह के संदेश बंद करें"}
_MARK = "=== "


@cache
def forms_of(name: str, language: str) -> Mapping[str, str]:
    """A shipped template: its forms by name; in English where it is not shipped in the language."""
    found = language if language in LANGUAGES else FALLBACK
    return parsed((files(__package__) / "templates" / found / f"{name}.txt").read_text(encoding="utf-8"))


def parsed(text: str) -> Mapping[str, str]:
    """The forms of a template file: each after a line ``=== FORM``. Raises ``ValueError`` for one that there is not."""
    forms: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(_MARK):
            form = line.removeprefix(_MARK).strip()
            if form not in FORMS or form in forms:
                raise ValueError(f"a template has the forms {', '.join(FORMS)}, each once; not {form!r}")
            lines = forms[form] = []
        else:
            lines.append(line)
    return {form: "\n".join(each).strip() for form, each in forms.items()}


def every() -> Mapping[tuple[str, str], Mapping[str, str]]:
    """All shipped templates, by name and language."""
    return {(name, language): forms_of(name, language) for name in TEMPLATES for language in LANGUAGES}


@cache
def _layout() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((files(__package__) / "templates" / "layout.html").read_text(encoding="utf-8"))


def greeting(name: str, language: str) -> str:
    """How an e-mail begins."""
    with_name, without = GREETING.get(language, GREETING[FALLBACK])
    return with_name.format(name=name) if name else without


def as_mail(
    *,
    subject: str,
    text: str,
    body_html: str,
    language: str,
    common: Mapping[str, str],
    actions: tuple[tuple[str, str], ...],
    signature: str,
    unsubscribe_url: str,
) -> tuple[str, str]:
    """An e-mail's text and HTML: a greeting, the words, the links, the signature, and how to get no more of them."""
    hello = greeting(common.get("name", ""), language)
    links = "\n".join(f"{label(words, language)}: {url}" for words, url in actions)
    unsubscribe = UNSUBSCRIBE.get(language, UNSUBSCRIBE[FALLBACK])
    tail = f"--\n{common.get('tenant', '')}" + (f"\n{unsubscribe}: {unsubscribe_url}" if unsubscribe_url else "")
    plain = "\n\n".join(each for each in (hello, text, links, signature, tail) if each)
    whole: str = _layout().render(
        subject=subject,
        language=language,
        tenant=common.get("tenant", ""),
        support=common.get("support", ""),
        greeting=hello,
        body=body_html,  # escaped by ``wording.as_html``, or the tenant's own template with its fields escaped
        actions=[(url, label(words, language)) for words, url in actions],
        signature=signature,
        unsubscribe=unsubscribe,
        unsubscribe_url=unsubscribe_url,
    )
    return plain + "\n", whole
