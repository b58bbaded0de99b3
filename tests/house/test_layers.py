"""Which way the arrows point: the contracts hold, and nothing was left out of them."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def test_every_contract_is_kept() -> None:
    run = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
        "--no-logo",
    ]
    found = [str(ROOT / "src"), str(ROOT / "plugins"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, found))}
    ended = subprocess.run(run, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 broken" in ended.stdout


def test_every_slice_has_its_place() -> None:
    slices = {path.name for path in (ROOT / "src" / "csms" / "domain").iterdir() if (path / "__init__.py").is_file()}
    assert slices
    between = contracts()["importlinter:contract:slices"]["layers"]
    inside = contracts()["importlinter:contract:slice"]["containers"]
    assert {name for name in slices if name not in between.replace("(", " ").replace(")", " ").split()} == set()
    assert {f"csms.domain.{name}" for name in slices} == set(inside.split())


def test_every_plugin_is_looked_at() -> None:
    plugins = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    assert plugins
    assert plugins <= set(contracts()["importlinter"]["root_packages"].split())
    assert plugins == set(contracts()["importlinter:contract:plugin-packages"]["source_modules"].split())
