"""Nouns of templates: those that are shipped, and what tenants put in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import validators

from csms.core.paging import Paged, one_of, sorts

from .catalogue import KINDS
from .choices import CHANNEL, LANGUAGE, texts
from .wording import MOST_SOURCE

MOST_PARAMETERS = 30


@attrs.frozen(slots=True, kw_only=True)
class Approval:
    """Under which name or id a provider approved a template for a channel: a WhatsApp template's name, a DLT template's id.

    ``parameters`` are the variables that fill it, in its order; ``language`` is the provider's word for the language, ``""`` for ours.
    """

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(200)])
    parameters: tuple[str, ...] = attrs.field(
        default=(),
        converter=texts,
        validator=[validators.max_len(MOST_PARAMETERS), validators.deep_iterable(validators.matches_re(r"[a-z][a-z0-9_]{0,49}"))],
    )
    language: str = attrs.field(default="", validator=validators.matches_re(r"|[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,2}"))


def _channels(instance: Any, attribute: attrs.Attribute[Any], value: Mapping[str, Approval]) -> None:
    for name in value:
        validators.matches_re(CHANNEL)(instance, attribute, name)


@attrs.frozen(slots=True, kw_only=True)
class TemplateBody:
    """A tenant's own words for a template in one language, in Jinja: variables, ``if`` and a few filters.

    ``sms``, ``whatsapp`` and ``html`` may be empty: they are made of ``text`` then. ``approvals`` are by channel.
    """

    subject: str = attrs.field(validator=[validators.min_len(1), validators.max_len(1_000)])
    text: str = attrs.field(validator=[validators.min_len(1), validators.max_len(MOST_SOURCE)])
    html: str = attrs.field(default="", validator=validators.max_len(MOST_SOURCE))
    sms: str = attrs.field(default="", validator=validators.max_len(5_000))
    whatsapp: str = attrs.field(default="", validator=validators.max_len(10_000))
    approvals: Mapping[str, Approval] = attrs.field(factory=dict, validator=[validators.max_len(10), _channels])

    @property
    def forms(self) -> dict[str, str]:
        """The words by form."""
        return {
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "sms": self.sms,
            "whatsapp": self.whatsapp,
        }


@attrs.frozen(slots=True, kw_only=True)
class StoredTemplate:
    """The newest version of a tenant's own words; withdrawn, the shipped ones count."""

    name: str
    language: str
    version: int
    forms: Mapping[str, str]
    approvals: Mapping[str, Approval]
    withdrawn: bool
    created_at: int
    created_by: str


@attrs.frozen(slots=True, kw_only=True)
class TemplateShown:
    """A template in one language. ``version`` 0 is what is shipped; ``samples`` are its fields with an example of each."""

    name: str
    language: str
    kind: str
    about: str
    version: int
    changed_at: int | None
    changed_by: str
    variables: Sequence[str]
    samples: Mapping[str, str]
    secret: Sequence[str]
    subject: str
    text: str
    html: str
    sms: str
    whatsapp: str
    approvals: Mapping[str, Approval]


@attrs.frozen(slots=True, kw_only=True)
class TemplateItem:
    """A template, as the list shows it. ``own`` are the languages in which the tenant has words of its own."""

    name: str
    kind: str
    about: str
    languages: Sequence[str]
    own: Sequence[str]
    variables: Sequence[str]
    sent: bool


@attrs.frozen(slots=True, kw_only=True)
class TemplatesQuery(Paged):
    """Which templates somebody wants."""

    sort: str = sorts("name", "kind", default="name")
    kind: str | None = one_of(*KINDS, help="of this kind")


@attrs.frozen(slots=True, kw_only=True)
class LanguageQuery:
    """In which language."""

    language: str = attrs.field(
        default="en", validator=validators.matches_re(LANGUAGE), metadata={"help": "a language such as en or hi"}
    )


@attrs.frozen(slots=True, kw_only=True)
class PreviewBody:
    """What to preview: the template as it counts now, or ``draft`` in its place; ``fields`` in place of the examples."""

    language: str = attrs.field(default="en", validator=validators.matches_re(LANGUAGE))
    fields: Mapping[str, str] = attrs.field(factory=dict, validator=validators.max_len(50))
    draft: TemplateBody | None = None


@attrs.frozen(slots=True, kw_only=True)
class Preview:
    """A template in words, in every form; ``html`` is the whole e-mail. ``sms_parts`` is what an SMS of it is charged as."""

    language: str
    subject: str
    text: str
    html: str
    sms: str
    sms_parts: int
    sms_encoding: str
    whatsapp: str
    parameters: Mapping[str, Sequence[str]]
