"""SQL of throttles: how many tries failed under a name, and until when no other is taken."""

from __future__ import annotations

from csms.core.ports import ReadTx, Row, Tx


def throttle(tx: ReadTx, bucket: str) -> Row | None:
    """The failures counted under a name."""
    return tx.one("SELECT failures, last_at, blocked_until_at FROM throttles WHERE bucket = :bucket", bucket=bucket)


def save(tx: Tx, bucket: str, *, failures: int, blocked_until_at: int) -> None:
    """Count."""
    tx.run(
        "INSERT INTO throttles (bucket, failures, last_at, blocked_until_at) VALUES (:bucket, :failures, :now, :blocked_until_at)"
        " ON CONFLICT (bucket) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at,"
        " blocked_until_at = excluded.blocked_until_at",
        bucket=bucket,
        failures=failures,
        blocked_until_at=blocked_until_at,
    )


def forget(tx: Tx, bucket: str) -> None:
    """Count anew."""
    tx.run("DELETE FROM throttles WHERE bucket = :bucket", bucket=bucket)


def forget_old(tx: Tx, before: int, most: int) -> int:
    """Delete some of what was last counted before an instant; how many."""
    return tx.run(
        "DELETE FROM throttles WHERE bucket IN (SELECT bucket FROM throttles WHERE last_at < :before LIMIT :most)",
        before=before,
        most=most,
    )
