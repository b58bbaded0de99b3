"""Root certificates: the tenant's library, what is installed at chargers, and which of them firmware is trusted by."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.certificates import CSMS_ROOT, MANUFACTURER_ROOT, ROOT_PURPOSES, CertificateHash
from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.security.model import InstalledCertificate, RootCertificate
from csms.domain.security.store import roots as store
from csms.domain.stations.model import clean
from csms.pki import certificates, chains, hashes

LONGEST_ROOT = 5500
"""Characters of PEM that InstallCertificate takes."""


def add_root(tx: Tx, pem: str, purpose: str = CSMS_ROOT, name: str = "") -> RootCertificate:
    """Add a root certificate to the library. It may be signed by another one of the library (M05.FR.09: a root that replaces one).

    Raises ``Invalid`` for what is no authority's certificate or has expired, ``Conflict`` when it is there already.
    """
    tx.claim(f"roots:{tx.tenant}")
    if purpose not in ROOT_PURPOSES:
        raise Invalid(f"a purpose is one of {', '.join(ROOT_PURPOSES)}, not {purpose!r}", field="purpose")
    certificate = certificates.load(pem)
    facts = certificates.facts(certificate)
    if not facts.is_authority:
        raise Invalid(f"{facts.subject} is no authority's certificate: it may not sign others", field="certificate")
    if facts.not_after_at <= tx.now:
        raise Invalid(f"the certificate of {facts.subject} has expired", field="certificate")
    text = certificates.pem_of([certificate])
    if len(text) > LONGEST_ROOT:
        raise Invalid(f"the certificate has {len(text)} characters; a charger takes at most {LONGEST_ROOT}", field="certificate")
    found = store.insert(
        tx,
        purpose=purpose,
        name=clean(name.strip() or facts.common_name or facts.subject, 200),
        pem=text,
        issuer="" if facts.is_self_issued else _issuer(tx, text, facts.issuer),
        fingerprint=facts.fingerprint,
        serial=facts.serial,
        subject=clean(facts.subject, 500),
        not_before_at=facts.not_before_at,
        not_after_at=facts.not_after_at,
    )
    if found is None:
        raise Conflict(f"{facts.subject} is in the library already")
    return need_root(tx, found)


def _issuer(tx: ReadTx, pem: str, subject: str) -> str:
    for each in store.listed(tx):
        if each.subject == subject and chains.issued_by(certificates.load(pem), certificates.load(each.pem)):
            return each.pem
    raise Invalid(f"it was signed by {subject}, which is not in the library: add that first", field="certificate")


def remove_root(tx: Tx, root_id: int) -> RootCertificate:
    """Take a root certificate off the library; at chargers it stays installed. Raises ``NotFound``."""
    tx.claim(f"roots:{tx.tenant}")
    known = need_root(tx, root_id)
    store.delete(tx, root_id)
    return known


def need_root(tx: ReadTx, root_id: int) -> RootCertificate:
    """A root certificate of the library. Raises ``NotFound``."""
    known = store.by_id(tx, root_id)
    if known is None:
        raise NotFound(f"there is no root certificate {root_id}")
    return known


# --- at chargers ----------------------------------------------------------------------------------------------------------------


def read_installed(tx: Tx, charger_id: str, purpose: str, found: Sequence[CertificateHash]) -> None:
    """A charger said which root certificates of a purpose are installed (M03.FR.04)."""
    tx.claim(charger_key(charger_id))
    store.save_installed(tx, charger_id, purpose, found)


def installed(tx: ReadTx, charger_id: str, purpose: str) -> list[InstalledCertificate]:
    """What a charger said is installed, as last read, with ours recognised."""
    ours = store.listed(tx)
    found = store.installed(tx, charger_id, purpose)
    return [_recognised(each, ours) for each in found]


def _recognised(each: InstalledCertificate, ours: Sequence[RootCertificate]) -> InstalledCertificate:
    for root in ours:
        if hashes.same(each.certificate, name_of(root, each.certificate.algorithm)):
            return attrs.evolve(each, root_id=root.id, name=root.name)
    return each


def name_of(root: RootCertificate, algorithm: str = "SHA256") -> CertificateHash:
    """A root certificate as OCPP names it."""
    return hashes.hash_of(root.pem, root.issuer, algorithm=algorithm)


def to_delete(tx: ReadTx, charger_id: str, root: RootCertificate, *, force: bool) -> CertificateHash:
    """How to name a root certificate to the charger that is to delete it: as it named it itself (M04.FR.07).

    What was last read counts, so read it first. Raises ``NotFound`` where the charger did not name it, and ``Refused`` where it is the
    charger's last root for the server and nobody says ``force``: without one it could not connect again.
    """
    present = installed(tx, charger_id, root.purpose)
    mine = next((each for each in present if each.root_id == root.id), None)
    if mine is None:
        if not force:
            raise NotFound(f"charger {charger_id} did not say that {root.name} is installed there")
        return name_of(root)
    if root.purpose == CSMS_ROOT and len(present) == 1 and not force:
        raise Refused(
            f"{root.name} is the only root by which {charger_id} can verify this server; without it it cannot connect again"
        )
    return mine.certificate


# --- firmware -------------------------------------------------------------------------------------------------------------------


def trusts_firmware_certificate(tx: ReadTx, pem: str) -> str:
    """Why a firmware signing certificate is not to be trusted, ``""`` when one of the library's manufacturer roots vouches for it now.

    ``pem`` may have the certificates between it and the root behind it (A00.FR.706).
    """
    anchors = [certificates.load(each.pem) for each in store.listed(tx, MANUFACTURER_ROOT)]
    if not anchors:
        return "there is no manufacturer root: csms certificate add-root --purpose manufacturer"
    try:
        chains.trust(certificates.load_all(pem), anchors, tx.now)
    except Invalid as error:
        return str(error)
    return ""
