"""Root certificates at chargers: installed, read, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csms.core.certificates import CertificateHash
from csms.core.commands import Answered, DeleteCertificate, GetInstalledCertificates, InstallCertificate, Outcome
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Ports
from csms.domain.security import service
from csms.domain.security.model import InstalledCertificate
from csms.domain.stations import service as stations

MOST_INSTALLED = 100
"""Certificates of one purpose that are believed of a charger."""
LONGEST_HASH = 128


async def install_root(ports: Ports, tenant: TenantId, charger_id: str, root_id: int) -> Outcome:
    """Install a root certificate of the library (M05), and read what is installed afterwards. Raises ``NotFound``."""
    root = await ports.database.read(service.need_root, root_id, tenant=tenant)
    await ports.database.read(stations.need_charger, charger_id, tenant=tenant)
    outcome = await ports.chargers.send(charger_id, InstallCertificate(purpose=root.purpose, certificate=root.pem))
    if isinstance(outcome, Answered) and outcome.accepted:
        await read_installed(ports, tenant, charger_id, root.purpose)
    return outcome


async def read_installed(
    ports: Ports, tenant: TenantId, charger_id: str, purpose: str
) -> tuple[Outcome, list[InstalledCertificate]]:
    """Ask a charger which root certificates of a purpose it has (M03): its answer, and what it said last. Raises ``NotFound``."""
    await ports.database.read(stations.need_charger, charger_id, tenant=tenant)
    outcome = await ports.chargers.send(charger_id, GetInstalledCertificates(purpose))
    if isinstance(outcome, Answered) and outcome.status in ("Accepted", "NotFound"):
        found = [name for each in outcome.detail.get("certificates", [])[:MOST_INSTALLED] if (name := _name(each)) is not None]
        await ports.database.write(
            service.read_installed, charger_id, purpose, found, tenant=tenant, keys=(charger_key(charger_id),)
        )
    return outcome, await ports.database.read(service.installed, charger_id, purpose, tenant=tenant)


async def delete_root(ports: Ports, tenant: TenantId, charger_id: str, root_id: int, *, force: bool = False) -> Outcome:
    """Have a charger delete a root certificate (M04), after reading which it has, and read them again.

    Raises ``NotFound`` where it does not have it, and ``Refused`` for its last root for the server; ``force`` overrides both.
    """
    root = await ports.database.read(service.need_root, root_id, tenant=tenant)
    outcome, _ = await read_installed(ports, tenant, charger_id, root.purpose)
    if not isinstance(outcome, Answered) and not force:
        return outcome

    def query(tx: Any) -> CertificateHash:
        return service.to_delete(tx, charger_id, root, force=force)

    name = await ports.database.read(query, tenant=tenant)
    outcome = await ports.chargers.send(charger_id, DeleteCertificate(name))
    if isinstance(outcome, Answered) and outcome.accepted:
        await read_installed(ports, tenant, charger_id, root.purpose)
    return outcome


def _name(said: Mapping[str, Any]) -> CertificateHash | None:
    """What a charger called a certificate, None where that cannot be one."""
    fields = {name: str(said.get(name) or "") for name in ("algorithm", "issuer_name_hash", "issuer_key_hash", "serial")}
    if any(not value or len(value) > LONGEST_HASH or not value.isprintable() for value in fields.values()):
        return None
    try:
        return CertificateHash(**fields)
    except ValueError:
        return None
