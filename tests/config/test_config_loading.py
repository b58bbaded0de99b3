"""Loading configuration: what wins, what is refused, and in what words."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms.config import Config, ConfigError, load, load_traced
from csms.db.location import SqliteLocation, locate


def write(folder: Path, text: str) -> Path:
    file = folder / "csms.toml"
    file.write_text(text)
    return file


def problems(file: Path | None, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    assert all("\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


def test_without_file_and_environment_everything_has_its_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    config = load(None, {})
    assert (config.ocpp.host, config.ocpp.port, config.ocpp.path) == ("127.0.0.1", 9000, "/ocpp")
    assert (config.api.host, config.api.port) == ("127.0.0.1", 8080)
    assert config.database.url == f"sqlite:///{tmp_path}/csms.db"
    assert config.ocpp.authentication


def test_file_values_are_used_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    config = load(write(tmp_path, '[ocpp]\nport = 9100\nprotocols = ["ocpp1.6"]\n[log]\nlevel = "debug"\n'), {})
    assert config.ocpp.port == 9100
    assert config.ocpp.protocols == ("ocpp1.6",)
    assert config.log.level == "debug"
    assert config.api == load(write(tmp_path, ""), {}).api


def test_whole_numbers_do_for_fractional_keys(tmp_path: Path) -> None:
    timeout_s = load(write(tmp_path, "[ocpp]\ncall_timeout_s = 5\n"), {}).ocpp.call_timeout_s
    assert timeout_s == 5.0
    assert isinstance(timeout_s, float)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[ocpp]\nport = 9100\n[database]\nurl = 'sqlite:///file.db'\n")
    config = load(file, {"CSMS_OCPP_PORT": "9200", "CSMS_DATABASE_URL": "postgresql://u:p@db/csms"})
    assert config.ocpp.port == 9200
    assert config.database.url == "postgresql://u:p@db/csms"


def test_every_kind_of_value_can_come_from_the_environment() -> None:
    config = load(
        None,
        {
            "CSMS_OCPP_AUTHENTICATION": "no",
            "CSMS_OCPP_CALL_TIMEOUT_S": "2.5",
            "CSMS_OCPP_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "CSMS_OCPP__PROTOCOLS": '["ocpp1.6"]',
            "CSMS_OCPP_FALLBACK_PROTOCOL": "ocpp1.6",
            "CSMS_PROFILE": "staging",
        },
    )
    assert config.ocpp.authentication is False
    assert config.ocpp.call_timeout_s == 2.5
    assert config.ocpp.trusted_proxies == ("10.0.0.0/8", "::1")
    assert config.ocpp.protocols == ("ocpp1.6",)
    assert config.profile == "staging"


def test_conventional_variables_work_and_give_way_to_ours() -> None:
    conventional = {
        "DATABASE_URL": "postgres://u:p@db/x",
        "REDIS_URL": "redis://cache:6379/0",
        "PORT": "8181",
        "LOG_LEVEL": "DEBUG",
    }
    config = load(None, conventional)
    assert config.database.url == "postgresql://u:p@db/x"
    assert config.cluster.redis_url == "redis://cache:6379/0"
    assert config.api.port == 8181
    assert config.log.level == "debug"
    assert load(None, conventional | {"CSMS_API_PORT": "8282"}).api.port == 8282


def test_an_empty_conventional_variable_does_not_count() -> None:
    assert load(None, {"PORT": "", "DATABASE_URL": ""}).api.port == 8080


def test_plugin_settings_come_from_the_file_and_the_environment(tmp_path: Path) -> None:
    file = write(tmp_path, '[plugins]\nenabled = ["webhook"]\n[plugins.settings.webhook]\nurl = "https://a"\nretries = 3\n')
    environ = {
        "CSMS_PLUGINS_SETTINGS__WEBHOOK__URL": "https://b",
        "CSMS_PLUGINS__SETTINGS__WEBHOOK__VERIFY": "false",
        "CSMS_PLUGINS_SETTINGS__WEBHOOK__LIMITS__TOTAL": "7",
    }
    assert load(file, environ).plugins.settings == {
        "webhook": {"url": "https://b", "retries": 3, "verify": False, "limits": {"total": 7}}
    }


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file = write(
        tmp_path / "etc", "[database]\nbackup_folder = '../saved'\nurl = 'sqlite:///data/x.db'\n[api]\nkey_file='/run/key'\n"
    )
    config = load(file, {})
    assert config.folder == tmp_path / "etc"
    assert Path(config.database.backup_folder).resolve() == tmp_path / "saved"
    assert config.database.url == f"sqlite:///{tmp_path}/etc/data/x.db"
    assert config.api.key_file == "/run/key"


def test_a_folder_with_a_percent_sign_stays_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "100% done"
    folder.mkdir()
    config = load(write(folder, "[database]\nurl = 'sqlite:///my%20facts.db'\n"), {})
    assert locate(config.database, config.folder) == SqliteLocation(folder / "my facts.db")


def test_all_problems_are_told_at_once_each_with_its_line_and_what_is_allowed(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        'profil = "x"\nport = 1\n\n[ocpp]\nport = 99999\nunknown_chargers = "maybe"\nauthentication = "yes"\n[ocp]\nx = 1\n'
        '[log]\nverbosity = 3\n[database]\npool_size = "many"\n',
    )
    told = problems(file)
    assert set(told) == {
        f"{file}:1: profil: unknown key; did you mean profile?",
        f"{file}:2: port: unknown key; did you mean ocpp.port or api.port or files.port?",
        f"{file}:5: ocpp.port = 99999: must be a whole number, 0 to 65535",
        f'{file}:6: ocpp.unknown_chargers = "maybe": must be one of "rejected", "pending", "accepted"',
        f'{file}:7: ocpp.authentication = "yes": must be true or false',
        f"{file}:8: ocp: unknown key; did you mean ocpp?",
        f"{file}:11: log.verbosity: unknown key; [log] knows level, format",
        f'{file}:13: database.pool_size = "many": must be a whole number, 1 to 256',
    }


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CSMS_OCPP_PORT", "abc", 'CSMS_OCPP_PORT = "abc": must be a whole number, 0 to 65535'),
        ("CSMS_OCPP_PROT", "1", "CSMS_OCPP_PROT: there is no such setting; did you mean CSMS_OCPP_PORT?"),
        ("CSMS_OCPP_AUTHENTICATION", "perhaps", 'CSMS_OCPP_AUTHENTICATION = "perhaps": must be true or false'),
        ("PORT", "80 80", 'PORT = "80 80": must be a whole number, 0 to 65535'),
        ("LOG_LEVEL", "loud", 'LOG_LEVEL = "loud": must be one of "debug", "info", "warning", "error"'),
        ("CSMS_PLUGINS_SETTINGS__WEBHOOK", "x", "CSMS_PLUGINS_SETTINGS__WEBHOOK ="),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, words: str) -> None:
    assert any(problem.startswith(words) for problem in problems(None, **{variable: value}))


@pytest.mark.parametrize("text", ["ocpp = 3", "[plugins]\nsettings = 3", "[plugins.settings]\nwebhook = 3"])
def test_a_value_where_a_table_belongs_is_refused(tmp_path: Path, text: str) -> None:
    (told,) = problems(write(tmp_path, text))
    assert "must be a table" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ocpp\nport = 1\n", ":1: not TOML: "),
        ("[ocpp]\nport = 1\nport = 2\n", ":3: not TOML: "),
    ],
)
def test_broken_toml_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = write(tmp_path, text)
    (told,) = problems(file)
    assert told.startswith(f"{file}{words}")


def test_a_missing_file_and_a_file_of_bytes_are_told(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml") == [f"{tmp_path}/none.toml: there is no such file"]
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    assert problems(tmp_path / "bytes.toml") == [f"{tmp_path}/bytes.toml: not UTF-8 text"]
    assert "cannot be read" in problems(tmp_path)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ocpp]\ntls_key = 'key.pem'", "ocpp.tls_key needs ocpp.tls_certificate beside it"),
        ("[api]\ntls_certificate = 'c.pem'\ntls_key = 'k.pem'", "api.tls_certificate: there is no file"),
        ("[ocpp]\ntls_second_key = 'key.pem'", "ocpp.tls_second_certificate and ocpp.tls_second_key need each other"),
        ("[ocpp]\ntls_client_ca = ['ca.pem']", "ocpp.tls_client_ca needs ocpp.tls_certificate beside it"),
        ("[ocpp]\ntls_client_ca = ['ca.pem']", "ocpp.tls_client_ca: there is no file"),
        ("[ocpp]\nmin_security_profile = 0", "must be a whole number, 1 to 3"),
        ("[ocpp]\nmin_security_profile = 2\nauthentication = false", "min_security_profile needs ocpp.authentication = true"),
        ("[ocpp]\nmin_security_profile = 3", "no proxy can pass a client certificate on"),
        ("[ocpp]\nport = 8080", "ocpp.port and api.port are both 8080: give each its own"),
        ("[ocpp]\nprotocols = ['ocpp1.6']\nfallback_protocol = 'ocpp2.0.1'", "must be one of ocpp.protocols"),
        ("[ocpp]\nprotocols = []", "must be a list of one or more of"),
        ("[ocpp]\npath = 'ocpp/'", "must be a path such as /ocpp"),
        ("[ocpp]\ntrusted_proxies = ['somewhere']", 'must be a list of networks such as "10.0.0.0/8"'),
        ("[plugins]\nenabled = ['a', 'a']", "must be a list of plugin names without repeats"),
        ("[plugins]\nmust_agree = ['a']", "plugins.must_agree names a, not in plugins.enabled"),
        ("[identity]\nmessages = 'channels'", "no plugin is enabled that could bring one"),
        ("[database]\nurl = 'mysql://db'", "must be sqlite:///PATH or postgresql://"),
        ("[database]\nurl = 'sqlite:///:memory:'", "must be sqlite:///PATH or postgresql://"),
        ("[retention]\nslice_ms = nan", "must be a number, 1 to 1000"),
        ("shutdown_grace_s = true", "must be a number, 0.1 to 600"),
    ],
)
def test_values_that_cannot_be_are_refused(tmp_path: Path, text: str, words: str) -> None:
    told = problems(write(tmp_path, text))
    assert any(words in problem for problem in told), told


def test_each_path_of_a_list_starts_at_the_folder_of_the_file(tmp_path: Path) -> None:
    for name in ("chain.pem", "key.pem", "ca.pem"):
        (tmp_path / name).touch()
    lines = ["[ocpp]", "tls_certificate = 'chain.pem'", "tls_key = 'key.pem'", f"tls_client_ca = ['ca.pem', '{tmp_path}/ca.pem']"]
    config = load(write(tmp_path, "\n".join(lines)), {})
    assert config.ocpp.tls_client_ca == (f"{tmp_path}/ca.pem", f"{tmp_path}/ca.pem")


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    """A wrong value must not also show up as a contradiction with the default that stood in for it."""
    told = problems(write(tmp_path, "[ocpp]\ntls_certificate = 3\ntls_key = 'key.pem'\n"))
    assert not any("needs" in problem for problem in told)


def test_secrets_stay_out_of_problems(tmp_path: Path) -> None:
    told = problems(
        write(
            tmp_path,
            "[database]\nurl = 'mysql://me:sesame@db/x'\n[api]\nkey = 'sesame'\nprofile = 1\n[plugins.settings]\nk = 'sesame'\n",
        )
    )
    assert len(told) == 3
    assert "sesame" not in "\n".join(told[:2])


def test_kubernetes_service_links_are_passed_over() -> None:
    links = {
        "CSMS_PORT": "tcp://10.0.0.1:9000",
        "CSMS_SERVICE_HOST": "10.0.0.1",
        "CSMS_SERVICE_PORT_OCPP": "9000",
        "CSMS_PORT_9000_TCP_ADDR": "10.0.0.1",
        "CSMS_API_PORT": "tcp://10.0.0.1:8080",
    }
    assert load(None, links) == load(None, {})


def test_the_source_of_each_value_is_known(tmp_path: Path) -> None:
    file = write(tmp_path, "[ocpp]\n\nport = 9100\n")
    loaded = load_traced(file, {"CSMS_API_PORT": "1"})
    assert loaded.sources == {"ocpp.port": f"{file}:3", "api.port": "CSMS_API_PORT"}


# --- profiles -------------------------------------------------------------------------------------------------------------------


def test_production_changes_defaults_and_the_file_still_wins(tmp_path: Path) -> None:
    config = load(write(tmp_path, 'profile = "production"\n'), {})
    assert (config.log.format, config.database.tls, config.ocpp.allow_plain) == ("json", "require", False)
    assert load(write(tmp_path, 'profile = "production"\n[log]\nformat = "console"\n'), {}).log.format == "console"
    assert Config().log.format == "auto"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ocpp]\nauthentication = false", "ocpp.authentication: production insists on true"),
        ('[ocpp]\nunknown_chargers = "accepted"', 'ocpp.unknown_chargers: production refuses "accepted"'),
        ('[ocpp]\nhost = "0.0.0.0"', "ocpp: production wants TLS on 0.0.0.0"),
        ('[api]\nhost = "::"', "api: production wants TLS on ::"),
        ('[api]\nkey = "short"', "api.key: production wants 20 characters or more"),
    ],
)
def test_production_refuses_what_development_allows(tmp_path: Path, text: str, words: str) -> None:
    load(write(tmp_path, text), {})
    (told,) = problems(write(tmp_path, f'profile = "production"\n{text}\n'))
    assert words in told


def test_production_may_listen_in_plain_behind_a_proxy(tmp_path: Path) -> None:
    file = write(tmp_path, 'profile = "production"\n[ocpp]\nhost = "0.0.0.0"\nallow_plain = true\n')
    loaded = load_traced(file, {})
    assert any("without TLS" in remark for remark in loaded.remarks)


def test_remarks_say_what_is_allowed_and_risky() -> None:
    loaded = load_traced(
        None,
        {
            "CSMS_OCPP_AUTHENTICATION": "false",
            "CSMS_OCPP_UNKNOWN_CHARGERS": "accepted",
            "REDIS_URL": "redis://cache/0",
            "CSMS_PLUGINS_SETTINGS__WEBHOOK__URL": "x",
        },
    )
    assert [remark.partition(" ")[0] for remark in loaded.remarks] == [
        "ocpp.authentication",
        "ocpp.unknown_chargers",
        "cluster.redis_url",
        "plugins.settings.webhook",
    ]
