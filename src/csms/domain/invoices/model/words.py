"""Words of the invoices slice: kinds, states, the keys of writes, and India's states as GST numbers them."""

from __future__ import annotations

import attrs

INVOICE, CREDIT_NOTE, RECEIPT = "invoice", "credit_note", "receipt"
KINDS = (INVOICE, CREDIT_NOTE, RECEIPT)
"""A receipt is a voucher for money that came into a wallet: nothing was sold yet."""

ISSUED, PARTLY_PAID, PAID, CREDITED = "issued", "partly_paid", "paid", "credited"
STATUSES = (ISSUED, PARTLY_PAID, PAID, CREDITED)
"""``credited``: credit notes gave back all of it."""

LONGEST_NUMBER = 16
"""CGST rule 46 (b): at most so many letters, digits, dashes and slashes."""
GSTIN = r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]"


def series_key(tenant: int, kind: str, year: int) -> str:
    """The write key of a series of numbers: whoever issues holds it."""
    return f"series:{tenant}:{kind}:{year}"


def invoices_key(driver_id: int | None, transaction_id: int | None) -> str:
    """The write key of a driver's invoices and of what becomes of them; a guest's have that of their charge. No key is of an invoice
    itself: whoever issues it would have to know its id before."""
    return f"invoices:{driver_id}" if driver_id is not None else f"invoices:charge:{transaction_id or 0}"


def settings_key(tenant: int) -> str:
    """The write key of what a tenant wants of its invoices."""
    return f"invoice_settings:{tenant}"


def partner_key(account_id: int) -> str:
    """The write key of what is paid out to a partner."""
    return f"partner:{account_id}"


@attrs.frozen(slots=True)
class State:
    """A state or union territory of India: its code in GST, and its name."""

    code: str
    name: str


_GST_STATES = {
    "JK": ("01", "Jammu and Kashmir"),
    "HP": ("02", "Himachal Pradesh"),
    "PB": ("03", "Punjab"),
    "CH": ("04", "Chandigarh"),
    "UK": ("05", "Uttarakhand"),
    "HR": ("06", "Haryana"),
    "DL": ("07", "Delhi"),
    "RJ": ("08", "Rajasthan"),
    "UP": ("09", "Uttar Pradesh"),
    "BR": ("10", "Bihar"),
    "SK": ("11", "Sikkim"),
    "AR": ("12", "Arunachal Pradesh"),
    "NL": ("13", "Nagaland"),
    "MN": ("14", "Manipur"),
    "MZ": ("15", "Mizoram"),
    "TR": ("16", "Tripura"),
    "ML": ("17", "Meghalaya"),
    "AS": ("18", "Assam"),
    "WB": ("19", "West Bengal"),
    "JH": ("20", "Jharkhand"),
    "OD": ("21", "Odisha"),
    "CG": ("22", "Chhattisgarh"),
    "MP": ("23", "Madhya Pradesh"),
    "GJ": ("24", "Gujarat"),
    "DH": ("26", "Dadra and Nagar Haveli and Daman and Diu"),
    "MH": ("27", "Maharashtra"),
    "KA": ("29", "Karnataka"),
    "GA": ("30", "Goa"),
    "LD": ("31", "Lakshadweep"),
    "KL": ("32", "Kerala"),
    "TN": ("33", "Tamil Nadu"),
    "PY": ("34", "Puducherry"),
    "AN": ("35", "Andaman and Nicobar Islands"),
    "TS": ("36", "Telangana"),
    "AP": ("37", "Andhra Pradesh"),
    "LA": ("38", "Ladakh"),
    "OT": ("97", "Other Territory"),
}
_ALSO = {"UT": "UK", "OR": "OD", "CT": "CG", "TG": "TS", "ORISSA": "OD", "PONDICHERRY": "PY", "NCT OF DELHI": "DL"}
_STATES: dict[str, State] = {}
for _letters, (_code, _name) in _GST_STATES.items():
    for _word in (_letters, f"IN-{_letters}", _code, _name.upper()):
        _STATES[_word] = State(_code, _name)
for _other, _letters in _ALSO.items():
    _STATES[_other] = _STATES[f"IN-{_other}"] = _STATES[_letters]


def state_of(text: str) -> State | None:
    """The state that is meant by its name, its letters (``KA``, ``IN-KA``) or its code (``29``); None for anything else."""
    return _STATES.get(" ".join(text.replace("&", " and ").upper().split()))
