"""Diagnostics and logs: uploaded as PUT or as a form, and told of (1.6 §5.9, whitepaper N01)."""

from __future__ import annotations

import hashlib

import httpx
import pytest
import trio

from simulators.charger.transfer import TransferFailed, Web, told_digest


class Shelf:
    """Where uploads go. ``codes`` are the answers before the good one."""

    def __init__(self, *codes):
        self.codes = list(codes)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        return httpx.Response(self.codes.pop(0) if self.codes else 201)


async def finished(bench, action, *words):
    await bench.until(lambda: bench.statuses(action)[-1:] == [words[-1]])
    assert bench.statuses(action) == list(words)


async def test_diagnostics_are_put(autojump_clock, bench, order):
    shelf = Shelf()
    await bench.charger(web=shelf, diagnostics_bytes=200_000)
    answer = await order("GetDiagnostics", location="http://files/up/?sig=abc")
    assert answer["fileName"].startswith("CH-1-diagnostics-2027")
    await finished(bench, "DiagnosticsStatusNotification", "Uploading", "Uploaded")
    (request,) = shelf.requests
    assert (request.method, str(request.url)) == ("PUT", "http://files/up/?sig=abc")
    assert len(request.content) == int(request.headers["content-length"]) == 200_000
    assert request.content.startswith(b"charger CH-1 ")


async def test_a_folder_gets_the_files_name(autojump_clock, bench, order):
    shelf = Shelf()
    await bench.charger(web=shelf)
    answer = await order("GetDiagnostics", location="http://files/up/")
    await finished(bench, "DiagnosticsStatusNotification", "Uploading", "Uploaded")
    assert shelf.requests[0].url.path == f"/up/{answer['fileName']}"


async def test_a_server_without_put_gets_a_form(autojump_clock, bench, order):
    shelf = Shelf(405)
    await bench.charger(web=shelf, diagnostics_bytes=1000)
    answer = await order("GetDiagnostics", location="http://files/up")
    await finished(bench, "DiagnosticsStatusNotification", "Uploading", "Uploaded")
    put, post = shelf.requests
    assert (put.method, post.method) == ("PUT", "POST")
    assert f'name="file"; filename="{answer["fileName"]}"'.encode() in post.content
    assert put.content in post.content
    assert len(post.content) == int(post.headers["content-length"])


async def test_a_redirect_is_followed_with_the_file(autojump_clock, bench, order):
    shelf = Shelf()
    first = httpx.Response(307, headers={"Location": "http://elsewhere/up"})
    await bench.charger(web=lambda request: first if request.url.host == "files" else shelf(request), diagnostics_bytes=100)
    await order("GetDiagnostics", location="http://files/up")
    await finished(bench, "DiagnosticsStatusNotification", "Uploading", "Uploaded")
    assert len(shelf.requests[0].content) == 100


async def test_upload_failed(autojump_clock, bench, order):
    shelf = Shelf(500, 500)
    await bench.charger(web=shelf)
    await order("GetDiagnostics", location="http://files/up", retries=2, retryInterval=3)
    await finished(bench, "DiagnosticsStatusNotification", "Uploading", "UploadFailed")
    assert len(shelf.requests) == 2


async def test_no_diagnostics(autojump_clock, bench, order):
    await bench.charger(web=Shelf(), diagnostics_bytes=0)
    assert await order("GetDiagnostics", location="http://files/up") == {}
    await trio.sleep(10)
    assert bench.heard("DiagnosticsStatusNotification") == []


async def test_status_on_request(autojump_clock, bench, order):
    await bench.charger(web=Shelf(500, 500, 500))
    await order("TriggerMessage", requestedMessage="DiagnosticsStatusNotification")
    assert bench.statuses("DiagnosticsStatusNotification") == ["Idle"]
    await order("GetLog", logType="DiagnosticsLog", requestId=5, log={"remoteLocation": "http://files/up"}, retryInterval=100)
    await order("ExtendedTriggerMessage", requestedMessage="LogStatusNotification")
    assert bench.heard("LogStatusNotification")[-1].payload == {"status": "Uploading", "requestId": 5}
    await order("TriggerMessage", requestedMessage="DiagnosticsStatusNotification")
    assert bench.statuses("DiagnosticsStatusNotification") == ["Idle", "Idle"]


@pytest.mark.parametrize(
    ("code", "word"), [(201, "Uploaded"), (403, "PermissionDenied"), (501, "NotSupportedOperation"), (500, "UploadFailure")]
)
async def test_get_log(autojump_clock, bench, order, code, word):
    await bench.charger(web=Shelf(code))
    log = {"remoteLocation": "https://files/up"}
    answer = await order("GetLog", logType="DiagnosticsLog", requestId=9, log=log, retries=1)
    assert answer["status"] == "Accepted"
    await finished(bench, "LogStatusNotification", "Uploading", word)
    assert {heard.payload["requestId"] for heard in bench.heard("LogStatusNotification")} == {9}


async def test_the_security_log(autojump_clock, bench, order):
    shelf = Shelf()
    charger = await bench.charger(web=shelf)
    charger.security.event("TamperDetectionActivated", "door")
    log = {"remoteLocation": "http://files/up"}
    assert (await order("GetLog", logType="SecurityLog", requestId=1, log=log))["status"] == "Accepted"
    await finished(bench, "LogStatusNotification", "Uploading", "Uploaded")
    lines = shelf.requests[0].content.decode().splitlines()
    assert any(line.endswith("TamperDetectionActivated door") for line in lines)
    assert any("StartupOfTheDevice" in line for line in lines)
    future = log | {"oldestTimestamp": "2030-01-01T00:00:00Z"}
    assert await order("GetLog", logType="SecurityLog", requestId=2, log=future) == {"status": "Rejected"}


async def test_a_second_log_cancels_the_first(autojump_clock, bench, order):
    await bench.charger(web=Shelf(500, 500))
    log = {"remoteLocation": "http://files/up"}
    await order("GetLog", logType="DiagnosticsLog", requestId=1, log=log, retryInterval=1000)
    await trio.sleep(5)
    answer = await order("GetLog", logType="DiagnosticsLog", requestId=2, log=log, retryInterval=1)
    assert answer["status"] == "AcceptedCanceled"
    await finished(bench, "LogStatusNotification", "Uploading", "Uploading", "Uploaded")
    await trio.sleep(2000)
    assert bench.heard("LogStatusNotification")[-1].payload["requestId"] == 2


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"digest": "md5=abc"}, None),
        ({"digest": "sha-256=???"}, None),
        ({"x-checksum-sha256": "nonsense"}, None),
        ({"x-checksum-sha256": "ab" * 32}, bytes.fromhex("ab" * 32)),
    ],
)
def test_digests_in_headers(headers, expected):
    assert told_digest(httpx.Headers(headers)) == expected


# --- over real sockets ------------------------------------------------------------------------------------------------------------

SIZE = 50_000_000
BLOCK = bytes(range(256)) * 256


async def serve_files(*, task_status=trio.TASK_STATUS_IGNORED):
    """A web server with a file of 50 MB, which reads what is put; the start value is its address and what was read."""
    taken = {}

    async def serve(stream):
        head = b""
        async with stream:
            while b"\r\n\r\n" not in head:
                head += await stream.receive_some(65_536)
            head, _, body = head.partition(b"\r\n\r\n")
            if head.startswith(b"GET"):
                await stream.send_all(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode())
                left = SIZE
                while left:
                    await stream.send_all(BLOCK[:left])
                    left -= min(left, len(BLOCK))
            else:
                digest, size = hashlib.sha256(body), len(body)
                while size < SIZE:
                    data = await stream.receive_some(65_536)
                    digest.update(data)
                    size += len(data)
                taken["sha256"] = digest.hexdigest()
                await stream.send_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        task_status.started((f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}", taken))
        await trio.sleep_forever()


async def test_fifty_megabytes_both_ways_in_little_memory(nursery, bench_type):
    import tracemalloc

    url, taken = await nursery.start(serve_files)
    charger = bench_type(nursery).make(diagnostics_bytes=SIZE)
    expected = hashlib.sha256((BLOCK * (SIZE // len(BLOCK) + 1))[:SIZE]).hexdigest()
    tracemalloc.start()
    try:
        moved = await charger.web.download(f"{url}/image.bin")
        file = charger.logs._file(_order())
        sent = await charger.web.upload(f"{url}/up", file)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (moved.size, moved.digest.hex()) == (SIZE, expected)
    assert (sent.size, sent.digest.hex()) == (SIZE, taken["sha256"])
    assert most < 10_000_000


def _order():
    from simulators.charger.logs import DIAGNOSTICS, LogOrder

    return LogOrder(kind=DIAGNOSTICS, location="", attempts=1, interval_s=1)


async def test_a_download_that_breaks_off(nursery):
    async def serve(stream):
        async with stream:
            await stream.receive_some(65_536)
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")

    listeners = await nursery.start(trio.serve_tcp, serve, 0)
    import ssl

    web = Web(tls=ssl.create_default_context, has_network=lambda: True)
    with pytest.raises(TransferFailed):
        await web.download(f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/x")
