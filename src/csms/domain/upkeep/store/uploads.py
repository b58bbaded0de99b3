"""SQL of diagnostics and logs, asked for and received."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page, whether
from csms.domain.upkeep.model.locations import without_secrets
from csms.domain.upkeep.model.uploads import LogFile, LogUpload, LogUploadItem, UploadsQuery

from .table import Table

UPLOADS = Table(LogUpload, "log_uploads")
FILES = Table(LogFile, "log_files")


def upload(tx: ReadTx, upload_id: int) -> LogUpload | None:
    """One request."""
    return UPLOADS.one(tx, "AND id = :upload_id", upload_id=upload_id)


def by_request(tx: ReadTx, charger_id: str, request_id: int) -> LogUpload | None:
    """The newest request of a charger under this request id."""
    return UPLOADS.one(
        tx,
        "AND charger_id = :charger_id AND request_id = :request_id ORDER BY id DESC LIMIT 1",
        charger_id=charger_id,
        request_id=request_id,
    )


def newest_open(tx: ReadTx, charger_id: str) -> LogUpload | None:
    """The newest request of a charger that is under way."""
    return UPLOADS.one(tx, "AND charger_id = :charger_id AND closed_at IS NULL ORDER BY id DESC LIMIT 1", charger_id=charger_id)


def newest(tx: ReadTx, charger_id: str) -> LogUpload | None:
    """The newest request of a charger."""
    return UPLOADS.one(tx, "AND charger_id = :charger_id ORDER BY id DESC LIMIT 1", charger_id=charger_id)


def overdue(tx: ReadTx, limit: int) -> Sequence[LogUpload]:
    """Requests whose deadline has passed, the longest overdue first."""
    return UPLOADS.all(
        tx, "AND closed_at IS NULL AND deadline_at <= :now ORDER BY deadline_at, id LIMIT :limit", now=tx.now, limit=limit
    )


def own_request_id(tx: Tx, upload_id: int) -> None:
    """Its id is its request id."""
    tx.run("UPDATE log_uploads SET request_id = id WHERE tenant = :tenant AND id = :upload_id", upload_id=upload_id)


# --- files ----------------------------------------------------------------------------------------------------------------------


def files_of(tx: ReadTx, upload_id: int) -> Sequence[LogFile]:
    """The files that came for a request, the oldest first."""
    return FILES.all(tx, "AND upload_id = :upload_id ORDER BY id", upload_id=upload_id)


def file_of(tx: ReadTx, upload_id: int, file_id: int) -> LogFile | None:
    """One file that came for a request."""
    return FILES.one(tx, "AND upload_id = :upload_id AND id = :file_id", upload_id=upload_id, file_id=file_id)


def insert_file(tx: Tx, new: LogFile) -> int:
    """The id of the new file."""
    found = FILES.insert(tx, new)
    assert found is not None
    return found


def delete_file(tx: Tx, file_id: int) -> None:
    """Forget a file."""
    tx.run("DELETE FROM log_files WHERE tenant = :tenant AND id = :file_id", file_id=file_id)


def forget_old(tx: Tx, before: int, limit: int) -> tuple[int, list[str]]:
    """Forget requests that were over before an instant, a few at a time: how many, and the files that are nobody's now."""
    old = tx.all(
        "SELECT id FROM log_uploads WHERE tenant = :tenant AND closed_at < :before ORDER BY closed_at LIMIT :limit",
        before=before,
        limit=limit,
    )
    names: list[str] = []
    for row in old:
        names += [each["file"] for each in tx.all(_FILES, upload_id=row["id"])]
        tx.run("DELETE FROM log_files WHERE tenant = :tenant AND upload_id = :upload_id", upload_id=row["id"])
        tx.run("DELETE FROM log_uploads WHERE tenant = :tenant AND id = :upload_id", upload_id=row["id"])
    return len(old), names


_FILES = "SELECT file FROM log_files WHERE tenant = :tenant AND upload_id = :upload_id"


def known_files(tx: ReadTx, names: Sequence[str]) -> set[str]:
    """Which of these files anybody's row knows, of whichever tenant."""
    system = tx.system("a file belongs to whoever has a row of it")
    logs = "SELECT 1 FROM log_files WHERE file = :name"
    images = "SELECT 1 FROM firmware_images WHERE file = :name AND file <> '' AND removed_at IS NULL"
    return {name for name in names if system.value(logs, name=name) is not None or system.value(images, name=name) is not None}


# --- lists ----------------------------------------------------------------------------------------------------------------------

LISTING = Listing(
    columns=", ".join("u." + name for name in UPLOADS.columns)  # noqa: S608 (columns of a noun)
    + ", (SELECT count(*) FROM log_files f WHERE f.upload_id = u.id AND f.tenant = :tenant) AS files,"
    " (SELECT f.size_bytes FROM log_files f WHERE f.upload_id = u.id AND f.tenant = :tenant ORDER BY f.id DESC LIMIT 1) AS size_bytes",
    source="log_uploads u WHERE u.tenant = :tenant",
    filters={
        **at_chargers("u.charger_id"),
        "kind": "u.kind = :kind",
        "state": "u.state = :state",
        "under_way": "u.closed_at IS NULL",
        "over": "u.closed_at IS NOT NULL",
        "from_at": "u.created_at >= :from_at",
        "to_at": "u.created_at < :to_at",
    },
    search="lower(u.charger_id) LIKE :search ESCAPE '!' OR lower(u.file_name) LIKE :search ESCAPE '!'"
    " OR lower(u.note) LIKE :search ESCAPE '!'",
    sorts={"created_at": "u.id", "updated_at": "u.updated_at"},  # they are numbered as they are asked for
    unique="u.id",
)


def _item(row: Row) -> LogUploadItem:
    return LogUploadItem(**{**row, "location": without_secrets(row["location"])})


def page_of_uploads(tx: ReadTx, query: UploadsQuery, stations: Collection[int] | None = None) -> Page[LogUploadItem]:
    """A page of requests; of chargers of ``stations`` only, unless that is None."""
    return page(tx, LISTING, query, _item, **whether(query.open, "under_way", "over"), stations=stations)


def list_uploads(tx: ReadTx, query: UploadsQuery | None = None, limit: int = 50) -> list[LogUploadItem]:
    """The first requests of a list, uncounted."""
    query = query or UploadsQuery()
    return first(tx, LISTING, query, _item, limit, **whether(query.open, "under_way", "over"))
