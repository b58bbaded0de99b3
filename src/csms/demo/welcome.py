"""What whoever started the demo reads first."""

from __future__ import annotations

from .money import Laid
from .stubs import Stubs


def text(api_url: str, beside: Stubs, laid: Laid | None, *, fresh: bool) -> str:
    """Where everything is, and what to try."""
    what = "A demo station was put into the empty database." if fresh else "The demo station was there already; it goes on."
    return f"""
{what} Four simulated chargers (three OCPP 1.6, one 2.0.1) live at it,
faster than life; to DEMO-4 nobody comes but whom you start.

  the API, to read and to try        {api_url}/api/docs
  what is to be paid, and outboxes   {beside.url()}
{"" if laid is None else _paying(api_url, laid)}
In another terminal:

  csms tail                          what they say, live
  csms transaction list              what they charge
  csms send DEMO-1 StartCharging token=DEMO-TAG-1 evse=1
  curl {api_url}/health

Ctrl+C ends the demo.
"""


def _paying(api_url: str, laid: Laid) -> str:
    code = laid.codes[0]
    body = '{"amount_minor": 20000, "phone": "+919876543210"}'
    return f"""  a driver to log in as              {laid.login}  {laid.password}
  codes at DEMO-4                    {" ".join(laid.codes)}

Pay for a charge as somebody who scanned the first of them, and follow it:

  curl -s {api_url}/api/v1/start/{code}/payments --json '{body}'
  open its pay_url and press a button, then: curl -s {api_url}/api/v1/start/payments/TOKEN

docs/money.md has the whole tour: top-ups, plans, invoices, settlements.
"""
