"""Writes docs/conformance.md from a test run: ``pytest tests/conformance --junitxml=.ci/results.xml && python docs/conformance.py``.

With ``--check`` it only says whether the page is what the run shows, and fails unless every case passed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from csms.core.commands import COMMANDS
from csms.ocpp.registry import SUBPROTOCOLS, dialect_for

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "conformance.md"
RESULTS = ROOT / ".ci" / "results.xml"
SUITES = {"OCPP 1.6": ROOT / "tests" / "conformance" / "ocpp16"}
CASE = re.compile(r"TC_\d{3}(?:_\d+)?(?![\d_]*\d)")

HEAD = """\
# Conformance

Generated from a test run by `docs/conformance.py`; `.ci/run` checks that it is fresh.

Each case is one of those by which a Central System is certified, under its id in the certification test document. Its test plays the
charger over a real socket against a running server: every request is answered with a `.conf`, the frames that we send are compared, and
so is what the store holds afterwards. `tests/conformance/` has them, and beside them the negative ones: every field of every message
missing, of another type, out of range or too long, and every command answered with garbage.
"""


def cases(folder: Path) -> list[str]:
    """The ids of a suite's cases, in their order."""
    return (folder / "cases.txt").read_text(encoding="utf-8").split()


def titles(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Module name, test name and title (its docstring) of every test of a suite."""
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_TC_"):
                yield path.stem, node.name, " ".join((ast.get_docstring(node) or "").split())


def outcomes(results: Path) -> dict[str, list[tuple[str, bool]]]:
    """By test name: the ids of its runs, and whether each passed."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for case in ElementTree.parse(results).iter("testcase"):  # noqa: S314 - written by our own test run
        name, _, variant = case.attrib["name"].partition("[")
        passed = not any(child.tag in ("failure", "error", "skipped") for child in case)
        found.setdefault(name, []).append((variant.rstrip("]"), passed))
    return found


def rows(folder: Path, results: Path) -> list[tuple[str, str, str, str]]:
    """Case, title, result and test module of every case of a suite; a case without a test is missing."""
    ran = outcomes(results)
    by_case: dict[str, tuple[str, str, list[bool]]] = {}
    for module, name, title in titles(folder):
        for variant, passed in ran.get(name, []):
            for case in CASE.findall(variant) or CASE.findall(name):
                by_case.setdefault(case, (title, module, []))[2].append(passed)
    told = []
    for case in cases(folder):
        title, module, passed = by_case.get(case, ("", "", []))
        told.append((case, title, "passed" if passed and all(passed) else "**failed**" if passed else "**missing**", module))
    return told


def versions() -> str:
    """What each version can be told, and what it can tell us: a blank is what it has no message for, or what is not built yet."""
    dialects = [dialect_for(name) for name in SUBPROTOCOLS]
    lines = ["| command | " + " | ".join(dialect.title for dialect in dialects) + " |", "|---|" + "---|" * len(dialects)]
    for command in COMMANDS:
        said = [
            ", ".join(dict.fromkeys(row.action for row in dialect.says if row.command.__name__ == command)) for dialect in dialects
        ]
        lines.append(f"| {command} | {' | '.join(said)} |")
    heard = [f"- {dialect.title}: {', '.join(sorted(dialect.can_hear))}" for dialect in dialects]
    return "\n".join([*lines, "", "What each version may tell us:", "", *heard])


def page(results: Path) -> str:
    """The whole page."""
    parts = [HEAD]
    for suite, folder in SUITES.items():
        told = rows(folder, results)
        passed = sum(result == "passed" for _, _, result, _ in told)
        parts.append(f"## {suite}: {passed} of {len(told)}\n\n| case | what happens | result | test |\n|---|---|---|---|\n")
        parts.append("".join(f"| {case} | {title} | {result} | {module} |\n" for case, title, result, module in told))
    parts.append(
        "\n## What a version cannot say\n\nA command that a charger's version has no message for is answered with `NotSupported`,"
        " and the API says so beforehand. What a charger of a capable version does not support, it says itself.\n\n"
    )
    return "".join(parts) + versions() + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` compare it."""
    checking = "--check" in arguments
    named = [Path(each) for each in arguments if not each.startswith("-")]
    made = page(named[0] if named else RESULTS)
    if not checking:
        PAGE.write_text(made, encoding="utf-8")
        sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")
        return 0
    if "**failed**" in made or "**missing**" in made:
        sys.stdout.write("not every case passed: see docs/conformance.md\n")
        return 1
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != made:
        sys.stdout.write("docs/conformance.md is not fresh: run python docs/conformance.py\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
