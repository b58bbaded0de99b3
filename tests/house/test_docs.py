"""Pages keep their promises: generated ones are fresh, links lead somewhere, commands exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import click
import pytest

from csms.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/*.md")}
)


def shell_lines(page: Path) -> list[str]:
    """Every command line of the page's ``sh`` blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_fresh() -> None:
    assert generator().stale() == [], "run python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name} links to {target}, which is not there"


def csms_commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for line in shell_lines(page):
            found += [(page.name, part) for part in line.split("&&") if re.match(r"(\S+/)?csms ", part.strip())]
    return found


@pytest.mark.parametrize(("page", "line"), csms_commands())
def test_csms_commands_in_pages_exist(page: str, line: str) -> None:
    """Each word that names a command must be one, and each option must be known to it."""
    command: click.Command = main
    context = click.Context(main, info_name="csms")
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{page}: there is no `{line}`"
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    for word in words:
        if re.match(r"--[a-z]", word):
            assert word.partition("=")[0] in known, f"{page}: {word} in `{line}`"


def test_two_commands_do_everything_and_ci_runs_the_second() -> None:
    lines = [line for line in shell_lines(ROOT / "README.md") if line.startswith("python3 -m venv")]
    assert len(lines) == 2, "the README has one command to see it work and one to run the tests"
    demo, tests = lines
    assert demo.endswith("csms serve --demo")
    assert tests.endswith("pytest -n 2")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(tests)}( |$)", ci, re.MULTILINE), ".ci/run must begin with the README's test command"
    assert tests in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_constraints_are_names_and_versions() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0])
