"""Masks in the logs whoever was erased: looking is done by readers, so that the writer is asked only for what has to change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec
import structlog
import trio

from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx
from csms.core.vault import NoKey

from . import masking, service, store
from .model import FORGOTTEN, TRACES, Progress, Trace

SETTLE_MS = 10_000
"""So long after an erasure the last messages about it have been written, too."""
WINDOW = 2_000
"""Rows that are looked at at a time."""
AT_ONCE = 20
"""Rows that are changed at a time: a slice of the writer of a few milliseconds."""
NOTE_EVERY = 20
"""Windows without anything to change after which it is noted how far it got."""
REST_S = 0.01

log = structlog.get_logger("csms.privacy")


async def mask_traces(ports: Ports) -> int:
    """Go on with every erasure whose logs are not masked yet; how many are done. Job."""
    done = 0
    for tenant, progress in await _to_do(ports):
        try:
            words = msgspec.json.decode(ports.vault.open(progress.sealed), type=dict[str, str])
        except NoKey as error:
            log.error("privacy.cannot_mask", erasure=progress.erasure_id, reason=str(error))
            continue
        await _mask(ports, tenant, progress, words)
        await ports.database.write(service.finish, progress.erasure_id, tenant=tenant)
        done += 1
    return done


async def _to_do(ports: Ports) -> list[tuple[TenantId, Progress]]:
    query = partial(store.to_do, before=ports.clock.now() - SETTLE_MS)
    return list(await ports.database.read(query, tenant=DEFAULT_TENANT))


async def _mask(ports: Ports, tenant: TenantId, progress: Progress, words: Mapping[str, str]) -> None:
    every = masking.spellings(words)
    tokens = masking.spellings({word: name for word, name in words.items() if name.startswith(FORGOTTEN)})
    names = list(TRACES)
    start = names.index(progress.place) if progress.place in TRACES else 0
    for name in names[start:]:
        trace = TRACES[name]
        known = tokens if trace.tokens_only else every
        if known:
            last = progress.last if name == progress.place else -1
            await _mask_log(ports, tenant, progress.erasure_id, trace, last, known)


async def _mask_log(ports: Ports, tenant: TenantId, erasure_id: int, trace: Trace, last: int, known: Mapping[str, str]) -> None:
    patterns = masking.patterns(known)
    windows = 0
    while (first := await ports.database.read(store.next_row, trace, last, tenant=tenant)) is not None:
        last = first + WINDOW - 1

        def look(tx: ReadTx, first: int = first, last: int = last) -> list[dict[str, object]]:
            rows = store.suspects(tx, trace, first=first, last=last, patterns=patterns)
            return [
                {"id": row["id"]} | {column: masking.masked(row[column], known) for column in trace.columns}
                for row in rows
                if any(masking.masked(row[column], known) != row[column] for column in trace.columns)
            ]

        found = await ports.database.read(look, tenant=tenant)
        for at in range(0, len(found), AT_ONCE):
            some = found[at : at + AT_ONCE]
            await ports.database.write(service.mask, erasure_id, trace, first - 1, some, tenant=tenant)
        windows += 1
        if windows % NOTE_EVERY == 0:
            await ports.database.write(service.mask, erasure_id, trace, last, [], tenant=tenant)
        await trio.sleep(REST_S)
