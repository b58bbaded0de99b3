"""One's own account over HTTP: registering, passwords, addresses, the second factor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from csms.core.access import DRIVER, TENANT_OPERATOR
from csms.core.messages import NoNotifier
from csms.domain.users import totp
from csms.domain.users.flows import accounts
from csms.domain.users.flows.signing_in import Device

from .conftest import PASSWORD, People, bearer

NEW = "another good password"


async def test_a_driver_registers(people: People) -> None:
    wanted = {"name": "Asha Rao", "email": "Asha@example.org", "password": PASSWORD, "locale": "en-IN"}
    sent = await people.post("/auth/register", wanted)
    assert sent.status_code == 202, sent.text
    assert await people.server.rows("SELECT * FROM users") == [], "nobody before the code came back"
    code = await people.code("Asha@example.org")
    wrong = await people.post("/auth/register/verify", {"challenge": sent.json()["challenge"], "code": "000000"})
    assert wrong.status_code == 401
    done = await people.post("/auth/register/verify", {"challenge": sent.json()["challenge"], "code": code})
    assert (done.json()["role"], done.json()["user"]["locale"]) == (DRIVER, "en-IN")
    account = (await people.get("/me/account", bearer(done))).json()
    drivers = await people.server.rows("SELECT id, name, email FROM drivers")
    assert [dict(each) for each in drivers] == [{"id": account["driver_id"], "name": "Asha Rao", "email": "Asha@example.org"}]
    assert (await people.get("/users", bearer(done))).status_code == 403
    again = await people.post("/auth/register/verify", {"challenge": sent.json()["challenge"], "code": code})
    assert again.status_code == 401, "a code works once"
    assert bearer(await people.log_in("asha@example.org"))
    await people.server.eventually("SELECT * FROM events WHERE type = 'user_joined'")


async def test_registering_tells_nobody_who_has_an_account(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    answers = []
    for email in ("a@example.org", "b@example.org"):
        answers.append(await people.post("/auth/register", {"name": "X", "email": email, "password": PASSWORD}))
    assert [each.status_code for each in answers] == [202, 202]
    assert set(answers[0].json()) == set(answers[1].json())
    assert "has an account already" in await people.message("a@example.org")
    for refused in (
        {"email": "no address"},
        {"email": "a@x.org", "phone": "+4917012345678"},
        {},
        {"phone": "12"},
        {"email": "x@y.z", "extra": 1},
    ):
        answer = await people.post("/auth/register", {"name": "X", "password": PASSWORD, **refused})
        assert answer.status_code == 422, refused
    for password in ("short", "password123", "aaaaaaaaaaaa", "x@example.org", "x" * 201):
        answer = await people.post("/auth/register", {"name": "X", "email": "x@example.org", "password": password})
        assert answer.status_code == 422, password
    unknown = await people.post("/auth/register", {"name": "X", "email": "x@y.z", "password": PASSWORD, "tenant": "nowhere"})
    assert unknown.status_code == 404


async def test_a_forgotten_password(people: People, tmp_path: Path) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    headers = await people.headers("a@example.org")
    known = await people.post("/auth/password/forgot", {"login": "a@example.org"})
    unknown = await people.post("/auth/password/forgot", {"login": "nobody@example.org"})
    assert [each.status_code for each in (known, unknown)] == [202, 202]
    assert set(known.json()) == set(unknown.json())
    code, challenge = await people.code("a@example.org"), known.json()["challenge"]
    for _ in range(3):
        wrong = await people.post("/auth/password/reset", {"challenge": challenge, "code": "999999", "password": NEW})
        assert wrong.status_code == 401
    weak = await people.post("/auth/password/reset", {"challenge": challenge, "code": code, "password": "short"})
    assert weak.status_code == 422, "which costs no try"
    assert (await people.post("/auth/password/reset", {"challenge": challenge, "code": code, "password": NEW})).status_code == 204
    assert (await people.get("/me/account", headers)).status_code == 401, "every login has ended"
    assert [(await people.log_in("a@example.org", each)).status_code for each in (PASSWORD, NEW)] == [401, 200]
    replayed = await people.post("/auth/password/reset", {"challenge": challenge, "code": code, "password": PASSWORD})
    assert replayed.status_code == 401
    assert people.messages("nobody@example.org") == []
    stored = str([await people.server.rows(f"SELECT * FROM {table}") for table in ("challenges", "events", "audit_log")])
    assert code not in stored, "a code stands in clear nowhere but in its message"
    assert challenge not in stored
    assert (tmp_path / "csms-messages.txt").stat().st_mode & 0o777 == 0o600


async def test_a_code_is_good_for_five_tries(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    sent = await people.post("/auth/password/forgot", {"login": "a@example.org"})
    code, challenge = await people.code("a@example.org"), sent.json()["challenge"]
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    for each in (*[wrong] * 5, code):
        answer = await people.post("/auth/password/reset", {"challenge": challenge, "code": each, "password": NEW})
        assert answer.status_code == 401


async def test_codes_are_not_sent_without_end(people: People) -> None:
    answers = [await people.post("/auth/password/forgot", {"login": "nobody@example.org"}) for _ in range(6)]
    assert [each.status_code for each in answers] == [202] * 5 + [429]


async def test_changing_a_password(people: People) -> None:
    user_id = await people.add("a@example.org", TENANT_OPERATOR)
    here, there = await people.headers("a@example.org"), await people.headers("a@example.org")
    wrong = await people.post("/me/password", {"old": "wrong", "new": NEW}, here)
    assert wrong.status_code == 403, "401 would say that the login is no good"
    assert (await people.post("/me/password", {"old": PASSWORD, "new": NEW}, here)).status_code == 204
    assert [(await people.get("/me/account", each)).status_code for each in (here, there)] == [200, 401]
    assert (await people.log_in("a@example.org", NEW)).status_code == 200
    assert "was changed" in await people.message("a@example.org")
    gate = people.server.gate
    silent = attrs.evolve(gate, ports=attrs.evolve(gate.ports, notifier=NoNotifier()))
    await accounts.change_password(silent, user_id, NEW, PASSWORD, None, Device(name="", remote_address=""))
    assert (await people.log_in("a@example.org")).status_code == 200, "done is done, whether or not it can be told"
    assert (await people.server.request("POST", "/api/v1/me/password", {"old": "x", "new": NEW})).status_code == 403


async def test_another_address(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    await people.add("taken@example.org", TENANT_OPERATOR)
    headers = await people.headers("a@example.org")
    sent = await people.post("/me/address", {"phone": "+49 (170) 1234567", "password": PASSWORD}, headers)
    assert sent.status_code == 202
    assert (await people.log_in("+491701234567")).status_code == 401, "not before the code came back"
    body = {"challenge": sent.json()["challenge"], "code": await people.code("+491701234567")}
    stranger = await people.server.login_as(TENANT_OPERATOR)
    assert (await people.post("/me/address/verify", body, stranger)).status_code == 403, "nor by somebody else"
    sent = await people.post("/me/address", {"phone": "+491701234567", "password": PASSWORD}, headers)
    body = {"challenge": sent.json()["challenge"], "code": await people.code("+491701234567", 2)}
    verified = await people.post("/me/address/verify", body, headers)
    assert verified.json()["phone"] == "+491701234567"
    assert (await people.log_in("+49 170 1234567")).status_code == 200
    taken = await people.post("/me/address", {"email": "Taken@example.org", "password": PASSWORD}, headers)
    assert taken.status_code == 202
    assert "has an account already" in await people.message("Taken@example.org")
    account = await people.get("/me/account", headers)
    stale = {**headers, "If-Match": account.headers["ETag"]}
    changed = await people.call("PATCH", "/me/account", {"locale": "de"}, stale)
    assert changed.status_code == 200, (changed.text, account.text)
    assert changed.json()["user"]["locale"] == "de"
    assert (await people.call("PATCH", "/me/account", {"locale": "fr"}, stale)).status_code == 412
    assert (await people.call("PATCH", "/me/account", {"locale": "?"}, headers)).status_code == 422
    assert (await people.call("PATCH", "/me/account", {"role": "system_admin"}, headers)).status_code == 422


async def second_factor(people: People, login: Any, code: str) -> Any:
    return await people.post("/auth/second-factor", {"challenge": login.json()["second_factor"]["challenge"], "code": code})


async def test_an_authenticator_app(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    headers, clock = await people.headers("a@example.org"), people.server.ports.clock
    set_up = await people.post("/me/second-factor/totp", {"password": PASSWORD}, headers)
    secret = set_up.json()["secret"]
    assert set_up.headers["Cache-Control"] == "no-store"
    stored = await people.server.rows("SELECT totp_sealed FROM users")
    assert secret not in str(stored)
    assert "access_token" in (await people.log_in("a@example.org")).json(), "it does not count yet"
    assert (await people.log_in("a@example.org")).json()["access_token"], "nor is anybody locked out meanwhile"
    assert (await people.post("/me/second-factor/totp/confirm", {"code": "000"}, headers)).status_code == 422
    step = clock.now() // totp.STEP_MS
    used = totp.code_at(secret, step - 1)
    confirmed = await people.post("/me/second-factor/totp/confirm", {"code": used}, headers)
    recovery = confirmed.json()["recovery_codes"]
    assert len(recovery) == 10
    login = await people.log_in("a@example.org")
    assert login.json()["access_token"] is None
    assert login.json()["second_factor"]["factors"] == ["totp", "recovery"]
    assert (await second_factor(people, login, used)).status_code == 401, "a code works once"
    code = totp.code_at(secret, clock.now() // totp.STEP_MS)
    assert bearer(await second_factor(people, login, code))
    assert (await second_factor(people, login, totp.code_at(secret, step + 1))).status_code == 401, "and so does a challenge"
    login = await people.log_in("a@example.org")
    assert (await second_factor(people, login, code)).status_code == 401
    assert bearer(await second_factor(people, login, recovery[0].upper()))
    login = await people.log_in("a@example.org")
    assert (await second_factor(people, login, recovery[0])).status_code == 401
    left = (await people.get("/me/second-factor", headers)).json()
    assert left == {"factor": "totp", "recovery_codes_left": 9}
    assert (await people.post("/me/second-factor/off", {"password": "wrong"}, headers)).status_code == 403
    assert (await people.post("/me/second-factor/off", {"password": PASSWORD}, headers)).status_code == 204
    assert bearer(await people.log_in("a@example.org"))


async def test_codes_by_e_mail_as_the_second_factor(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    headers = await people.headers("a@example.org")
    assert (await people.post("/me/second-factor/codes", {"factor": "sms", "password": PASSWORD}, headers)).status_code == 409
    chosen = await people.post("/me/second-factor/codes", {"factor": "email", "password": PASSWORD}, headers)
    assert len(chosen.json()["recovery_codes"]) == 10
    login = await people.log_in("a@example.org", device="tablet")
    first = await people.code("a@example.org")
    again = await people.post("/auth/second-factor/send", {"challenge": login.json()["second_factor"]["challenge"]})
    assert again.status_code == 204
    second = await people.code("a@example.org", 2)
    if first != second:
        assert (await second_factor(people, login, first)).status_code == 401, "the one before is void"
    signed_in = await second_factor(people, login, second)
    listed = (await people.get("/me/logins", bearer(signed_in))).json()["items"]
    assert listed[0]["device"] == "tablet"
    assert (await people.post("/auth/second-factor/send", {"challenge": "none"})).status_code == 204
    assert (await people.post("/auth/second-factor", {"challenge": "none", "code": "123456"})).status_code == 401
