"""Names, values and precedence of configuration, without a store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.commands import VariableName
from csms.core.errors import Invalid
from csms.domain.upkeep.model.configuration import (
    Template,
    check_setting,
    is_secret,
    resolve,
    same_value,
    spelled,
    variable_of,
)


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        ("true", "TRUE"),
        ("True", " true "),
        ("true", "1"),
        ("false", "0"),
        ("1", "1.0"),
        ("1.50", "1.5"),
        ("0", "-0"),
        ("A,B", "a, b"),
        ("Energy.Active.Import.Register,Voltage", "Energy.Active.Import.Register , Voltage"),
        ("1,true", "1.0,TRUE"),
        ("", ""),
    ],
)
def test_what_means_the_same(wanted: str, heard: str) -> None:
    assert same_value(wanted, heard)


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        ("true", "false"),
        ("1", "true"),
        ("true", "2"),
        ("1", "1.1"),
        ("A,B", "B,A"),
        ("A,B", "A"),
        ("NaN", "nan0"),
        ("", "0"),
        ("1,5", "15"),
    ],
)
def test_what_does_not(wanted: str, heard: str) -> None:
    assert not same_value(wanted, heard)


@given(st.text(), st.text())
def test_any_two_texts_can_be_compared(one: str, other: str) -> None:
    assert same_value(one, one)
    same_value(one, other)


PLAIN = st.text("abcXYZ019", min_size=1, max_size=8)


@given(
    st.builds(VariableName, PLAIN)
    | st.builds(
        VariableName,
        PLAIN,
        PLAIN,
        st.just("") | PLAIN,
        st.just("") | PLAIN,
        st.none() | st.integers(0, 999),
    )
)
def test_a_spelling_names_its_variable(variable: VariableName) -> None:
    assert variable_of(spelled(variable)) == variable


def test_what_is_no_spelling_is_a_key_by_that_name() -> None:
    assert variable_of("a key = of [nobody's") == VariableName("a key = of [nobody's")


@pytest.mark.parametrize(
    "name",
    ["AuthorizationKey", "authorizationkey", "SecurityCtrlr.BasicAuthPassword", "Authorization_Key", "WifiPassword", "SIM-Secret"],
)
def test_secrets_are_not_wanted(name: str) -> None:
    assert is_secret(name)
    with pytest.raises(Invalid, match="rotate-keys"):
        check_setting(name, "x")


@pytest.mark.parametrize("name", ["GetConfigurationMaxKeys", "HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval", "KeyLock"])
def test_other_keys_are_no_secrets(name: str) -> None:
    assert not is_secret(name)
    assert check_setting(f" {name} ", "1") == (name, "1")


@pytest.mark.parametrize(
    ("name", "value"), [("", "1"), ("A" * 201, "1"), ("A\n", "1\n2"), ("A\x00B", "1"), ("A", "1" * 2501), ("SecurityProfile", "0")]
)
def test_what_cannot_be_wanted(name: str, value: str) -> None:
    with pytest.raises(Invalid):
        check_setting(name, value)


def test_precedence_is_clear_and_told() -> None:
    everybody = Template(id=9, name="everybody")
    vendor = Template(id=8, name="vendor", scope="model", vendor="acme")
    model = Template(id=7, name="model", scope="model", vendor="acme", model="ac22")
    station = Template(id=6, name="station", scope="station", station_id=1)
    named = Template(id=5, name="named", scope="chargers")
    newer = Template(id=10, name="newer", scope="chargers")
    templates = [(each, "Key", each.name) for each in (everybody, vendor, model, station, named, newer)]
    wanted = resolve([("KEY", "own")], templates)["key"]
    assert (wanted.value, wanted.source) == ("own", "")
    assert [source for source, _ in wanted.instead_of] == ["newer", "named", "station", "model", "vendor", "everybody"]
    assert resolve([], templates)["key"].value == "newer"
