"""Identity providers in the configuration: read from the file and the environment, and refused in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from csms.cli.main import main
from csms.config import ConfigError, load, load_traced, shown
from csms.config.reference import reference_page, reference_toml

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GOOD = f"""
[identity.providers.keycloak]
issuer = "https://id.example.org/realms/charging"
audiences = ["csms"]
role_claim = "realm_access.roles"
webhook_secrets = ["{SECRET}"]

[identity.providers.keycloak.roles]
"csms-owner" = "tenant_owner"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "csms.toml"
    file.write_text(text)
    return file


def problems(file: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    return [each.replace(str(file), "csms.toml") for each in caught.value.problems]


def test_a_provider_in_the_file(tmp_path: Path) -> None:
    loaded = load_traced(write(tmp_path, GOOD), {})
    provider = loaded.config.identity.providers["keycloak"]
    assert provider.roles == {"csms-owner": "tenant_owner"}
    assert (provider.algorithms, provider.leeway_s, provider.system_admins) == (("RS256", "ES256"), 30, False)
    assert loaded.sources["identity.providers.keycloak.issuer"].endswith("csms.toml:3")


def test_a_provider_in_the_environment(tmp_path: Path) -> None:
    environ = {
        "CSMS_IDENTITY_PROVIDERS__CLERK__ISSUER": "https://clerk.example.org",
        "CSMS_IDENTITY_PROVIDERS__CLERK__AUTHORIZED_PARTIES": "https://app.example.org",
        "CSMS_IDENTITY_PROVIDERS__CLERK__DEFAULT_ROLE": "driver",
        "CSMS_IDENTITY_PROVIDERS__CLERK__TENANTS": '{ "org_1" = "north" }',
        "CSMS_IDENTITY_PROVIDERS__CLERK__TENANT_CLAIM": "org_id",
        "CSMS_IDENTITY_PROVIDERS__KEYCLOAK__LEEWAY_S": "60",
    }
    providers = load(write(tmp_path, GOOD), environ).identity.providers
    assert set(providers) == {"keycloak", "clerk"}
    assert providers["clerk"].tenants == {"org_1": "north"}
    assert providers["keycloak"].leeway_s == 60


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD), {})
    assert SECRET not in repr(config)
    assert SECRET not in str(shown(config))
    assert shown(config)["identity"]["providers"]["keycloak"]["roles"] == {"csms-owner": "tenant_owner"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('"https://id.example.org/realms/charging"', '"http://id.example.org"'), "csms.toml:3: identity.providers.keycloak.issuer: must be https"),
        (('"https://id.example.org/realms/charging"', '""'), "csms.toml:3: identity.providers.keycloak.issuer: needs an issuer"),
        (('["csms"]', "[]"), "csms.toml:4: identity.providers.keycloak.audiences: needs audiences (or authorized_parties)"),
        (('role_claim = "realm_access.roles"', ""), "csms.toml:8: identity.providers.keycloak.roles: needs role_claim"),
        (('"csms-owner" = "tenant_owner"', ""), "identity.providers.keycloak.role_claim: needs a table roles"),
        (('"tenant_owner"', '"system_admin"'), "which needs system_admins = true"),
        (('"tenant_owner"', '"boss"'), "must be a table such as"),
        (('audiences = ["csms"]', 'audience = "csms"'), "csms.toml:4: identity.providers.keycloak.audience: unknown key; did you mean audiences?"),
        (('audiences = ["csms"]', 'algorithms = ["HS256"]'), "must be a list of one or more of"),
        (('audiences = ["csms"]', 'algorithms = ["none"]'), "must be a list of one or more of"),
        (('audiences = ["csms"]', 'default_role = "system_admin"'), 'default_role = "system_admin": must be one of'),
        ((SECRET, "secret"), "identity.providers.keycloak.webhook_secrets: each is whsec_"),
        (("[identity.providers.keycloak]", "[[identity.providers]]"), "must be a table each, such as [identity.providers.keycloak]"),
        (("[identity.providers.keycloak]", "[identity.providers.Key-Cloak]"), "a name has 1 to 40 small letters"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_a_wrong_provider_is_refused_in_words(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    text = GOOD.replace(*change)
    if "[[" in text or "Key-Cloak" in text:
        text = text.partition("\n[identity.providers.keycloak.roles]")[0]
    found = problems(write(tmp_path, text))
    assert any(words in each for each in found), found
    assert not any(SECRET in each for each in found)


def test_two_of_one_issuer_and_what_nobody_knows(tmp_path: Path) -> None:
    second = '[identity.providers.other]\nissuer = "https://id.example.org/realms/charging/"\naudiences = ["x"]\ndefault_role = "driver"\n'
    assert "keycloak has the same" in problems(write(tmp_path, GOOD + second))[0]
    found = problems(write(tmp_path, GOOD), CSMS_IDENTITY_PROVIDERS__KEYCLOAK__AUDIENCE="x")
    assert "there is no such setting; did you mean audiences?" in found[0]


def test_plain_http_is_for_this_machine_and_not_for_production(tmp_path: Path) -> None:
    here = GOOD.replace("https://id.example.org", "http://127.0.0.1:8081")
    assert load(write(tmp_path, here), {}).identity.providers
    found = problems(write(tmp_path, 'profile = "production"\n' + here))
    assert any("must be https" in each for each in found)


def test_check_shows_what_is_wrong(tmp_path: Path) -> None:
    wrong = CliRunner().invoke(main, ["check", "--config", str(write(tmp_path, GOOD.replace('["csms"]', "[]")))])
    assert wrong.exit_code == 2
    assert "csms.toml:4: identity.providers.keycloak.audiences" in wrong.output
    right = CliRunner().invoke(main, ["check", "--set", "--config", str(write(tmp_path, GOOD))])
    assert right.exit_code == 0
    assert "identity.providers.keycloak.roles.csms-owner" in right.output
    assert SECRET not in right.output


def test_the_examples_of_the_page_are_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "identity.md").read_text()
    examples = "\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    loaded = load_traced(write(tmp_path, 'profile = "production"\n' + examples), {})
    assert set(loaded.config.identity.providers) == {"keycloak", "auth0", "clerk"}


def test_the_reference_explains_them() -> None:
    assert "# [identity.providers.keycloak]" in reference_toml()
    assert "### [identity.providers.NAME]" in reference_page()
    assert "`CSMS_IDENTITY_PROVIDERS__NAME__KEY`" in reference_page()
