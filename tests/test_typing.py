"""What mypy and pyright say of subscribers, without a plugin: real runs of both, compared line by line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
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


def mypy(file: Path, tmp_path: Path) -> Reports:
    """Line to error codes, of ``mypy --strict`` without any plugin or project setting."""
    found: Reports = defaultdict(set)
    options = ("--strict", "--config-file=", "--output=json", f"--cache-dir={tmp_path}")
    for line in filter(None, run("mypy", *options, str(file)).splitlines()):
        report = json.loads(line)
        if report["severity"] == "error":
            assert Path(report["file"]).name == file.name, report
            found[report["line"]].add(report["code"])
    return found


def pyright(file: Path, tmp_path: Path) -> Reports:
    """Line to rules, of pyright in strict mode."""
    config = tmp_path / "pyrightconfig.json"
    settings = {
        "typeCheckingMode": "strict",
        "include": [str(file)],
        "extraPaths": [str(ROOT)],
        "pythonVersion": "3.11",
    }
    config.write_text(json.dumps(settings))
    output = run("basedpyright", "-p", str(config), "--pythonpath", sys.executable, "--outputjson")
    found: Reports = defaultdict(set)
    for report in json.loads(output)["generalDiagnostics"]:
        if report["severity"] == "error":
            found[report["range"]["start"]["line"] + 1].add(report["rule"])
    return found


def expected(file: Path, checker: str) -> Reports:
    found: Reports = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        comment = EXPECTED.search(line)
        if comment and comment[checker] != "-":
            found[number] = set(comment[checker].split())
    return found


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_right_subscribers_pass_without_a_message(checker: str, tmp_path: Path) -> None:
    """No false alarm on a right subscriber or a right constructor call."""
    file = CASES / "right.py"
    assert (mypy(file, tmp_path) if checker == "mypy" else pyright(file, tmp_path)) == {}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_wrong_subscribers_are_reported(checker: str, tmp_path: Path) -> None:
    """Every mistake is reported where it stands, by the expected rule, and nothing else is."""
    file = CASES / "wrong.py"
    assert (mypy(file, tmp_path) if checker == "mypy" else pyright(file, tmp_path)) == expected(file, checker)


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_the_checkers_are_blind_to_little(checker: str) -> None:
    """At least 94 % of the mistakes are expected from each checker; the others are those that PATTERNS.md names."""
    lines = [line for line in (CASES / "wrong.py").read_text().splitlines() if EXPECTED.search(line)]
    seen = expected(CASES / "wrong.py", checker)
    assert len(lines) > 80
    assert len(seen) / len(lines) >= 0.94


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
