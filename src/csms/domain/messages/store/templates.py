"""SQL of tenants' own templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.messages.overrides import Approval, StoredTemplate, TemplateBody

_COLUMNS = "name, language, version, forms, approvals, withdrawn, created_at, created_by"
_NEWEST = (
    f"SELECT {_COLUMNS} FROM message_templates t WHERE t.tenant = :tenant AND t.version = (SELECT max(v.version)"  # noqa: S608 (our text)
    " FROM message_templates v WHERE v.tenant = :tenant AND v.name = t.name AND v.language = t.language)"
)


def _stored(row: Row) -> StoredTemplate:
    approvals = {name: Approval(**each) for name, each in msgspec.json.decode(row["approvals"]).items()}
    said = {"forms": msgspec.json.decode(row["forms"]), "approvals": approvals, "withdrawn": bool(row["withdrawn"])}
    return StoredTemplate(**{**row, **said})


def newest(tx: ReadTx, name: str, language: str) -> StoredTemplate | None:
    """The tenant's own words for a template, as they are now; also withdrawn ones."""
    row = tx.one(f"{_NEWEST} AND t.name = :name AND t.language = :language", name=name, language=language)
    return None if row is None else _stored(row)


def own(tx: ReadTx, name: str) -> Mapping[str, StoredTemplate]:
    """The tenant's own words that count for a template, by language."""
    rows = tx.all(f"{_NEWEST} AND t.name = :name AND t.withdrawn = 0", name=name)
    return {row["language"]: _stored(row) for row in rows}


def all_own(tx: ReadTx) -> Sequence[tuple[str, str]]:
    """Name and language of all the tenant's own words that count."""
    rows = tx.all(
        "SELECT t.name, t.language FROM message_templates t WHERE t.tenant = :tenant AND t.withdrawn = 0 AND t.version ="
        " (SELECT max(v.version) FROM message_templates v WHERE v.tenant = :tenant AND v.name = t.name AND v.language = t.language)"
        " ORDER BY t.name, t.language"
    )
    return [(row["name"], row["language"]) for row in rows]


def versions(tx: ReadTx, name: str, language: str, limit: int) -> Sequence[StoredTemplate]:
    """Every version, the newest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM message_templates t WHERE t.tenant = :tenant AND t.name = :name AND t.language = :language"  # noqa: S608
        " ORDER BY t.version DESC LIMIT :limit",
        name=name,
        language=language,
        limit=limit,
    )
    return [_stored(row) for row in rows]


def insert(tx: Tx, name: str, language: str, version: int, body: TemplateBody | None, by: str) -> None:
    """Keep a new version; None withdraws."""
    approvals: dict[str, Any] = {} if body is None else {each: _approval(approval) for each, approval in body.approvals.items()}
    forms = {} if body is None else body.forms
    tx.run(
        "INSERT INTO message_templates (tenant, name, language, version, forms, approvals, withdrawn, created_at, created_by)"
        " VALUES (:tenant, :name, :language, :version, :forms, :approvals, :withdrawn, :now, :by)",
        name=name,
        language=language,
        version=version,
        forms=msgspec.json.encode(forms).decode(),
        approvals=msgspec.json.encode(approvals).decode(),
        withdrawn=int(body is None),
        by=by,
    )


def _approval(approval: Approval) -> dict[str, Any]:
    return {"name": approval.name, "parameters": list(approval.parameters), "language": approval.language}
