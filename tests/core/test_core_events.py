"""The register of events: one class per name, so that what was stored is read as what it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from csms.core.events import EVENT_TYPES, Delivered, Event, event
from csms.core.nouns import noun


@pytest.fixture(autouse=True)
def register() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(EVENT_TYPES)
    yield
    EVENT_TYPES.clear()
    EVENT_TYPES.update(before)


def made(name: str, event_type: str | None, *, module: str = "some_plugin") -> type[Event]:
    """A class of that name, as a plugin's module would define it."""
    namespace = {"__module__": module, "__qualname__": name} | ({} if event_type is None else {"type": event_type})
    cls: type[Event] = noun(kw_only=True)(type(name, (Event,), namespace))
    return cls


def test_a_registered_event_is_found_by_its_type() -> None:
    cls = made("Painted", "test_charger_painted")
    assert event(cls) is cls
    assert EVENT_TYPES["test_charger_painted"] is cls


def test_an_event_needs_a_type() -> None:
    before = dict(EVENT_TYPES)
    with pytest.raises(ValueError, match="Painted needs a type of its own"):
        event(made("Painted", None))
    assert before == EVENT_TYPES


def test_a_type_that_is_taken_is_refused() -> None:
    first = event(made("Painted", "test_charger_painted"))
    with pytest.raises(ValueError, match="test_charger_painted"):
        event(made("Varnished", "test_charger_painted"))
    assert EVENT_TYPES["test_charger_painted"] is first


def test_two_plugins_cannot_share_a_type_by_giving_their_classes_one_name() -> None:
    first = event(made("Painted", "test_charger_painted"))
    with pytest.raises(ValueError, match="test_charger_painted"):
        event(made("Painted", "test_charger_painted", module="other_plugin"))
    assert EVENT_TYPES["test_charger_painted"] is first


def test_a_module_may_be_loaded_twice() -> None:
    event(made("Painted", "test_charger_painted"))
    again = event(made("Painted", "test_charger_painted"))
    assert EVENT_TYPES["test_charger_painted"] is again


def test_a_subclass_needs_a_type_of_its_own() -> None:
    @event
    @noun(kw_only=True)
    class Cleaned(Event):
        type: ClassVar[str] = "test_charger_cleaned"

    @noun(kw_only=True)
    class DeepCleaned(Cleaned):
        pass

    with pytest.raises(ValueError, match="DeepCleaned"):
        event(DeepCleaned)
    assert EVENT_TYPES["test_charger_cleaned"] is Cleaned


def test_an_event_is_durable_unless_it_says_otherwise_and_must_name_its_key() -> None:
    cls = made("Painted", "test_charger_painted")
    assert cls.durable
    with pytest.raises(NotImplementedError):
        _ = cls().key


def test_a_delivery_is_the_first_unless_told_otherwise() -> None:
    fact = made("Painted", "test_charger_painted")()
    assert Delivered(7, 1, 0, fact).attempt == 1
    assert Delivered(7, 1, 0, fact) == Delivered(7, 1, 0, fact) != Delivered(7, 1, 0, fact, 2)
