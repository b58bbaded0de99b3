"""What people choose of messages themselves, and what they were told."""

from __future__ import annotations

from functools import partial

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import OWN, Routes
from csms.core.access import DRIVER as DRIVER_ROLE
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.messages.choices import PreferencesChange, PreferencesShown
from csms.domain.messages.model import DRIVER, USER, MyMessage, MyMessagesQuery, preferences_key
from csms.domain.messages.service import choosing
from csms.domain.messages.store import messages as store


def own_person(call: Call) -> tuple[str, int]:
    """As whom somebody is told things: drivers as such, others as users. Raises ``Problem`` 404 for who is neither."""
    who = call.who
    if who.driver_id is not None and (who.role == DRIVER_ROLE or who.user_id is None):
        return DRIVER, who.driver_id
    if who.user_id is not None:
        return USER, who.user_id
    raise Problem(404, "Not Found", f"{who.name} is nobody who is told things")


def routes() -> Routes:
    """Routes under ``/me``."""
    made = Routes("my_messages", "What one is told, and how.", tag="Me (messages)")

    @made.get("/me/notification-preferences", needs="me:read", reach=OWN)
    async def preferences(call: Call) -> PreferencesShown:
        """By which channels, in which order, at which hours one is told what; and what there is to choose from."""
        kind, who = own_person(call)
        return await call.read(choosing.shown_preferences, kind, who, tuple(call.ports.channels))

    @made.patch(
        "/me/notification-preferences",
        needs="me:write",
        reach=OWN,
        example={"channels": ["whatsapp", "email"], "quiet_from": "21:00", "quiet_to": "07:30", "off": ["progress"]},
    )
    async def change_preferences(call: Call, body: PreferencesChange) -> PreferencesShown:
        """Change one's preferences. Codes, receipts and the like come all the same."""
        kind, who = own_person(call)
        available = tuple(call.ports.channels)
        view = partial(_preferences, kind, who, available)
        return await call.write(
            choosing.change_preferences,
            kind,
            who,
            body,
            available,
            keys=(preferences_key(call.tenant, kind, who),),
            of=Subject("notification_preferences", f"{kind}:{who}", view),
        )

    @made.get("/me/messages", needs="me:read", reach=OWN)
    async def messages(call: Call, query: MyMessagesQuery) -> Stretch[MyMessage]:
        """What one was told, the newest first; without one-time codes."""
        kind, who = own_person(call)
        find = partial(store.mine, driver_id=who if kind == DRIVER else None, user_id=who if kind == USER else None)
        return await call.read(find, query)

    return made


def _preferences(kind: str, who: int, available: tuple[str, ...], tx: ReadTx) -> PreferencesShown:
    return choosing.shown_preferences(tx, kind, who, available)
