"""The states and union territories of India, by GST code, letters and name: places of supply are written in all three ways."""

from __future__ import annotations

_STATES = """
01 JK Jammu and Kashmir|02 HP Himachal Pradesh|03 PB Punjab|04 CH Chandigarh|05 UK Uttarakhand|06 HR Haryana|07 DL Delhi|08 RJ Rajasthan
09 UP Uttar Pradesh|10 BR Bihar|11 SK Sikkim|12 AR Arunachal Pradesh|13 NL Nagaland|14 MN Manipur|15 MZ Mizoram|16 TR Tripura
17 ML Meghalaya|18 AS Assam|19 WB West Bengal|20 JH Jharkhand|21 OD Odisha|22 CG Chhattisgarh|23 MP Madhya Pradesh|24 GJ Gujarat
26 DH Dadra and Nagar Haveli and Daman and Diu|27 MH Maharashtra|29 KA Karnataka|30 GA Goa|31 LD Lakshadweep|32 KL Kerala
33 TN Tamil Nadu|34 PY Puducherry|35 AN Andaman and Nicobar Islands|36 TS Telangana|37 AP Andhra Pradesh|38 LA Ladakh
"""
_OTHER_WORDS = {
    "UT": "05",
    "OR": "21",
    "ORISSA": "21",
    "CT": "22",
    "TG": "36",
    "AD": "37",
    "PONDICHERRY": "34",
    "NCT OF DELHI": "07",
}
_LISTED = [each.strip().split(" ", 2) for line in _STATES.strip().splitlines() for each in line.split("|")]
_CODES = {word.upper(): code for code, letters, name in _LISTED for word in (code, letters, f"IN-{letters}", name)} | _OTHER_WORDS

UNION_TERRITORIES = frozenset({"04", "26", "31", "35", "38"})
"""Where UTGST is asked in place of SGST: the territories without a legislature of their own."""


def state_of(text: str) -> str:
    """One word for a state, however it is written: its GST code where it is known, else the text in capitals. ``""`` for nothing."""
    words = " ".join(text.replace("&", " and ").upper().split())
    return _CODES.get(words, words)
