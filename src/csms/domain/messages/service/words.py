"""Tenants' own words: kept in versions, tried with examples before they count."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from csms.core.errors import Invalid, NotFound
from csms.core.messages import SMS
from csms.core.paging import Page, cut
from csms.core.ports import ReadTx, Tx
from csms.domain.messages.catalogue import COMMON, TEMPLATES, Template
from csms.domain.messages.composing import Composed, sample
from csms.domain.messages.model import FORMS, templates_key
from csms.domain.messages.overrides import StoredTemplate, TemplateBody, TemplateItem, TemplateShown, TemplatesQuery
from csms.domain.messages.shipped import LANGUAGES, forms_of
from csms.domain.messages.store import people
from csms.domain.messages.store import templates as store
from csms.domain.messages.wording import BadTemplate, check, names_in, sms_length

MOST_VERSIONS = 100


def known_template(name: str) -> Template:
    """A template by the name in a path. Raises ``NotFound``."""
    found = TEMPLATES.get(name)
    if found is None:
        raise NotFound(f"there is no message template {name}")
    return found


def items(tx: ReadTx, query: TemplatesQuery) -> Page[TemplateItem]:
    """The templates that there are. Two statements."""
    own: dict[str, list[str]] = {}
    for name, language in store.all_own(tx):
        own.setdefault(name, []).append(language)
    settings = people.settings(tx)
    text = (query.search or "").strip().lower()
    found = [
        TemplateItem(
            name=each.name,
            kind=each.kind,
            about=each.about,
            languages=sorted({*LANGUAGES, *own.get(each.name, ())}),
            own=own.get(each.name, ()),
            variables=(*COMMON, *each.variables),
            sent=settings.allows(each.kind, each.name),
        )
        for each in TEMPLATES.values()
        if query.kind in (None, each.kind) and (text in each.name or text in each.about)
    ]
    key = query.sort.removeprefix("-")
    found.sort(key=lambda each: (getattr(each, key), each.name), reverse=query.sort.startswith("-"))
    return cut(found, query)


def need_words(tx: ReadTx, name: str, language: str) -> TemplateShown:
    """A template as it counts in a language. Raises ``NotFound``."""
    template = known_template(name)
    return shown(template, language, store.newest(tx, name, language))


def shown(template: Template, language: str, stored: StoredTemplate | None) -> TemplateShown:
    """A template with the tenant's own words or, where there are none (any more), the shipped ones."""
    own = stored is not None and not stored.withdrawn
    forms = stored.forms if stored is not None and own else forms_of(template.name, language)
    return TemplateShown(
        name=template.name,
        language=language,
        kind=template.kind,
        about=template.about,
        version=stored.version if stored is not None and own else 0,
        changed_at=None if stored is None else stored.created_at,
        changed_by="" if stored is None else stored.created_by,
        variables=(*COMMON, *template.variables),
        samples=template.samples,
        secret=tuple(template.secrets),
        approvals=stored.approvals if stored is not None and own else {},
        **{form: forms.get(form, "") for form in FORMS},
    )


def versions(tx: ReadTx, name: str, language: str) -> Sequence[TemplateShown]:
    """The versions of the tenant's own words, the newest first. Raises ``NotFound``."""
    template = known_template(name)
    return [shown(template, language, each) for each in store.versions(tx, name, language, MOST_VERSIONS) if not each.withdrawn]


def override(tx: Tx, name: str, language: str, body: TemplateBody, by: str) -> TemplateShown:
    """Put the tenant's own words in the place of a template's. They were tried before (``refuse_bad``). Raises ``NotFound``."""
    known_template(name)
    return _keep(tx, name, language, body, by)


def withdraw(tx: Tx, name: str, language: str, by: str) -> TemplateShown:
    """Have the shipped words count again. Raises ``NotFound`` where the tenant has none of its own."""
    known_template(name)
    tx.claim(templates_key(tx.tenant))
    stored = store.newest(tx, name, language)
    if stored is None or stored.withdrawn:
        raise NotFound(f"{name} has no words of your own in {language}")
    return _keep(tx, name, language, None, by)


def _keep(tx: Tx, name: str, language: str, body: TemplateBody | None, by: str) -> TemplateShown:
    tx.claim(templates_key(tx.tenant))
    before = store.newest(tx, name, language)
    store.insert(tx, name, language, 1 if before is None else before.version + 1, body, by)
    return need_words(tx, name, language)


def sms_most_parts(tx: ReadTx) -> int:
    """How many parts an SMS of the tenant may have."""
    return people.settings(tx).sms_most_parts


def refuse_bad(template: Template, language: str, body: TemplateBody, most_parts: int) -> Composed:
    """Try words with examples: what they say. Raises ``Invalid`` that names the form. To be run in a thread."""
    try:
        for form, source in body.forms.items():
            if source:
                check(source, form)
        _refuse_unknown({*COMMON, *template.variables}, body.forms)
        composed = sample(template, language, body.forms)
        sample(template, language, body.forms, fields={})  # what a notice does not say is empty
    except BadTemplate as error:
        raise Invalid(str(error), field=error.form) from None
    length = sms_length(composed.sms)
    if (body.sms or SMS in body.approvals) and length.parts > most_parts:
        raise Invalid(
            f"sms: {length.characters} characters with the examples are {length.parts} parts ({length.encoding}); at most {most_parts}",
            field="sms",
        )
    for channel, approval in body.approvals.items():
        if unknown := set(approval.parameters) - {*COMMON, *template.variables}:
            raise Invalid(f"approvals.{channel}: there is no variable {', '.join(sorted(unknown))}", field="approvals")
    return composed


def _refuse_unknown(known: Collection[str], forms: Mapping[str, str]) -> None:
    for form in FORMS:
        if source := forms.get(form, ""):
            unknown = names_in({form: source}) - set(known)
            if unknown:
                raise BadTemplate(form, f"there is no variable {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
