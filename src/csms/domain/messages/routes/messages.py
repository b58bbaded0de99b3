"""A tenant's messages: what was told to whom, what became of it, and how messages go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.errors import NotFound, Refused
from csms.core.messages import CannotNotify, Notice
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.messages.catalogue import need_template
from csms.domain.messages.choices import LANGUAGE, MessageSettingsChange, SettingsShown
from csms.domain.messages.model import TEST_KEY, Message, MessageDetail, MessagesQuery, message_key, settings_key
from csms.domain.messages.service import again, choosing, taking
from csms.domain.messages.store import messages as store

REFERENCE_BYTES = 15
NOT_NOW = {409: "it waits anyway, what is secret in it was forgotten, or it is not to be sent"}


@attrs.frozen(slots=True, kw_only=True)
class TestBody:
    """What to send as a test, and where to: ``recipient`` by ``channel``; ``fields`` in place of the examples."""

    __test__ = False

    channel: str = attrs.field(validator=[validators.min_len(1), validators.max_len(30)])
    recipient: str = attrs.field(validator=[validators.min_len(1), validators.max_len(320)])
    template: str = attrs.field(default="plain", validator=validators.max_len(50))
    language: str = attrs.field(default="en", validator=validators.matches_re(LANGUAGE))
    fields: Mapping[str, str] = attrs.field(factory=dict, validator=validators.max_len(50))


def sees_all(call: Call) -> bool:
    """Whether somebody sees messages of logging in, too, which are the installation's."""
    return call.who.may("system:read")


def routes(ring: Callable[[], None]) -> Routes:
    """Routes under ``/messages``."""
    made = Routes("messages", "What people are told by e-mail and telephone, and what became of it.")

    @made.get("/messages", needs="messages:read")
    async def list_(call: Call, query: MessagesQuery) -> Stretch[Message]:
        """Messages, the newest first."""
        return await call.read(partial(store.messages, all_of_them=sees_all(call)), query)

    @made.get("/messages/<int:message_id>", needs="messages:read")
    async def show(call: Call, message_id: int) -> MessageDetail:
        """A message, what it said, and everything that happened to it. What is secret in it, such as a one-time code, is never shown."""
        return await call.read(taking.need_detail, message_id, sees_all(call))

    @made.post("/messages/<int:message_id>/resend", needs="messages:write", moves=True, errors=NOT_NOW)
    async def resend(call: Call, message_id: int) -> Message:
        """Send a message once more, at once, as a delivery of its own: its channels are chosen anew."""
        everything = sees_all(call)

        def view(tx: ReadTx) -> Message:
            return taking.need_message(tx, message_id, everything)

        sent = await call.write(
            again.send_again,
            message_id,
            call.ports.random.token(REFERENCE_BYTES),
            tuple(call.ports.channels),
            everything,
            keys=(message_key(message_id),),
            of=Subject("message", str(message_id), view),
        )
        ring()
        return sent

    @made.post(
        "/messages/test",
        needs="messages:write",
        status=201,
        tells=Message,
        moves=True,
        errors={409: "no channel carries it, or the tenant does not send such messages"},
        example={"channel": "email", "recipient": "asha@example.org", "template": "charging_ended"},
    )
    async def test(call: Call, body: TestBody) -> Reply:
        """Send a template with its examples to an address. What becomes of it is seen at the address in `Location`."""
        template = need_template(body.template)
        notice = Notice(
            key=f"{TEST_KEY}{call.ports.random.token(REFERENCE_BYTES)}",
            template=body.template,
            fields={**template.samples, **{name: value for name, value in body.fields.items() if name not in template.secrets}},
            secrets=template.secrets,
            address=f"{body.channel}:{body.recipient}",
            urgent=True,
            language=body.language,
        )
        try:
            notice_id = await call.ports.messenger.tell(notice, tenant=call.tenant)
        except CannotNotify as error:
            raise Refused(str(error)) from None
        if notice_id is None:
            raise Refused("no channel carries messages here, or the tenant does not send such messages")
        found = await call.read(store.of_notice, notice_id)
        if not found:
            raise NotFound("the message was removed")
        await call.note(Subject("message", str(found[0].id)), {"channel": body.channel, "template": body.template})
        return Reply(body=found[0], status=201, headers={"Location": f"/api/v1/messages/{found[0].id}"})

    @made.get("/messages/settings", needs="messages:read")
    async def settings(call: Call) -> SettingsShown:
        """How messages go: quiet hours, limits, kinds that are not sent, languages and channels."""
        return await call.read(choosing.shown_settings, tuple(call.ports.channels))

    @made.patch(
        "/messages/settings",
        needs="messages:write",
        example={"quiet_from": "22:00", "quiet_to": "07:00", "off": ["reservations"], "channels": ["whatsapp", "email"]},
    )
    async def change_settings(call: Call, body: MessageSettingsChange) -> SettingsShown:
        """Change how messages go; codes, and what concerns accounts, are always sent."""
        available = tuple(call.ports.channels)
        of = Subject("message_settings", "", partial(_settings, available))
        return await call.write(choosing.change_settings, body, available, keys=(settings_key(call.tenant),), of=of)

    return made


def _settings(available: tuple[str, ...], tx: ReadTx) -> SettingsShown:
    return choosing.shown_settings(tx, available)
