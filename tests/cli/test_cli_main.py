"""The command line as a whole: help everywhere, one-line errors, exit codes, pipes, plugins' commands."""

from __future__ import annotations

import atexit
import gc
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from csms import __version__
from csms.cli import contributions, main
from csms.cli.exits import Exit, end_of
from csms.core.errors import Conflict, Invalid, NotFound, Refused, StoreUnavailable

from .conftest import Run


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group, info_name="csms")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = list(commands())
LEAVES = [(path, command) for path, command in EVERY if not isinstance(command, click.Group)]


@pytest.mark.parametrize(("path", "command"), EVERY, ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_help(run: Run, path: tuple[str, ...], command: click.Command) -> None:
    output = run(*path, "--help").output
    assert command.help
    if isinstance(command, click.Group):
        return
    assert "--config FILE" in output
    assert "--json" in output
    assert "Examples:" in output
    assert f"csms {' '.join(path)}" in output
    for parameter in command.params:
        told = isinstance(parameter, click.Argument) or parameter.to_info_dict().get("help")
        assert told, f"{path} {parameter.name} says nothing of itself"


def test_help_of_all_says_what_exit_codes_mean(run: Run) -> None:
    output = run("--help").output
    for code in Exit:
        assert code is Exit.INTERRUPTED or f"  {code.value}  " in output


def test_a_group_by_itself_asks_for_its_help(run: Run) -> None:
    assert "Commands:" in run().stdout
    assert "approve" in run("charger").stdout


def test_common_options_may_stand_before_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[ocpp]\nport = 9100\n")
    checked = json.loads(run("--config", "other.toml", "--json", "check").stdout)
    assert checked["config"]["ocpp"]["port"] == 9100
    assert "none.toml" in run("--config", "none.toml", "charger", "list", code=2).stderr


def test_nobody_waits_for_a_search_for_garbage(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while commands are imported nor after all is said."""
    left: list[object] = []
    monkeypatch.setattr(atexit, "register", left.append)
    monkeypatch.setattr(gc, "set_threshold", lambda *thresholds: left.append(thresholds[0] >= 100_000))
    run("--version")
    assert left == [True, gc.freeze]


def test_version(run: Run) -> None:
    assert run("--version").output == f"csms {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chek"], "there is no command chek; did you mean check?"),
        (["xyzzy"], "there is no command xyzzy; there are serve, init, check"),
        (["check", "--confg", "x"], "No such option"),
        (["charger", "add"], "Missing argument 'CHARGER_ID'"),
        (["charger", "ad"], "No such command 'ad'"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(run: Run, arguments: list[str], words: str) -> None:
    result = run(*arguments, code=2)
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "--help)" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), Exit.FAILED),
        (Refused("x"), Exit.FAILED),
        (Conflict("x"), Exit.FAILED),
        (Invalid("x"), Exit.USAGE),
        (StoreUnavailable("x"), Exit.NO_DATABASE),
        (PermissionError(13, "Permission denied", "csms.db"), Exit.FAILED),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (BaseExceptionGroup("nursery", [BaseExceptionGroup("nursery", [NotFound("x")])]), Exit.FAILED),
    ],
)
def test_errors_have_codes(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert end_of(error) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        end_of(ZeroDivisionError())


def csms(*arguments: str, folder: Path, **more: object) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "csms", *arguments],
        cwd=folder,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """``csms check --reference | head -1``: whoever reads has enough."""
    with csms("check", "--reference", folder=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 0


def test_as_a_module_and_as_a_process(tmp_path: Path) -> None:
    with csms("charger", "list", folder=tmp_path) as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (6, "")
    assert err.startswith("csms: there is no database")


# --- plugins' commands ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def greeter(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    @click.argument("name")
    def hello(name: str) -> None:
        """Say hello."""
        click.echo(f"hello {name}")

    def contributed(config: object, hook: str) -> list[tuple[str, object]]:
        enabled = config.plugins.enabled  # type: ignore[attr-defined]  # a Config
        greeting = click.Group("greeting", commands=[hello], help="Greetings of all kinds.")
        return [("greeter", hello), ("greeter", greeting)] if hook == "register_commands" and "greeter" in enabled else []

    monkeypatch.setattr(contributions, "contributed", contributed)


def test_an_enabled_plugin_adds_its_commands(run: Run, tmp_path: Path, greeter: None) -> None:
    (tmp_path / "csms.toml").write_text('[plugins]\nenabled = ["greeter"]\n')
    assert run("greeter", "hello", "world").output == "hello world\n"
    assert run("greeting", "hello", "world").output == "hello world\n"
    assert re.search(r"greeter +Commands of the plugin greeter\.\n +greeting +Greetings of all kinds\.", run("--help").output)
    assert "there is no command greter; did you mean greeter?" in run("greter", code=2).stderr


def test_its_commands_come_from_the_configuration_that_is_named(run: Run, tmp_path: Path, greeter: None) -> None:
    (tmp_path / "other.toml").write_text('[plugins]\nenabled = ["greeter"]\n')
    run("greeter", "hello", "world", code=2)
    assert run("greeter", "--config", "other.toml", "hello", "world").output == "hello world\n"
    assert run("greeting", "--config", "other.toml", "hello", "world").output == "hello world\n"
    assert run("greeter", "--config=other.toml", "hello", "world").output == "hello world\n"
    assert run("--config", "other.toml", "greeter", "hello", "world").output == "hello world\n"


def test_a_wrong_configuration_does_not_hide_the_help(run: Run, tmp_path: Path) -> None:
    (tmp_path / "csms.toml").write_text("colour = 1\n")
    result = run("--help")
    assert "charger" in result.stdout
    assert "plugins' commands are left out" in result.stderr
