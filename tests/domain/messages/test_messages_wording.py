"""The words of messages, without a store: templates in every language, money and times, quiet hours, and what templates may not do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.core.errors import Invalid
from csms.core.units import from_datetime
from csms.domain.messages.catalogue import COMMON, KINDS, TEMPLATES, Template, label
from csms.domain.messages.composing import compose, outgoing, sample
from csms.domain.messages.formats import Locale, in_words, money
from csms.domain.messages.model import HTML, SUBJECT, TEXT
from csms.domain.messages.overrides import Approval, TemplateBody
from csms.domain.messages.quiet import QuietHours
from csms.domain.messages.service.words import refuse_bad
from csms.domain.messages.shipped import LANGUAGES, every, forms_of, parsed
from csms.domain.messages.wording import BadTemplate, cut_sms, names_in, rendered, sms_length

each_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)


# --- what is shipped ------------------------------------------------------------------------------------------------------------


def test_the_kinds_that_are_asked_for_are_there() -> None:
    assert {each.kind for each in TEMPLATES.values()} == set(KINDS)
    assert not any(kind.needed and kind.optional for kind in KINDS.values())


@each_template
def test_a_template_exists_in_every_language_with_the_same_variables(template: Template) -> None:
    english = forms_of(template.name, "en")
    for language in LANGUAGES:
        forms = forms_of(template.name, language)
        assert forms.keys() == english.keys()
        assert names_in(forms) == names_in(english), language
        assert names_in(forms) <= {*COMMON, *template.variables}
    assert set(template.secrets) <= names_in(english), "what is secret is said"


@each_template
def test_a_template_is_rendered_with_its_examples_and_without_anything(template: Template) -> None:
    for language in LANGUAGES:
        composed = sample(template, language)
        assert "{" not in composed.subject + composed.text + composed.sms
        for value in template.secrets.values():
            assert value in composed.text
            assert value in composed.sms
        assert composed.html.startswith("<!DOCTYPE html>")
        assert sms_length(composed.sms).parts <= (2 if language == "en" else 4), composed.sms
        bare = sample(template, language, fields={}, common={})
        assert ": ." not in bare.text
    assert sms_length(sample(template, "en").sms).encoding == "gsm", "an English SMS costs no more than it must"


def test_hindi_is_hindi() -> None:
    for (name, language), forms in every().items():
        letters = any("\u0900" <= each <= "\u097f" for each in forms[TEXT])
        assert letters == (language == "hi") or name in ("plain",), (name, language)
    composed = sample(TEMPLATES["receipt"], "hi")
    assert "₹241.50" in composed.text
    assert "1 जनवरी 2026, 06:55" in composed.text
    assert "भुगतान" in composed.html
    assert label("pay", "hi") == "अभी भुगतान करें"
    assert label("a plugin's own", "hi") == "a plugin's own"


def test_a_file_of_a_template_has_known_forms_once() -> None:
    with pytest.raises(ValueError, match="forms"):
        parsed("=== subject\nx\n=== fax\ny")


# --- money, times ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (12_345_670, "INR", "₹1,23,456.70"),
        (99, "INR", "₹0.99"),
        (-150_000, "INR", "-₹1,500.00"),
        (123_456_789, "USD", "$1,234,567.89"),
        (1500, "JPY", "¥1,500"),
        (1500, "KWD", "KWD 1.500"),
    ],
)
def test_money(amount: int, currency: str, words: str) -> None:
    assert money(amount, currency, Locale(language="hi", currency="INR", time_zone="UTC")) == words


def test_fields_are_put_into_words_by_their_names() -> None:
    fields = {
        "amount_minor": "24150",
        "currency": "EUR",
        "energy_wh": "15340",
        "duration_s": "5100",
        "ended_at": "2026-01-01T00:00:00Z",
        "due_on": "2026-02-03",
        "address": "12 MG Road",
        "odd_minor": "a lot",
        "none_at": "",
    }
    locale = Locale(language="en", currency="INR", time_zone="Asia/Kolkata")
    assert in_words(fields, locale) == {
        "amount": "€241.50",
        "currency": "EUR",
        "energy": "15.34 kWh",
        "duration": "1 h 25 min",
        "ended": "1 Jan 2026, 05:30",
        "due": "3 Feb 2026",
        "address": "12 MG Road",
        "odd": "a lot",
        "none": "",
    }
    hindi = in_words(fields, Locale(language="hi", currency="INR", time_zone="UTC"))
    assert (hindi["duration"], hindi["due"]) == ("1 घंटे 25 मिनट", "3 फ़रवरी 2026")
    tamil = in_words(fields, Locale(language="ta", currency="INR", time_zone="UTC"))
    assert tamil["due"] == "2026-02-03"


# --- quiet hours ----------------------------------------------------------------------------------------------------------------


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        (("22:00", "07:00"), "UTC", "2026-01-01T21:59", None),
        (("22:00", "07:00"), "UTC", "2026-01-01T22:00", "2026-01-02T07:00"),
        (("22:00", "07:00"), "UTC", "2026-01-02T06:59", "2026-01-02T07:00"),
        (("22:00", "07:00"), "UTC", "2026-01-02T07:00", None),
        (("13:00", "15:00"), "UTC", "2026-01-01T14:00", "2026-01-01T15:00"),
        (("13:00", "15:00"), "UTC", "2026-01-01T16:00", None),
        (("22:00", "07:00"), "Asia/Kolkata", "2026-01-01T16:30", "2026-01-02T01:30"),
        (("", ""), "UTC", "2026-01-01T23:00", None),
        (("09:00", "09:00"), "UTC", "2026-01-01T09:00", None),
        # Berlin puts the clocks forward on 2026-03-29 at 01:00 UTC and back on 2026-10-25 at 01:00 UTC
        (("22:00", "07:00"), "Europe/Berlin", "2026-03-28T22:00", "2026-03-29T05:00"),
        (("22:00", "07:00"), "Europe/Berlin", "2026-10-24T21:00", "2026-10-25T06:00"),
        (("22:00", "02:30"), "Europe/Berlin", "2026-03-28T22:00", "2026-03-29T01:30"),
        (("22:00", "02:30"), "Europe/Berlin", "2026-10-24T21:00", "2026-10-25T00:30"),
        (("22:00", "02:30"), "Europe/Berlin", "2026-10-25T01:15", "2026-10-25T01:30"),
    ],
)
def test_quiet_hours_go_by_the_clocks_on_the_wall(hours: tuple[str, str], zone: str, now: str, until: str | None) -> None:
    assert QuietHours(*hours, zone).until(at(now)) == (None if until is None else at(until))


# --- the sandbox ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ name['__class__'] }}",
        "{{ name.format(name) }}",
        "{{ self._TemplateReference__context }}",
        "{{ _x }}",
        "{{ cycler() }}",
        "{{ range(10) }}",
        "{% for x in name %}{% for y in name %}x{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ '%1000000000s' % name }}",
        "{{ name|center(1000000000) }}",
        "{{ name|replace('a', name) }}",
        "{{ name|truncate(100000) }}",
        "{{ name|attr('__class__') }}",
        "{{ name|map('upper') }}",
        "{{ [name, name] }}",
        "{% set name = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'layout.html' %}",
        "{% extends 'layout.html' %}",
        "{% import 'os' as os %}",
        "{% filter upper %}x{% endfilter %}",
        "{% block x %}{% endblock %}",
        "{{ name is callable }}",
        "{% if %}",
        "{{ 'unclosed",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ name " + "|upper" * 3000 + " }}",
        "{% if name %}" * 500 + "{% endif %}" * 500,
        "x" * 20_001,
    ],
)
def test_what_could_take_long_or_look_around_is_refused(source: str) -> None:
    with pytest.raises(BadTemplate):
        rendered(source, TEXT, {"name": "Asha"})


def test_what_is_said_is_escaped_bounded_and_of_one_line_where_it_must_be() -> None:
    assert rendered("{{ name }}", HTML, {"name": "<script>"}) == "&lt;script&gt;"
    assert rendered("{{ name }}", SUBJECT, {"name": "a\r\nBcc: x@example.org"}) == "a Bcc: x@example.org"
    assert len(rendered("{{ name }}" * 9, TEXT, {"name": "x" * 100_000})) == 50_000
    with pytest.raises(BadTemplate, match="undefined"):
        rendered("{{ nobody }}", TEXT, {})
    composed = sample(TEMPLATES["plain"], "en", fields={"text": "<b>x</b>\n\nSee https://example.org/?a=1&b=2 now", "subject": "s"})
    assert "&lt;b&gt;x&lt;/b&gt;" in composed.html
    assert '<a href="https://example.org/?a=1&amp;b=2">' in composed.html


def test_an_sms_is_charged_by_its_parts_and_its_link_is_never_cut() -> None:
    assert sms_length("x" * 160).parts == 1
    assert sms_length("x" * 161).parts == 2
    assert sms_length("€" * 80).parts == 1
    assert sms_length("न" * 70).parts == 1
    assert sms_length("न" * 71).parts == 2
    cut = cut_sms("word " * 200, 2, "https://example.org/pay/1")
    assert sms_length(cut).parts == 2
    assert cut.endswith("... https://example.org/pay/1")
    assert cut_sms("short", 1) == "short"


# --- what a channel is given, and a tenant's own words --------------------------------------------------------------------------


def test_a_channel_gets_approved_parameters_in_their_order() -> None:
    template = TEMPLATES["receipt"]
    composed = compose(
        template,
        forms=forms_of("receipt", "hi"),
        language="hi",
        fields={"amount_minor": "24150", "station": "MG Road"},
        common=COMMON,
        currency="INR",
        time_zone="Asia/Kolkata",
        actions=(("invoice", "https://example.org/i/1"),),
        signature="Your team",
        unsubscribe_url="https://csms.example.org/u/1",
    )
    approval = Approval(name="receipt_v3", parameters=("station", "amount", "number"), language="hi_IN")
    message = outgoing(
        composed,
        template=template,
        reference="r",
        channel="whatsapp",
        recipient="+91",
        language="hi",
        actions=(("invoice", "https://example.org/i/1"),),
        approval=approval,
    )
    assert (message.approved, message.language, list(message.fields.values())) == (
        "receipt_v3",
        "hi_IN",
        ["MG Road", "₹241.50", ""],
    )
    assert message.actions == (("बिल देखें", "https://example.org/i/1"),)
    assert "https://example.org" not in message.text
    for part in (composed.mail, composed.html):
        assert all(each in part for each in ("नमस्ते Asha", "https://example.org/i/1", "Your team", "https://csms.example.org/u/1"))
    assert composed.sms.endswith("https://example.org/i/1")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"text": "{{ 7 * 7 }}"}, "text"),
        ({"text": "{{ iban }}"}, "no variable iban; there are .*energy"),
        ({"sms": "न" * 300}, "5 parts"),
        ({"html": "{% for x in name %}{% endfor %}"}, "html"),
        ({"approvals": {"sms": Approval(name="1107", parameters=("iban",))}}, "no variable iban"),
    ],
)
def test_a_tenants_own_words_are_tried_before_they_count(body: dict[str, object], wrong: str) -> None:
    made = TemplateBody(**{"subject": "x", "text": "{{ energy }}", **body})  # type: ignore[arg-type]  # each case has a part of it
    with pytest.raises(Invalid, match=wrong):
        refuse_bad(TEMPLATES["charging_ended"], "en", made, 4)
