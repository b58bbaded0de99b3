"""The stubs of SMTP and S3, spoken to by the libraries that the server uses; and all stubs as one program."""

import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import httpx
import obstore
import pytest
import trio
from obstore.exceptions import PermissionDeniedError
from obstore.store import from_url

from simulators.s3 import S3Stub
from simulators.smtp import SmtpStub

ROOT = Path(__file__).parents[2]
LIMIT_S = 60


def mail(to="driver@example.org"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "csms@example.org", to, "Ihre Rechnung – ₹ 120,00"
    message.set_content("Plain words")
    message.add_alternative("<p>Words with <b>HTML</b></p>", subtype="html")
    message.add_attachment(b"%PDF-1.7 \x00\xff", maintype="application", subtype="pdf", filename="invoice.pdf")
    return message


def send(port, *, tls=None, login=None, to="driver@example.org"):
    with smtplib.SMTP("localhost", port, timeout=10) as client:
        if tls is not None:
            client.starttls(context=tls)
        if login is not None:
            client.login(*login)
        client.send_message(mail(to))


async def sending(port, **how):
    await trio.to_thread.run_sync(lambda: send(port, **how))


@pytest.fixture
async def start(nursery):
    """Starts a mail server."""

    async def start(**kind):
        stub = SmtpStub(**kind)
        await nursery.start(stub.serve_tcp)
        return stub

    yield start
    nursery.cancel_scope.cancel()


async def test_a_mail_is_kept_and_shown(start, tmp_path):
    stub = await start(folder=tmp_path)
    await sending(stub.smtp_port)
    async with httpx.AsyncClient(base_url=stub.url, trust_env=False) as client:
        (message,) = (await client.get("/stub/outbox", params={"to": "driver@example.org"})).json()["messages"]
        assert (message["subject"], message["words"]) == ("Ihre Rechnung – ₹ 120,00", "Plain words\n")
        assert message["raw"]["envelope"] == {"from": "csms@example.org", "to": ["driver@example.org"]}
        assert message["raw"]["attachments"] == [{"filename": "invoice.pdf", "content_type": "application/pdf", "size": 11}]
        assert (await client.get(message["links"]["invoice.pdf"])).content == b"%PDF-1.7 \x00\xff"
        assert "<b>HTML</b>" in (await client.get(message["links"]["html"])).text
        source = (await client.get(message["links"]["source"])).content
        assert (await client.get("/stub/outbox/9.eml")).status_code == 404
        assert "Rechnung" in (await client.get("/")).text
    (file,) = tmp_path.glob("*.eml")
    assert file.read_bytes() == source


async def test_starttls_and_a_login(start, tmp_path):
    stub = await start(tls=tmp_path, require_tls=True, user="csms", password="hush")
    trusting = ssl.create_default_context(cafile=tmp_path / "smtp.pem")
    await sending(stub.smtp_port, tls=trusting, login=("csms", "hush"))
    assert len(stub.outbox.sent) == 1
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await sending(stub.smtp_port, tls=trusting, login=("csms", "wrong"))
    with pytest.raises(smtplib.SMTPException):
        await sending(stub.smtp_port)
    assert len(stub.outbox.sent) == 1
    assert (tmp_path / "smtp.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("kind", "code"), [("refuse", 550), ("later", 451)])
async def test_recipients_that_are_not_taken(start, kind, code):
    stub = await start()
    stub.faults.add(kind, "nobody@*")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        await sending(stub.smtp_port, to="nobody@example.org")
    assert caught.value.recipients["nobody@example.org"][0] == code
    await sending(stub.smtp_port, to="nobody@example.org")
    assert len(stub.outbox.sent) == 1


@pytest.mark.parametrize(("kind", "kept"), [("lost", 1), ("timeout", 0)])
async def test_connections_that_end(start, kind, kept):
    stub = await start()
    stub.faults.add(kind, delay_s=0.05)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        await sending(stub.smtp_port)
    assert len(stub.outbox.sent) == kept


async def test_obstore_keeps_and_finds_objects(nursery, tmp_path):
    stub = S3Stub(tmp_path, access_key_id="AKIA")
    await nursery.start(stub.serve_tcp)

    def bucket(key_id="AKIA"):
        return from_url(
            "s3://documents/some/where",
            region="ap-south-1",
            endpoint=stub.url,
            access_key_id=key_id,
            secret_access_key="any",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    def work():
        store = bucket()
        for name in ("a/1", "a/2 & <3>", "b"):
            obstore.put(store, name, f"content of {name}".encode())
        assert bytes(obstore.get(store, "a/2 & <3>").bytes()) == b"content of a/2 & <3>"
        assert bytes(obstore.get_range(store, "b", start=8, length=2)) == b"of"
        assert [each["path"] for some in obstore.list(store) for each in some] == ["a/1", "a/2 & <3>", "b"]
        found = obstore.list_with_delimiter(store)
        assert (found["common_prefixes"], [each["path"] for each in found["objects"]]) == (["a"], ["b"])
        assert obstore.head(store, "b")["size"] == 12
        obstore.put(store, "large", b"x" * 11_000_000, use_multipart=True, chunk_size=5 * 1024 * 1024)
        assert obstore.head(store, "large")["size"] == 11_000_000
        obstore.delete(store, ["a/1", "a/2 & <3>", "large"])
        assert [each["path"] for some in obstore.list(store) for each in some] == ["b"]
        with pytest.raises(FileNotFoundError):
            obstore.head(store, "a/1")
        with pytest.raises(PermissionDeniedError):
            obstore.put(bucket("another"), "c", b"x")

    await trio.to_thread.run_sync(work)
    assert [each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*") if each.is_file()] == ["documents/some/where/b"]
    async with httpx.AsyncClient(base_url=stub.url, trust_env=False) as client:
        assert (await client.put("/documents/x", content=b"")).status_code == 403
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/x"}
        for path in ("/documents/%2E%2E/%2E%2E/outside", "/documents/a//b", "/..%2F/x"):
            assert (await client.put(path, content=b"x", headers=signed)).status_code == 400
        many = (await client.get("/documents", params={"list-type": "2", "max-keys": "1"}, headers=signed)).text
        assert "<IsTruncated>false</IsTruncated>" in many
        assert "some/where/b" in (await client.get("/")).text
    nursery.cancel_scope.cancel()


async def test_all_of_them_as_one_program(tmp_path):
    """Started, used over its sockets, stopped by a signal, and started again where it was."""
    arguments = [sys.executable, "-m", "simulators.providers", "--folder", str(tmp_path), "--port", "0", "--json"]

    async def run(act):
        with trio.fail_after(LIMIT_S):
            process = await trio.lowlevel.open_process(
                arguments, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}
            )
            try:
                line = b""
                while not line.endswith(b"\n"):
                    line += await process.stdout.receive_some()
                told = json.loads(line)
                async with httpx.AsyncClient(
                    trust_env=False, auth=(told["razorpay"]["key_id"], told["razorpay"]["key_secret"])
                ) as client:
                    await act(told, client)
            finally:
                process.send_signal(signal.SIGTERM)
                await process.wait()
                await process.stdout.aclose()
        assert process.returncode == 0

    async def use(told, client):
        order = {"amount": 50_000, "currency": "INR", "receipt": "R1"}
        assert (await client.post(f"{told['razorpay']['url']}/v1/orders", json=order)).status_code == 200
        await sending(told["smtp"]["port"])
        page = (await client.get(told["index"]["url"])).text
        assert all(told[name]["url"] in page for name in told)
        assert "Plain words" in page
        assert (await client.get(f"{told['index']['url']}/stub/providers")).json() == told

    async def find(told, client):
        found = await client.get(f"{told['razorpay']['url']}/v1/orders", params={"receipt": "R1"})
        assert found.json()["count"] == 1

    await run(use)
    await run(find)
    assert [each.name for each in (tmp_path / "mails").iterdir()] == ["000001.eml"]
