"""Composes a message: variables put into words, a template rendered, and what one channel is given of it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from csms.core.messages import EMAIL, SMS, WHATSAPP, Attachment, Outgoing

from .catalogue import COMMON, Template, label
from .formats import Locale, in_words
from .overrides import Approval
from .shipped import as_mail, forms_of
from .wording import Words, cut_sms, words_of

MOST_SMS_PARTS = 10
SAMPLE_CURRENCY, SAMPLE_ZONE = "INR", "Asia/Kolkata"


@attrs.frozen(slots=True, kw_only=True)
class Composed:
    """A message in words, in every form; ``html`` and ``mail`` are the whole e-mail."""

    subject: str
    text: str
    mail: str
    html: str
    sms: str
    whatsapp: str
    variables: Mapping[str, str]


def compose(
    template: Template,
    *,
    forms: Mapping[str, str],
    language: str,
    fields: Mapping[str, str],
    common: Mapping[str, str],
    currency: str,
    time_zone: str,
    actions: Sequence[tuple[str, str]] = (),
    signature: str = "",
    unsubscribe_url: str = "",
    sms_most_parts: int = MOST_SMS_PARTS,
) -> Composed:
    """A message in words. What a notice does not say of a template's variables is empty. Raises ``BadTemplate``."""
    blank = dict.fromkeys((*COMMON, *template.variables), "")
    locale = Locale(language=language, currency=currency, time_zone=time_zone)
    variables = {**blank, **common, **in_words(fields, locale)}
    plain = {**blank, **common, **in_words(fields, attrs.evolve(locale, plain=language == "en"))}
    words: Words = words_of(forms, variables, plain)
    mail, whole = as_mail(
        subject=words.subject,
        text=words.text,
        body_html=words.html,
        language=language,
        common=common,
        actions=tuple(actions),
        signature=signature,
        unsubscribe_url=unsubscribe_url,
    )
    return Composed(
        subject=words.subject,
        text=words.text,
        mail=mail,
        html=whole,
        sms=cut_sms(words.sms, sms_most_parts, actions[0][1] if actions else ""),
        whatsapp=words.whatsapp,
        variables=variables,
    )


def sample(
    template: Template,
    language: str,
    forms: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    common: Mapping[str, str] | None = None,
    *,
    currency: str = SAMPLE_CURRENCY,
    time_zone: str = SAMPLE_ZONE,
) -> Composed:
    """A template with examples, or with ``fields`` in their place. Raises ``BadTemplate``."""
    return compose(
        template,
        forms=forms_of(template.name, language) if forms is None else forms,
        language=language,
        fields={**template.samples, **template.secrets} if fields is None else fields,
        common=COMMON if common is None else common,
        currency=currency,
        time_zone=time_zone,
    )


def outgoing(
    composed: Composed,
    *,
    template: Template,
    reference: str,
    channel: str,
    recipient: str,
    language: str,
    actions: Sequence[tuple[str, str]] = (),
    approval: Approval | None = None,
    attachments: Sequence[Attachment] = (),
    unsubscribe_url: str = "",
) -> Outgoing:
    """What a channel is given to send."""
    text = {EMAIL: composed.mail, SMS: composed.sms, WHATSAPP: composed.whatsapp}.get(channel, composed.text)
    named = (*template.variables, *COMMON) if approval is None else approval.parameters
    image = next((each for each in attachments if each.content_type.startswith("image/")), None)
    return Outgoing(
        reference=reference,
        channel=channel,
        recipient=recipient,
        language=language if approval is None or not approval.language else approval.language,
        template=template.name,
        text=text,
        subject=composed.subject,
        html=composed.html if channel == EMAIL else "",
        fields={name: composed.variables.get(name, "") for name in named},
        actions=tuple((label(words, language), url) for words, url in actions),
        image=image,
        attachments=tuple(each for each in attachments if each is not image),
        approved="" if approval is None else approval.name,
        unsubscribe_url=unsubscribe_url,
    )
