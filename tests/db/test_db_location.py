"""Database URLs, with the passwords that people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from csms.config import DatabaseConfig
from csms.db.location import BadLocation, PostgresLocation, SqliteLocation, locate


def postgres(url: str, **more: Any) -> dict[str, str]:
    location = locate(DatabaseConfig(url=url, **more), Path("/etc/csms"))
    assert isinstance(location, PostgresLocation)
    return location.parameters


def test_sqlite_paths_start_at_the_config_folder() -> None:
    assert locate(DatabaseConfig(url="sqlite:///data/a%20b.db"), Path("/etc/csms")) == SqliteLocation(Path("/etc/csms/data/a b.db"))
    assert locate(DatabaseConfig(url="sqlite:////var/csms.db"), Path("/etc")) == SqliteLocation(Path("/var/csms.db"))


@pytest.mark.parametrize("password", ["p%40ss%2Fw%3Ard%3F%23%25", "p@ss/w:rd?#%"])
def test_a_password_may_hold_any_character(password: str) -> None:
    parameters = postgres(f"postgresql://csms:{password}@db.example:5433/name?application_name=a%40b")
    assert parameters["password"] == "p@ss/w:rd?#%"
    assert (parameters["user"], parameters["host"], parameters["port"], parameters["dbname"]) == (
        "csms",
        "db.example",
        "5433",
        "name",
    )
    assert parameters["application_name"] == "a@b"


def test_the_rest_of_the_url() -> None:
    assert postgres("postgresql://[::1]/name")["host"] == "::1"
    socket = postgres("postgresql://postgres@/name?host=%2Ftmp%2Fsocket")
    assert (socket["host"], socket["user"]) == ("/tmp/socket", "postgres")
    assert "password" not in socket


def test_tls_comes_from_the_configuration_unless_the_url_says_so() -> None:
    assert postgres("postgresql://h/n", tls="verify-full", tls_root_certificate="ca.pem") == {
        "dbname": "n",
        "host": "h",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/csms/ca.pem",
    }
    assert postgres("postgresql://h/n?sslmode=disable", tls="verify-full")["sslmode"] == "disable"


def test_no_place_shows_the_password() -> None:
    location = locate(DatabaseConfig(url="postgresql://u:sesame@h/n"), Path())
    assert str(location) == "n on h:5432"
    assert "sesame" not in repr(location)


def test_a_url_that_names_no_database_is_refused() -> None:
    with pytest.raises(BadLocation, match="neither"):
        locate(DatabaseConfig(url="postgresql://host"), Path())
