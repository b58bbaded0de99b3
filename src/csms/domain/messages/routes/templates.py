"""Templates: those that there are, a tenant's own words, and how they look."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import trio

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Routes
from csms.core.errors import Invalid, NotFound
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.messages.catalogue import COMMON, Template
from csms.domain.messages.choices import LANGUAGE
from csms.domain.messages.composing import Composed, sample
from csms.domain.messages.flows import KIND, WORDING_LIMIT_S
from csms.domain.messages.model import templates_key
from csms.domain.messages.overrides import (
    Preview,
    PreviewBody,
    TemplateBody,
    TemplateItem,
    TemplateShown,
    TemplatesQuery,
)
from csms.domain.messages.service import words
from csms.domain.messages.store import people
from csms.domain.messages.wording import BadTemplate, sms_length

EXAMPLE = {
    "subject": "Charged {{ energy }}",
    "text": "Hello from {{ tenant }}: your vehicle got {{ energy }}{% if duration %} in {{ duration }}{% endif %}.",
    "sms": "{{ tenant }}: {{ energy }} at {{ station }}.",
}
ONE = "/message-templates/<template>/<language>"


def routes() -> Routes:
    """Routes under ``/message-templates``."""
    made = Routes("message_templates", "The words of messages: shipped, or a tenant's own.")

    @made.get("/message-templates", needs="messages:read")
    async def list_(call: Call, query: TemplatesQuery) -> Page[TemplateItem]:
        """The templates that there are, what they may name, and in which languages."""
        return await call.read(words.items, query)

    @made.get(ONE, needs="messages:read")
    async def show(call: Call, template: str, language: str) -> TemplateShown:
        """A template in a language, as it counts now."""
        return await call.read(words.need_words, template, _language(language))

    @made.get(f"{ONE}/versions", needs="messages:read")
    async def versions(call: Call, template: str, language: str) -> Sequence[TemplateShown]:
        """The versions of the tenant's own words, the newest first."""
        return await call.read(words.versions, template, _language(language))

    @made.put(ONE, needs="messages:write", example=EXAMPLE)
    async def override(call: Call, template: str, language: str, body: TemplateBody) -> TemplateShown:
        """Put words of one's own in the place of a template's. They are tried with examples first.

        Words are Jinja, of which there are variables, `if` and a few filters. A WhatsApp template that was approved, and the id under
        which an Indian SMS template was (DLT), go in `approvals` by channel.
        """
        known = words.known_template(template)
        most = await call.read(words.sms_most_parts)
        await _in_time(call, partial(words.refuse_bad, known, _language(language), body, most))
        return await call.write(
            words.override,
            template,
            language,
            body,
            call.who.name,
            keys=(templates_key(call.tenant),),
            of=_subject(template, language),
        )

    @made.delete(ONE, needs="messages:write")
    async def withdraw(call: Call, template: str, language: str) -> None:
        """Have the shipped words count again."""
        await call.write(
            words.withdraw,
            template,
            _language(language),
            call.who.name,
            keys=(templates_key(call.tenant),),
            of=_subject(template, language),
        )

    @made.post(
        "/message-templates/<template>/preview",
        needs="messages:read",
        audit=False,
        example={"language": "hi", "fields": {"station": "Pune"}},
    )
    async def preview(call: Call, template: str, body: PreviewBody) -> Preview:
        """How a template looks, with its examples or fields of yours, in every form; or how a draft would."""
        known = words.known_template(template)
        if body.draft is not None:
            most = await call.read(words.sms_most_parts)
            await _in_time(call, partial(words.refuse_bad, known, body.language, body.draft, most))
        shown, sender = await call.read(_seen, template, body.language)
        forms = body.draft.forms if body.draft is not None else {form: getattr(shown, form) for form in _FORMS}
        approvals = body.draft.approvals if body.draft is not None else shown.approvals
        common = {**COMMON, "tenant": sender.name, "support": sender.support}
        composed = await _in_time(
            call,
            partial(
                sample,
                known,
                body.language,
                forms,
                _fields(known, body.fields),
                common,
                currency=sender.currency,
                time_zone=sender.time_zone,
            ),
        )
        length = sms_length(composed.sms)
        return Preview(
            language=body.language,
            subject=composed.subject,
            text=composed.mail,
            html=composed.html,
            sms=composed.sms,
            sms_parts=length.parts,
            sms_encoding=length.encoding,
            whatsapp=composed.whatsapp,
            parameters={
                channel: [composed.variables.get(name, "") for name in each.parameters] for channel, each in approvals.items()
            },
        )

    return made


_FORMS = ("subject", "text", "html", "sms", "whatsapp")


def _language(text: str) -> str:
    if not re.fullmatch(LANGUAGE, text):
        raise NotFound(f"{text} is no language: write it as en or hi")
    return text


def _fields(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """The examples, with what somebody gave in their place. Raises ``Invalid``."""
    every = {**template.samples, **template.secrets}
    if unknown := set(given) - {*every, *COMMON}:
        raise Invalid(f"there is no field {', '.join(sorted(unknown))}; there are {', '.join(every)}", field="fields")
    return {**every, **given}


def _seen(tx: ReadTx, template: str, language: str) -> tuple[TemplateShown, people.Sender]:
    return words.need_words(tx, template, language), people.sender(tx)


def _subject(template: str, language: str) -> Subject:
    def view(tx: ReadTx) -> TemplateShown:
        return words.need_words(tx, template, language)

    return Subject("message_template", f"{template}/{language}", view)


async def _in_time(call: Call, make: partial[Any]) -> Composed:
    """Try words in a thread, for so long. Raises ``Invalid``, or ``Problem`` 503."""
    try:
        with trio.fail_after(WORDING_LIMIT_S):
            made: Composed = await call.ports.blocking.run(KIND, make)
            return made
    except BadTemplate as error:
        raise Invalid(str(error), field=error.form) from None
    except trio.TooSlowError:
        raise Problem(503, "Service Unavailable", "the template took too long; try again") from None
