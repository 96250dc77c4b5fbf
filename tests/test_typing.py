"""What mypy and pyright say of subscribers, without a plugin: real runs of both, compared line by line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from mega_typed import PatternError

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests" / "typing"
EXPECTED = re.compile(r"  # mypy: (?P<mypy>[\w \-]+); pyright: (?P<pyright>[\w \-]+)$")
Reports = dict[int, set[str]]


def run(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout


def mypy(files: Sequence[Path], tmp_path: Path) -> dict[str, Reports]:
    """File to line to error codes, of ``mypy --strict`` without any plugin or project setting."""
    found: dict[str, Reports] = {file.name: defaultdict(set) for file in files}
    cache = ROOT / ".mypy_cache" / files[0].stem  # kept: most of a first run reads libraries
    options = ("--strict", "--config-file=", "--output=json", f"--cache-dir={cache}")
    for line in filter(None, run("mypy", *options, *map(str, files)).splitlines()):
        report = json.loads(line)
        if report["severity"] == "error":
            found[Path(report["file"]).name][report["line"]].add(report["code"])
    return found


def pyright(files: Sequence[Path], tmp_path: Path) -> dict[str, Reports]:
    """File to line to rules, of pyright in strict mode."""
    config = tmp_path / "pyrightconfig.json"
    settings = {
        "typeCheckingMode": "strict",
        "include": [str(file) for file in files],
        "extraPaths": [str(ROOT), str(files[0].parent)],
        "pythonVersion": "3.11",
    }
    config.write_text(json.dumps(settings))
    output = run("basedpyright", "-p", str(config), "--pythonpath", sys.executable, "--outputjson")
    found: dict[str, Reports] = {file.name: defaultdict(set) for file in files}
    for report in json.loads(output)["generalDiagnostics"]:
        if report["severity"] == "error":
            found[Path(report["file"]).name][report["range"]["start"]["line"] + 1].add(report["rule"])
    return found


CHECKERS = {"mypy": mypy, "pyright": pyright}


def expected(file: Path, checker: str) -> Reports:
    found: Reports = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        comment = EXPECTED.search(line)
        if comment and comment[checker] != "-":
            found[number] = set(comment[checker].split())
    return found


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_a_checker_reports(checker: str, tmp_path: Path) -> None:
    """Every mistake is reported where it stands, by the expected rule, and nothing in a right subscriber or call."""
    right, wrong = CASES / "right.py", CASES / "wrong.py"
    found = CHECKERS[checker]([right, wrong], tmp_path)
    assert found[right.name] == {}
    assert found[wrong.name] == expected(wrong, checker)


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_checkers_are_blind_to_little(checker: str) -> None:
    """At least 97 % of the mistakes are expected from each checker; the others are those that PATTERNS.md names."""
    lines = [line for line in (CASES / "wrong.py").read_text().splitlines() if EXPECTED.search(line)]
    seen = expected(CASES / "wrong.py", checker)
    assert len(lines) > 80
    assert len(seen) / len(lines) >= 0.97


def blocks() -> list[str]:
    """The wrong subscriber classes, each with the imports of the file; not those whose mistake is inside a lambda."""
    head, *rest = re.split(r"\n\n\n(?=class W)", (CASES / "wrong.py").read_text())
    classes = [block.split("\n\n\n")[0] for block in rest]
    return [f"{head}\n\n\n{block}" for block in classes if "lambda" not in block]


@pytest.mark.parametrize(
    "source", blocks(), ids=lambda source: source.split("\n\n\n")[-1].splitlines()[1].split("  #")[0].strip()
)
def test_the_class_definition_catches_all(source: str) -> None:
    """What the checkers report in a pattern, and what they are blind to, is a PatternError when the class is defined."""
    with pytest.raises(PatternError):
        exec(compile(source, "wrong.py", "exec"), {"__name__": "wrong"})


@pytest.mark.filterwarnings("ignore::mega_typed.PatternWarning")
def test_right_subscribers_can_be_defined() -> None:
    """The class definition accepts what the checkers accept."""
    source = (CASES / "right.py").read_text()
    namespace: dict[str, object] = {"__name__": "right"}
    exec(compile(source, "right.py", "exec"), namespace)
    assert len(namespace["construct"]()) == 5  # type: ignore[operator]
