"""The link in messages by which somebody does without more of the kind (RFC 8058): seen it asks, posted it does it."""

from __future__ import annotations

from html import escape

from csms.api.calls import Call
from csms.api.routes import PUBLIC, Raw, Routes
from csms.core.errors import Invalid, NotFound
from csms.core.ids import TenantId
from csms.domain.messages.catalogue import KINDS
from csms.domain.messages.model import preferences_key
from csms.domain.messages.service import choosing
from csms.domain.messages.unsubscribing import Unsubscribing, read_token

HTML = "text/html; charset=utf-8"
LOCKED = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>Messages</title></head>"
    '<body style="font-family:sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;line-height:1.5;">{}</body></html>'
)
_ASK = (
    "<p>Do without messages of this kind: {}?</p><form method='post'><button type='submit'>No more of them, please</button></form>"
)
_DONE = "<p>You will get no more messages of this kind: {}. You can change that in your account.</p>"


def routes() -> Routes:
    """Routes under ``/unsubscribe``."""
    made = Routes("unsubscribe", "Links in messages by which somebody does without more of them.", tag="Unsubscribe")

    @made.get("/unsubscribe/<token>", needs=PUBLIC, produces="text/html")
    async def ask(call: Call, token: str) -> Raw:
        """Ask whether somebody wants no more messages of a kind. Seeing it changes nothing: mail programs look at links, too."""
        wanted = _read(call, token)
        return _page(_ASK, wanted)

    @made.post("/unsubscribe/<token>", needs=PUBLIC, produces="text/html", audit=False)
    async def confirm(call: Call, token: str) -> Raw:
        """Do without messages of a kind from now on; once more changes nothing."""
        wanted = _read(call, token)
        try:
            await call.ports.database.write(
                choosing.do_without,
                wanted.person_kind,
                wanted.person_id,
                wanted.kind,
                tenant=TenantId(wanted.tenant),
                keys=(preferences_key(wanted.tenant, wanted.person_kind, wanted.person_id),),
            )
        except Invalid:
            raise NotFound("there is no such link") from None
        return _page(_DONE, wanted)

    return made


def _read(call: Call, token: str) -> Unsubscribing:
    wanted = read_token(call.ports.vault, token)
    if wanted is None or wanted.kind not in KINDS:
        raise NotFound("there is no such link (any more)")
    return wanted


def _page(words: str, wanted: Unsubscribing) -> Raw:
    text = _PAGE.format(words.format(escape(KINDS[wanted.kind].about)))
    return Raw(body=text.encode(), content_type=HTML, headers={"Content-Security-Policy": LOCKED, "Cache-Control": "no-store"})
