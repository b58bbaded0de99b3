"""A stand-in for Razorpay's ``checkout.js``, so that a page that opens a checkout works against the stub."""

from __future__ import annotations

from simulators.web import Answer, Request

from .till import Till

SCRIPT = """// Stand-in for Razorpay's checkout: asks whether to pay, and hands the signed result to options.handler.
window.Razorpay = function (options) {
  const source = document.querySelector('script[src$="/v1/checkout.js"]').src;
  const stub = new URL(source).origin;
  const listeners = {};
  this.on = (name, listener) => { listeners[name] = listener; };
  this.open = async () => {
    const target = options.order_id || options.subscription_id;
    const outcome = window.confirm("Stub checkout: pay " + target + "?") ? "captured" : "failed";
    const answer = await fetch(stub + "/stub/pay/" + encodeURIComponent(target), {
      method: "POST", body: JSON.stringify({ outcome: outcome, method: "card", save: options.customer_id ? "1" : "" }),
    });
    const done = await answer.json();
    if (done.checkout) {
      if (options.handler) options.handler(done.checkout);
    } else if (listeners["payment.failed"]) {
      listeners["payment.failed"]({ error: done.error || { description: "payment failed" } });
    }
  };
};
"""


def script(till: Till, request: Request) -> Answer:
    """``GET /v1/checkout.js``."""
    return Answer(200, SCRIPT.encode(), "text/javascript; charset=utf-8")
