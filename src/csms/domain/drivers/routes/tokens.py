"""Tokens, their groups and grants, for staff."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Reply, Routes
from csms.core.paging import Page
from csms.domain.drivers import service, store
from csms.domain.drivers.model import (
    BatchResult,
    Grant,
    GrantsQuery,
    NewGrant,
    NewToken,
    NewTokenGroup,
    TokenBatch,
    TokenCard,
    TokenChanges,
    TokenGroup,
    TokenGroupChanges,
    TokenGroupsQuery,
    TokensQuery,
)
from csms.domain.drivers.service import cards

from .importing import NotCsv, rows_of
from .me import Lost

_TAKEN = {409: "the value is in use: tokens compare case-insensitively"}


def routes() -> Routes:
    """Routes of tokens."""
    made = Routes("tokens", "What identifies drivers at chargers: RFID cards, app tokens and the like.")

    @made.get("/tokens", needs="tokens:read")
    async def list_(call: Call, query: TokensQuery) -> Page[TokenCard]:
        """Tokens."""
        return await call.read(store.cards_page, query)

    @made.post(
        "/tokens",
        needs="tokens:write",
        tells=TokenCard,
        status=201,
        errors=_TAKEN,
        example={"value": "04A2B3C4D5E680", "kind": "ISO14443", "label": "blue card", "expires_at": "2030-01-01T00:00:00Z"},
    )
    async def issue(call: Call, body: NewToken) -> Reply:
        """Issue a token."""
        issued = await call.write(cards.issue, body, makes="token")
        return Reply(body=issued, status=201, headers={"Location": f"/api/v1/tokens/{issued.id}"})

    @made.post(
        "/tokens/batch",
        needs="tokens:write",
        example={"tokens": [{"value": "04A2B3C4D5E680", "label": "blue card"}, {"value": "04A2B3C4D5E681", "label": "red card"}]},
    )
    async def issue_many(call: Call, body: TokenBatch) -> BatchResult:
        """Issue up to 1,000 tokens. What is wrong with one keeps no other from being issued; the answer says so row by row."""
        return await call.write(cards.issue_many, body.tokens, detail={"rows": len(body.tokens)})

    @made.post(
        "/tokens/import", needs="tokens:write", raw_body="text/csv", errors={413: "too large", 422: "no CSV, or too many rows"}
    )
    async def import_(call: Call) -> BatchResult:
        """Issue tokens out of a CSV file with a heading, at most 1,000 rows at a time.

        Columns are those of `POST /tokens`; only `value` must be there. Instants are ISO 8601; an empty cell is not given.
        """
        try:
            rows = rows_of(await call.request.body())
        except NotCsv as error:
            raise Problem(422, "Invalid Input", str(error)) from None
        return await call.write(cards.issue_rows, rows, detail={"rows": len(rows)})

    @made.get("/tokens/<int:token_id>", needs="tokens:read")
    async def show(call: Call, token_id: int) -> TokenCard:
        """One token."""
        return await call.read(cards.need_card, token_id)

    @made.patch(
        "/tokens/<int:token_id>",
        needs="tokens:write",
        example={"label": "lost and found", "expires_at": "2030-01-31T12:00:00Z", "clear": ["driver_id"]},
    )
    async def change(call: Call, token_id: int, body: TokenChanges) -> TokenCard:
        """Change a token. Its value and kind stay: issue another one instead."""
        return await call.write(cards.change, token_id, body, of=_subject(token_id))

    @made.delete("/tokens/<int:token_id>", needs="tokens:write")
    async def remove(call: Call, token_id: int) -> None:
        """Take a token away, with its grants. What it charged stays, and its value may be issued again."""
        await call.write(cards.remove, token_id, of=_subject(token_id))

    @made.post("/tokens/<int:token_id>/block", needs="tokens:write", example={"reason": "reported lost"})
    async def block(call: Call, token_id: int, body: Lost) -> TokenCard:
        """Block a token until it is unblocked."""
        return await call.write(cards.block, token_id, body.reason, of=_subject(token_id))

    @made.post("/tokens/<int:token_id>/unblock", needs="tokens:write")
    async def unblock(call: Call, token_id: int) -> TokenCard:
        """Undo block."""
        return await call.write(cards.unblock, token_id, of=_subject(token_id))

    @made.post("/tokens/<int:token_id>/expire", needs="tokens:write", errors={409: "it is not valid yet"})
    async def expire(call: Call, token_id: int) -> TokenCard:
        """Let a token expire now. `PATCH` with `expires_at` says when."""
        return await call.write(cards.expire, token_id, of=_subject(token_id))

    return made


def _subject(token_id: int) -> Subject:
    return Subject("token", str(token_id), lambda tx: cards.need_card(tx, token_id))


def group_routes() -> Routes:
    """Routes of token groups."""
    made = Routes("token_groups", "Tokens that share a fate: one member may stop what another started.")

    @made.get("/token-groups", needs="tokens:read")
    async def list_(call: Call, query: TokenGroupsQuery) -> Page[TokenGroup]:
        """Token groups; `GET /tokens?token_group_id=` lists the members of one."""
        return await call.read(store.groups_page, query)

    @made.post(
        "/token-groups",
        needs="tokens:write",
        tells=TokenGroup,
        status=201,
        errors={409: "the name or the parent is in use"},
        example={"name": "Fleet of Acme Ltd", "parent": "ACME"},
    )
    async def add(call: Call, body: NewTokenGroup) -> Reply:
        """Add a token group."""
        added = await call.write(service.add_token_group, body.name, parent=body.parent, makes="token_group")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/token-groups/{added.id}"})

    @made.get("/token-groups/<int:token_group_id>", needs="tokens:read")
    async def show(call: Call, token_group_id: int) -> TokenGroup:
        """One token group."""
        return await call.read(service.need_token_group, token_group_id)

    @made.patch(
        "/token-groups/<int:token_group_id>",
        needs="tokens:write",
        errors={409: "the name is in use"},
        example={"status": "blocked"},
    )
    async def change(call: Call, token_group_id: int, body: TokenGroupChanges) -> TokenGroup:
        """Rename, block or unblock a group; blocking it blocks every token in it."""
        of = _group_subject(token_group_id)
        return await call.write(service.change_token_group, token_group_id, name=body.name, status=body.status, of=of)

    @made.delete("/token-groups/<int:token_group_id>", needs="tokens:write", errors={409: "it has tokens"})
    async def remove(call: Call, token_group_id: int) -> None:
        """Delete a group that has no tokens, with its grants."""
        await call.write(service.remove_token_group, token_group_id, of=_group_subject(token_group_id))

    return made


def _group_subject(token_group_id: int) -> Subject:
    return Subject("token_group", str(token_group_id), lambda tx: service.need_token_group(tx, token_group_id))


def grant_routes() -> Routes:
    """Routes of grants."""
    made = Routes(
        "grants",
        "Who may charge where. Without any grant a token may charge at every open station; with one or more, for itself, its group or its"
        " driver, only where one of them says.",
    )

    @made.get("/grants", needs="tokens:read")
    async def list_(call: Call, query: GrantsQuery) -> Page[Grant]:
        """Grants."""
        return await call.read(store.grants_page, query)

    @made.post(
        "/grants",
        needs="tokens:write",
        tells=Grant,
        status=201,
        errors={409: "granted already"},
        example={"driver_id": 7, "station_id": 3},
    )
    async def give(call: Call, body: NewGrant) -> Reply:
        """Grant: exactly one of token, token group and driver may charge at exactly one of station and station group."""
        given = await call.write(cards.give, body, makes="grant")
        return Reply(body=given, status=201, headers={"Location": f"/api/v1/grants/{given.id}"})

    @made.get("/grants/<int:grant_id>", needs="tokens:read")
    async def show(call: Call, grant_id: int) -> Grant:
        """One grant."""
        return await call.read(cards.need_grant, grant_id)

    @made.delete("/grants/<int:grant_id>", needs="tokens:write")
    async def revoke(call: Call, grant_id: int) -> None:
        """Take a grant back. Who has none left may charge at every open station again."""
        of = Subject("grant", str(grant_id), lambda tx: cards.need_grant(tx, grant_id))
        await call.write(service.revoke, grant_id, of=of)

    return made
