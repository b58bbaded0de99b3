"""What the stubs of providers have in common: the server, faults with requests, webhooks and faults with them."""

import json

import httpx
import pytest
import trio
import trio.testing

from csms.testing.receiver import receiving
from simulators.faults import OF_REQUESTS, OF_WEBHOOKS, Faults
from simulators.posting import Poster
from simulators.web import Answer, Failed, Request, Web


@pytest.fixture
async def web(nursery):
    """A server whose handler counts, and a client."""
    faults = Faults({**OF_REQUESTS, **OF_WEBHOOKS})
    served = Web(lambda request, handle: faults.around(request, handle, lambda status: Answer.json({"error": status}, status)))
    served.faults, served.done = faults, 0

    def act(request: Request, name: str) -> Answer:
        served.done += 1
        return Answer.json({"name": name, "query": request.query, "said": request.fields()})

    served.add("POST", "/acts/<name>", act)
    served.add("GET", "/files/<path...>", lambda request, path: Answer(200, path.encode(), "text/plain"))
    served.add("POST", "/stub/faults", faults.ask)
    served.add("GET", "/stub/faults", faults.show)
    served.add("DELETE", "/stub/faults", faults.clear)
    port = await nursery.start(served.serve_tcp, 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        served.client = client
        yield served
    nursery.cancel_scope.cancel()


async def test_routes_and_bodies(web):
    answer = await web.client.post("/acts/a%2Fb", params={"x": "1"}, json={"y": 2})
    assert answer.json() == {"name": "a/b", "query": {"x": "1"}, "said": {"y": 2}}
    assert (await web.client.post("/acts/a", data={"y": "2"})).json()["said"] == {"y": "2"}
    curl = {"content-type": "application/x-www-form-urlencoded"}
    assert (await web.client.post("/acts/a", content=b'{"y": 2}', headers=curl)).json()["said"] == {"y": 2}, "as curl -d sends it"
    assert (await web.client.get("/files/a/b%20c")).text == "a/b c"
    head = await web.client.head("/files/abc")
    assert (head.text, head.headers["content-length"]) == ("", "3")
    assert (await web.client.get("/nowhere")).status_code == 404
    assert (await web.client.post("/acts/a", content=b"nonsense")).status_code == 400
    assert (await web.client.post("/acts/a", content=b"[]")).status_code == 400


async def test_who_speaks_no_http_is_answered_so(web):
    async with await trio.open_tcp_stream("127.0.0.1", web.port) as stream:
        await stream.send_all(b"nonsense\r\n\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 400")


async def test_faults_with_requests(web):
    async def ask(**fault):
        assert (await web.client.post("/stub/faults", json=fault)).status_code == 201

    await ask(kind="error", match="POST /acts/a", status=500)
    assert (await web.client.post("/acts/b")).status_code == 200
    assert (await web.client.post("/acts/a")).json() == {"error": 500}
    await ask(kind="page", status=502)
    assert (await web.client.post("/acts/a")).text.startswith("<html>")
    await ask(kind="timeout", delay_s=0)
    with pytest.raises(httpx.RemoteProtocolError):
        await web.client.post("/acts/a")
    assert web.done == 1, "nothing was done by any of these"
    await ask(kind="lost")
    with pytest.raises(httpx.RemoteProtocolError):
        await web.client.post("/acts/a")
    assert web.done == 2, "it was done, and nobody heard"
    await ask(kind="late", delay_s=0.01)
    assert (await web.client.post("/acts/a")).status_code == 200
    await ask(kind="error", times=2, after=1)
    assert [(await web.client.post("/acts/a")).status_code for _ in range(4)] == [200, 503, 503, 200]


async def test_faults_are_shown_and_taken_back(web):
    for nonsense in ({"kind": "flood"}, {"kind": "error", "status": "many"}, {"kind": "error", "colour": 1}, {}):
        answer = await web.client.post("/stub/faults", json=nonsense)
        assert answer.status_code == 400
        assert answer.json()["error"]
    await web.client.post("/stub/faults", json={"faults": [{"kind": "drop"}, {"kind": "error"}]})
    shown = (await web.client.get("/stub/faults")).json()
    assert [fault["kind"] for fault in shown["waiting"]] == ["drop", "error"]
    assert set(shown["kinds"]) == {*OF_REQUESTS, *OF_WEBHOOKS}
    assert (await web.client.delete("/stub/faults")).status_code == 204
    assert (await web.client.post("/acts/a")).status_code == 200


class Posting:
    """A poster, and a receiver that counts what it took."""

    def __init__(self, poster, receiver):
        self.poster, self.receiver = poster, receiver

    def post(self, *numbers):
        for number in numbers:
            self.poster.post(
                f"E{number}", f"kind.{number}", self.receiver.url, str(number).encode(), {"X-S": "good"}, {"X-S": "forged"}
            )

    async def took(self):
        with trio.fail_after(10):
            await self.poster.settled()
        return [(int(each.body), each.headers["x-s"]) for each in self.receiver.received]


@pytest.fixture
async def posting(nursery):
    async with receiving() as receiver:
        poster = Poster(Faults(OF_WEBHOOKS), retry_s=(0.01, 0.01))
        await nursery.start(poster.run)
        yield Posting(poster, receiver)
        nursery.cancel_scope.cancel()


async def test_webhooks_come_in_order(posting):
    posting.post(*range(20))
    assert await posting.took() == [(number, "good") for number in range(20)]


async def test_what_is_not_taken_comes_again_and_is_given_up_at_last(posting):
    posting.receiver.judge = lambda request: 503 if len(posting.receiver.refused) < 2 else 200
    posting.post(1)
    assert await posting.took() == [(1, "good")]
    posting.receiver.judge = lambda request: 503
    posting.post(2)
    await posting.took()
    shown = json.loads(posting.poster.show(Request(method="GET", path="/")).body)["webhooks"]
    assert [(each["state"], each["attempts"]) for each in shown] == [("taken", ["503", "503", "200"]), ("given up", ["503"] * 3)]
    posting.receiver.judge = None
    posting.poster.repeat(Request(method="POST", path="/"), "E2")
    assert (await posting.took())[-1] == (2, "good")
    with pytest.raises(Failed):
        posting.poster.repeat(Request(method="POST", path="/"), "E3")


@pytest.mark.parametrize(
    ("kind", "took"),
    [
        ("drop", [(0, "good"), (2, "good")]),
        ("duplicate", [(0, "good"), (1, "good"), (1, "good"), (2, "good")]),
        ("reorder", [(0, "good"), (2, "good"), (1, "good")]),
        ("delay", [(0, "good"), (2, "good"), (1, "good")]),
        ("forge", [(0, "good"), (1, "forged"), (2, "good")]),
    ],
)
async def test_faults_with_webhooks(posting, kind, took):
    posting.poster.faults.add(kind, "kind.1", delay_s=0.1)
    posting.post(0, 1, 2)
    assert await posting.took() == took


async def test_what_waits_for_the_next_does_not_wait_for_ever(posting):
    posting.poster.faults.add("reorder", delay_s=0.01)
    posting.post(1)
    assert await posting.took() == [(1, "good")]
