"""What can be wrong with a plugin is found at start and told in words that help."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import attrs
import pytest

from csms.config import PluginsConfig
from csms.hooks import ChargerBooted, Event, TokenVerdict, event, hookimpl
from csms.plugins import Bus, Installed, PluginError, installed
from csms.testing.plugins import Plugged, example


def plugin(**functions: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function) for name, function in functions.items()})


def refusal(plugins: dict[str, object], **config: Any) -> str:
    with pytest.raises(PluginError) as caught:
        Plugged(plugins, **config)
    return str(caught.value)


def test_a_name_that_is_not_installed_is_refused_with_those_that_are() -> None:
    available = {name: Installed(name, "1", plugin) for name in ("webhook", "tariff")}
    with pytest.raises(
        PluginError, match=r"no plugin webhok is installed \(did you mean webhook\?\); installed are tariff, webhook"
    ):
        Bus(PluginsConfig(enabled=("webhok",)), available=available)


def test_nothing_is_imported_that_is_not_enabled() -> None:
    def explode() -> object:
        raise AssertionError("imported")

    Bus(PluginsConfig(), available={"webhook": Installed("webhook", "1", explode)})


def test_an_import_that_fails_names_the_plugin() -> None:
    def explode() -> object:
        raise ImportError("no module named tariffs")

    with pytest.raises(PluginError, match="plugin tariff cannot be imported: ImportError: no module named tariffs"):
        Bus(PluginsConfig(enabled=("tariff",)), available={"tariff": Installed("tariff", "1", explode)})


def test_a_misspelt_hook_names_the_plugin_and_the_nearest_hook() -> None:
    told = refusal({"fine": plugin(charger_booted=lambda event: None), "greeter": plugin(charger_boted=lambda event: None)})
    assert told.startswith("plugin greeter: there is no hook charger_boted (did you mean charger_booted?)")


def test_an_optional_hook_may_be_missing() -> None:
    @hookimpl(optionalhook=True)
    def tariff_changed(event: Event) -> None: ...

    Plugged({"greeter": SimpleNamespace(tariff_changed=tariff_changed)})


def test_a_missing_hook_is_blamed_and_not_the_optional_one_beside_it() -> None:
    @hookimpl(optionalhook=True)
    def tariff_changed(event: Event) -> None: ...

    told = refusal({"greeter": SimpleNamespace(tariff_changed=tariff_changed, tokenseen=hookimpl(lambda event: None))})
    assert "token_seen" in told
    assert "tariff_changed" not in told


def test_an_unknown_argument_is_refused_with_those_there_are() -> None:
    told = refusal({"greeter": plugin(charger_booted=lambda evnt: None)})
    assert "plugin greeter: charger_booted takes an unknown argument; it may take event, delivery, context" in told
    assert "evnt" in told


@pytest.mark.parametrize("option", ["tryfirst", "trylast"])
def test_a_plugin_cannot_choose_its_place(option: str) -> None:
    mark = hookimpl(tryfirst=option == "tryfirst", trylast=option == "trylast")
    assert "plugins.enabled" in refusal({"pushy": SimpleNamespace(authorize_token=mark(lambda token: None))})


def test_wrappers_are_refused() -> None:
    @hookimpl(wrapper=True)
    def authorize_token(token: Any) -> Any:
        return (yield)

    assert "wrappers are not for csms" in refusal({"pushy": SimpleNamespace(authorize_token=authorize_token)})


async def _async(context: Any) -> None: ...


def _plain(context: Any) -> None: ...


def _generator(event: Any) -> Any:
    yield


@pytest.mark.parametrize(
    ("hook", "function", "told"),
    [
        ("configure", _async, "configure must be a plain function, not async"),
        ("register_jobs", _async, "register_jobs must be a plain function, not async"),
        ("run", _plain, "run must be async def"),
        ("charger_booted", _generator, "charger_booted must be a function, not a generator"),
    ],
)
def test_the_wrong_kind_of_function_is_refused(hook: str, function: Any, told: str) -> None:
    assert f"plugin odd: {told}" in refusal({"odd": plugin(**{hook: function})})


def test_one_module_under_two_names_is_refused() -> None:
    same = plugin(charger_booted=lambda event: None)
    assert refusal({"one": same, "two": same}) == "plugin two is the same as plugin one: enable one of them"


def test_must_agree_names_only_enabled_plugins() -> None:
    assert refusal({}, must_agree=("wallet",)) == "plugins.must_agree: wallet is not in plugins.enabled"


async def test_a_class_is_made_once_and_keeps_its_state() -> None:
    class Counter:
        made: ClassVar[list[Counter]] = []

        def __init__(self) -> None:
            self.booted: list[str] = []
            self.made.append(self)

        @hookimpl
        async def charger_booted(self, event: ChargerBooted) -> None:
            self.booted.append(event.charger_id)

    plugged = Plugged({"counter": Counter})
    await plugged.tell(example(ChargerBooted, charger_id="A"))
    await plugged.tell(example(ChargerBooted, charger_id="B"))
    assert [counter.booted for counter in Counter.made] == [["A", "B"]]


async def test_a_function_may_implement_a_hook_under_another_name() -> None:
    @hookimpl(specname="authorize_token")
    async def refuse_everybody() -> TokenVerdict:
        return TokenVerdict("Blocked")

    plugged = Plugged({"strict": SimpleNamespace(refuse_everybody=refuse_everybody)})
    assert await plugged.bus.ask("authorize_token", token=None, charger_id="A", place=None, purpose="", tenant=1) == TokenVerdict(
        "Blocked"
    )


def test_two_plugins_cannot_share_an_event_type() -> None:
    @event
    @attrs.frozen(slots=True, kw_only=True)
    class LoadingTested(Event):
        type = "loading_tested"

    told = refusal({name: plugin(register_events=lambda: [LoadingTested]) for name in ("one", "two")})
    assert told == "plugin two: register_events: there is a hook loading_tested already; give the event another type"


def test_what_is_no_event_class_is_refused() -> None:
    assert "plugin one: register_events" in refusal({"one": plugin(register_events=lambda: [int])})
    assert "plugin one: register_events" in refusal({"one": plugin(register_events=lambda: None)})


def test_the_installed_entry_points_are_found_by_name() -> None:
    assert all(name == found.name and found.version for name, found in installed().items())
