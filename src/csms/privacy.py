"""Everything that the installation holds of a driver, handed out or forgotten: what each slice knows, put together."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec

from csms.api.calls import Call, Subject
from csms.api.shapes import show
from csms.api.tables import guarded
from csms.core.errors import StoreUnavailable
from csms.core.ledger import wallet_key
from csms.core.paging import LARGEST_LIMIT
from csms.core.ports import Ports, ReadTx, Tx
from csms.core.units import iso
from csms.core.vault import Vault
from csms.domain.audit import store as audit
from csms.domain.audit.model import AuditQuery, AuditRecord
from csms.domain.billing import personal as billing
from csms.domain.documents import flows as documents_flows
from csms.domain.documents import service as documents
from csms.domain.documents import store as documents_store
from csms.domain.documents.kinds import TICKET
from csms.domain.documents.model import Content, Document
from csms.domain.drivers import personal as drivers
from csms.domain.drivers.model import TOKENS_KEY, driver_key
from csms.domain.invoices import personal as invoices
from csms.domain.messages import personal as messages
from csms.domain.payments import personal as payments
from csms.domain.privacy import service
from csms.domain.privacy import store as privacy
from csms.domain.privacy.model import Erasure, erasure_key
from csms.domain.reservations import personal as reservations
from csms.domain.tickets import personal as tickets
from csms.domain.tickets import service as tickets_service
from csms.domain.tickets import store as tickets_store
from csms.domain.transactions import personal as transactions
from csms.domain.users import personal as users
from csms.domain.wallets import personal as wallets
from csms.plugins.personal import PluginsHoldings

SPOOL_BYTES = 4 * 1024 * 1024
PIECE_BYTES = 256 * 1024
KIND = "file"
NO_PLUGINS = PluginsHoldings()
_INNER = frozenset({"tenant", "email_folded", "folded", "token_folded"})


# --- handing out ----------------------------------------------------------------------------------------------------------------


def _documents_of(tx: ReadTx, driver_id: int) -> list[Document]:
    found = {each.id: each for each in documents_store.of_driver(tx, driver_id)}
    for ticket in tickets_store.all_of_driver(tx, driver_id):
        found |= {each.id: each for each in documents_store.of_subject(tx, TICKET, str(ticket.id))}
    return [found[each] for each in sorted(found)]


def holdings(tx: ReadTx, driver_id: int, plugins: PluginsHoldings = NO_PLUGINS) -> dict[str, Any]:
    """Everything but meter readings and the content of documents, as JSON data. Raises ``NotFound`` or ``StoreUnavailable``."""
    held: dict[str, Any] = {
        "exported_at": tx.now,
        **drivers.holdings(tx, driver_id),
        **users.holdings(tx, driver_id),
        **transactions.holdings(tx, driver_id),
        **billing.holdings(tx, driver_id),
        **invoices.holdings(tx, driver_id),
        **reservations.holdings(tx, driver_id),
        **tickets.holdings(tx, driver_id),
        **messages.holdings(tx, driver_id),
        **payments.holdings(tx, driver_id),
        **wallets.holdings(tx, driver_id),
        "plugins": plugins.holdings(tx, driver_id),
        "documents": _documents_of(tx, driver_id),
        "audit_log": _audited(tx, driver_id),
    }
    return {name: show(_outer(value)) for name, value in held.items()} | {"exported_at": iso(tx.now)}


def _audited(tx: ReadTx, driver_id: int) -> list[AuditRecord]:
    """Every entry of the audit log about a driver, the newest first."""
    found: list[AuditRecord] = []
    after: str | None = None
    while True:
        some = audit.records(tx, AuditQuery(limit=LARGEST_LIMIT, after=after, subject_kind="driver", subject_id=str(driver_id)))
        found += some.items
        if some.next is None:
            return found
        after = some.next


def _outer(value: Any) -> Any:
    """Rows without the columns that only the store needs."""
    if isinstance(value, dict):
        return {name: _outer(each) for name, each in value.items() if name not in _INNER}
    return [_outer(each) for each in value] if isinstance(value, list) else value


async def export(plugins: PluginsHoldings, call: Call, driver_id: int, form: str) -> tuple[str, str, AsyncGenerator[bytes, None]]:
    """The file's name, its content type, and its content. Raises ``NotFound`` or ``StoreUnavailable``."""
    held = await call.read(holdings, driver_id, plugins)
    data = msgspec.json.format(msgspec.json.encode(held), indent=2)
    if form == "json":
        return f"driver-{driver_id}.json", "application/json", _whole(data)
    file = await _packed(call, driver_id, held, data)
    return f"driver-{driver_id}.zip", "application/zip", _pieces(call.ports, file)


async def _whole(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data


async def _pieces(ports: Ports, file: Any) -> AsyncGenerator[bytes, None]:
    try:
        while piece := await ports.blocking.run(KIND, file.read, PIECE_BYTES):
            yield piece
    finally:
        file.close()


async def _packed(call: Call, driver_id: int, held: dict[str, Any], data: bytes) -> Any:
    """A ZIP file, at its beginning. It is packed in threads, a piece at a time."""
    run = partial(call.ports.blocking.run, KIND)
    file = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 (closed by who sends it, or below)
    try:
        packed = ZipFile(file, "w", ZIP_DEFLATED)
        await run(packed.writestr, "data.json", data)
        with packed.open("meter_readings.csv", "w") as entry:
            await _write_readings(call, [each["id"] for each in held["transactions"]], entry)
        for each in held["documents"]:
            content: Content = await call.read(documents.need_content, each["id"], False)
            with packed.open(f"documents/{each['id']}-{content.name}", "w") as entry:
                await _write_document(call.ports, content, entry)
        await run(packed.close)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


async def _write_readings(call: Call, transaction_ids: Sequence[int], entry: Any) -> None:
    names = ("transaction_id", "charger_id", "evse", "connector", "sampled_at", "energy_wh", "power_w", "soc_percent", "samples")
    await call.ports.blocking.run(KIND, entry.write, (",".join(names) + "\r\n").encode())
    for transaction_id in transaction_ids:
        after = -1
        while rows := await call.read(transactions.readings, transaction_id, after):
            after = rows[-1]["id"]
            text = io.StringIO()
            csv.writer(text).writerows(
                [iso(row[name]) if name == "sampled_at" else guarded(row[name]) for name in names] for row in rows
            )
            await call.ports.blocking.run(KIND, entry.write, text.getvalue().encode())


async def _write_document(ports: Ports, content: Content, entry: Any) -> None:
    at = 0
    try:
        while at < content.size_bytes:
            piece = await ports.documents.read(content.file, at, min(PIECE_BYTES, content.size_bytes - at))
            if not piece:
                raise OSError("it ends too soon")
            await ports.blocking.run(KIND, entry.write, piece)
            at += len(piece)
    except OSError as error:
        raise StoreUnavailable(f"the document {content.name!r} cannot be read at the moment") from error


# --- forgetting -----------------------------------------------------------------------------------------------------------------


def forget(
    tx: Tx, driver_id: int, vault: Vault, by: str, plugins: PluginsHoldings = NO_PLUGINS
) -> tuple[Erasure, Sequence[str], int | None]:
    """Erase a driver from everything that is looked at: what was noted of it, the files that are nobody's now, and the account's id.

    What logs say of them is masked afterwards (``domain.privacy.flows``). Forgetting twice changes nothing. Raises ``NotFound``,
    or ``Refused`` while the driver charges or has a reservation.
    """
    done = privacy.of_driver(tx, driver_id)
    if done is not None:
        return done, (), None
    tx.claim(  # what many slices claim one by one below, at once: a verb is not run again for ever
        *sorted(
            (
                driver_key(tx.tenant, driver_id),
                wallet_key(tx.tenant, driver_id),
                erasure_key(tx.tenant, driver_id),
                TOKENS_KEY,
                *plugins.keys,
            )
        )
    )
    name = drivers.pseudonym(driver_id)
    known = drivers.identity(tx, driver_id)
    words = dict.fromkeys(users.words(tx, driver_id), name) | known.words
    billing.erase(tx, driver_id)
    invoices.erase(tx, driver_id)
    transactions.erase(tx, driver_id, known.tokens)
    reservations.erase(tx, driver_id, name)
    payments.erase(tx, driver_id)
    wallets.erase(tx, driver_id)
    files = [*documents.remove_of_driver(tx, driver_id)]
    for ticket in tickets_store.all_of_driver(tx, driver_id):
        files += documents.remove_all(tx, TICKET, str(ticket.id))
    tickets_service.erase(tx, driver_id, name)
    messages.erase(tx, driver_id)
    plugins.erase(tx, driver_id)
    user_id = users.erase(tx, driver_id, name)
    drivers.erase(tx, driver_id, known)
    sealed = vault.seal(msgspec.json.encode(words).decode())
    return service.note(tx, driver_id, by=by, sealed=sealed), files, user_id


async def erase(plugins: PluginsHoldings, forgotten: Any, call: Call, driver_id: int, subject: Subject) -> Erasure:
    """Erase a driver; ``forgotten(user_id)`` has what is remembered of their logins looked up again. Raises as ``forget``."""
    erasure, files, user_id = await call.write(forget, driver_id, call.ports.vault, call.who.name, plugins, of=subject)
    if user_id is not None:
        forgotten(user_id)
    await documents_flows.forget(call.ports, files)
    return erasure
