"""Renders templates: Jinja in a sandbox, of which only what cannot take long is let in. No I/O.

Templates are written by tenants' people. A loop, a call or a product in one could keep a thread busy for ever or fill the memory, which no
time limit ends; so the language is cut down to what messages need, variables, conditions and a few filters: everything that is left takes
time in proportion to the template's length.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs
from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from csms.core.errors import CsmsError

from .model import FORMS, HTML, SMS_FORM, SUBJECT, TEXT, WHATSAPP_FORM

MOST_SOURCE = 20_000
"""Characters of one form of a template."""
MOST_NODES = 2_000
MOST_FIELD = 10_000
MOST_WORDS = 200_000
"""Characters of what is rendered, with everything that a field may hold."""
LIMITS: Mapping[str, int] = {SUBJECT: 200, TEXT: 50_000, HTML: 100_000, SMS_FORM: 1_530, WHATSAPP_FORM: 4_096}
"""What is rendered has at most so many characters: ten parts of an SMS, a text of WhatsApp."""

FILTERS = frozenset({"upper", "lower", "title", "capitalize", "trim", "default", "d", "escape", "e", "truncate", "length", "int"})
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Keyword,
)
TESTS = frozenset({"defined", "undefined", "equalto", "eq", "ne", "in"})
MOST_TRUNCATED = 1_000
_URL = re.compile(r"https?://[^\s<>\"']+")
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€")


class BadTemplate(CsmsError):
    """A template cannot be rendered; ``form`` says which of its forms, the message why."""

    def __init__(self, form: str, why: str) -> None:
        super().__init__(f"{form}: {why}")
        self.form = form


@attrs.frozen(slots=True, kw_only=True)
class Words:
    """A template, rendered in every form."""

    subject: str
    text: str
    html: str
    sms: str
    whatsapp: str


def _environment(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(autoescape=autoescape, undefined=StrictUndefined)
    made.globals.clear()
    made.filters = {name: function for name, function in made.filters.items() if name in FILTERS}
    made.tests = {name: function for name, function in made.tests.items() if name in TESTS}
    return made


_PLAIN = _environment(autoescape=False)
_MARKUP = _environment(autoescape=True)


@lru_cache(maxsize=1_000)
def _compiled(source: str, form: str) -> Any:
    """A template, parsed and looked through. Raises ``BadTemplate``."""
    if len(source) > MOST_SOURCE:
        raise BadTemplate(form, f"more than {MOST_SOURCE} characters")
    environment = _MARKUP if form == HTML else _PLAIN
    try:
        tree = environment.parse(source)
        for number, node in enumerate(_walk(tree)):
            if number >= MOST_NODES:
                raise BadTemplate(form, "too many parts")
            if problem := _problem(node):
                raise BadTemplate(form, problem)
        return environment.from_string(source)
    except TemplateError as error:
        raise BadTemplate(form, _said(error)) from None
    except (RecursionError, SyntaxError):
        raise BadTemplate(form, "nested too deeply") from None


def _walk(tree: nodes.Node) -> Any:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _problem(node: nodes.Node) -> str:
    """Why a part of a template is not let in, ``""`` where it is."""
    if not isinstance(node, _ALLOWED):
        return f"line {node.lineno}: {type(node).__name__.lower()} is not for messages; use {{{{ variables }}}}, if, and filters"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"line {node.lineno}: there is no filter {node.name}; there are {', '.join(sorted(FILTERS))}"
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return f"line {node.lineno}: there is no test {node.name}; there are {', '.join(sorted(TESTS))}"
    if isinstance(node, nodes.Filter) and node.name == "truncate" and _too_long(node):
        return f"line {node.lineno}: truncate takes one number of at most {MOST_TRUNCATED}"
    if isinstance(node, nodes.Name) and node.name.startswith("_"):
        return f"line {node.lineno}: names do not begin with _"
    return ""


def _too_long(node: nodes.Filter) -> bool:
    if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > 1:
        return True
    return bool(node.args) and not (isinstance(node.args[0], nodes.Const) and node.args[0].value in range(4, MOST_TRUNCATED + 1))


def _said(error: TemplateError) -> str:
    line = getattr(error, "lineno", None)
    return f"line {line}: {error.message}" if line else str(error.message)


def check(source: str, form: str) -> None:
    """Refuse a template that is no template, or is not let in. Raises ``BadTemplate``."""
    _compiled(source, form)


def rendered(source: str, form: str, variables: Mapping[str, str]) -> str:
    """One form in words, within its limit. Raises ``BadTemplate``."""
    try:
        words: str = _compiled(source, form).render({name: value[:MOST_FIELD] for name, value in variables.items()})
    except BadTemplate:
        raise
    except TemplateError as error:
        raise BadTemplate(form, _said(error)) from None
    except Exception as error:  # what a filter makes of a strange value
        raise BadTemplate(form, f"{type(error).__name__}: {error}") from None
    if len(words) > MOST_WORDS:
        raise BadTemplate(form, f"more than {MOST_WORDS} characters")
    return _tidied(words, form)


def _tidied(words: str, form: str) -> str:
    if form == SUBJECT:  # of one line: what follows a line break would be a header of its own
        words = " ".join("".join(each if each.isprintable() else " " for each in words).split())
    else:
        words = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in words.strip().splitlines()))
    limit = LIMITS[form]
    return words if len(words) <= limit or form == HTML else words[: limit - 1] + "…"


def words_of(forms: Mapping[str, str], variables: Mapping[str, str], plain: Mapping[str, str]) -> Words:
    """A template in all forms; ``plain`` are the variables for an SMS. Raises ``BadTemplate``."""
    text = rendered(forms[TEXT], TEXT, variables)
    return Words(
        subject=rendered(forms[SUBJECT], SUBJECT, variables),
        text=text,
        html=rendered(forms[HTML], HTML, variables) if forms.get(HTML) else as_html(text),
        sms=rendered(forms.get(SMS_FORM) or forms[TEXT], SMS_FORM, plain),
        whatsapp=rendered(forms.get(WHATSAPP_FORM) or forms[TEXT], WHATSAPP_FORM, variables),
    )


def names_in(forms: Mapping[str, str]) -> frozenset[str]:
    """The variables that a template's forms name. Raises ``BadTemplate``."""
    found: set[str] = set()
    for form in FORMS:
        if source := forms.get(form, ""):
            check(source, form)
            found |= {node.name for node in (_MARKUP if form == HTML else _PLAIN).parse(source).find_all(nodes.Name)}
    return frozenset(found)


def as_html(text: str) -> str:
    """Plain words as HTML: paragraphs, and links that can be followed."""
    paragraphs = [
        _URL.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', html.escape(each, quote=True)).replace("\n", "<br>\n")
        for each in re.split(r"\n\s*\n", text)
    ]
    return "\n".join(f"<p>{each}</p>" for each in paragraphs if each.strip())


@attrs.frozen(slots=True)
class SmsLength:
    """How long an SMS is: its parts, each of which is paid for, and whether its letters cost double (``ucs2``)."""

    parts: int
    characters: int
    encoding: str


def sms_length(text: str) -> SmsLength:
    """What an SMS takes (3GPP TS 23.038, 23.040): 160 or 153 characters a part, or 70 and 67 where one is not of the GSM alphabet."""
    if all(each in _GSM or each in _GSM_TWICE for each in text):
        units = sum(2 if each in _GSM_TWICE else 1 for each in text)
        return SmsLength(max(1, 1 if units <= 160 else -(-units // 153)), len(text), "gsm")
    units = len(text.encode("utf-16-be")) // 2
    return SmsLength(1 if units <= 70 else -(-units // 67), len(text), "ucs2")


def cut_sms(text: str, most_parts: int, link: str = "") -> str:
    """A text that is sent as an SMS of so many parts at the most, with a link behind it that is never cut."""
    tail = f" {link}" if link else ""
    if sms_length(text + tail).parts <= most_parts:
        return text + tail
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if sms_length(f"{text[:middle]}...{tail}").parts <= most_parts:
            low = middle
        else:
            high = middle - 1
    return f"{text[:low].rstrip()}...{tail}"
