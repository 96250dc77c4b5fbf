"""Golden cases: a folder of schemas and the package that it gives, readable side by side."""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from mega_codegen import Report, generate, load, protocol
from mega_codegen.write import MANIFEST

from .making import ROOT, contents, run

TOOLS = pytest.mark.skipif(find_spec("mypy") is None, reason="the tools are installed for one interpreter only")
GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


def generated(folder: Path) -> dict[str, str]:
    report = Report()
    return generate(load(folder, report), protocol(), report)


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    """A case's schemas give exactly the files that stand in its folder ``expected``."""
    files = generated(GOLDEN / case / "schemas")
    expected = contents(GOLDEN / case / "expected")
    assert sorted(files) == sorted(expected)
    for path, text in files.items():
        lines = difflib.unified_diff(expected[path].splitlines(), text.splitlines(), path, "generated", lineterm="")
        assert text == expected[path], "\n".join(lines)


def test_generated_is_up_to_date() -> None:
    """The package in the repository is what its schemas give."""
    files = generated(ROOT / "schemas")
    kept = contents(ROOT / "generated")
    assert {path: text for path, text in kept.items() if path != MANIFEST} == files


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All golden packages, and the one of the repository, in one folder."""
    folder = tmp_path_factory.mktemp("packages")
    for case in CASES:
        shutil.copytree(GOLDEN / case / "expected", folder / f"golden_{case}")
    for path, text in generated(ROOT / "schemas").items():
        target = folder / "golden_own" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


@TOOLS
@pytest.mark.parametrize("length", [88, 120])
def test_generated_code_is_formatted(packages: Path, length: int) -> None:
    """``ruff format`` has nothing to change, neither with its default settings nor with longer lines."""
    done = run("-m", "ruff", "format", "--isolated", "--check", f"--line-length={length}", ".", cwd=packages)
    assert done.returncode == 0, done.stdout


@TOOLS
def test_generated_code_passes_the_linter(packages: Path) -> None:
    """``ruff check`` has nothing to say: default rules, sorted imports, modern syntax, docstrings."""
    rules = "--extend-select=I,UP,D1,D2,B,C4,PIE,RET,RUF,SIM"
    arguments = ["--isolated", "--target-version=py311", rules, "--ignore=D203,D213,RUF002"]
    done = run("-m", "ruff", "check", *arguments, ".", cwd=packages)
    assert done.returncode == 0, done.stdout


@TOOLS
def test_generated_code_passes_mypy(packages: Path) -> None:
    """``mypy --strict`` has nothing to say."""
    done = run("-m", "mypy", "--strict", "--python-version=3.11", ".", cwd=packages, MYPYPATH=str(ROOT))
    assert done.returncode == 0, done.stdout


@TOOLS
def test_generated_code_passes_pyright(packages: Path) -> None:
    """Pyright in strict mode has nothing to say."""
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(ROOT)]}
    (packages / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=packages, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_generated_code_can_be_imported(packages: Path) -> None:
    """Every exported name of every package can be used, and every event class can be built."""
    program = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("error")
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for info in pkgutil.walk_packages(package.__path__, name + "."):
        module = importlib.import_module(info.name)
        for exported in getattr(module, "__all__", ()):
            getattr(module, exported)
from mega_typed import registered_class, registered_events
for event_type in registered_events():
    registered_class(event_type).model_rebuild()
    print(event_type)
"""
    done = run("-c", program, *(f"golden_{case}" for case in CASES), cwd=packages)
    assert done.returncode == 0, done.stderr
    assert "shop order.placed v1" in done.stdout


def test_one_event_is_imported_without_the_others(packages: Path) -> None:
    """Using one event imports neither the other events nor any subscriber."""
    program = "import sys\nfrom golden_own.shopping_cart import ItemAdded\nprint(*sorted(sys.modules))"
    done = run("-c", program, cwd=packages)
    assert done.returncode == 0, done.stderr
    loaded = [name for name in done.stdout.split() if name.startswith("golden_own")]
    assert loaded == [
        "golden_own",
        "golden_own.shopping_cart",
        "golden_own.shopping_cart.cart",
        "golden_own.shopping_cart.item_added",
    ]
