"""``mega-codegen init``: a beginning that works at once, and that never overwrites anything."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from mega_codegen.cli import main
from mega_codegen.starter import FILES, NEXT_STEPS

from .making import ROOT, contents, run, write


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A folder in which a project was started."""
    assert main(["init", str(tmp_path / "new")]) == 0
    return tmp_path / "new"


def codegen(line: str, folder: Path) -> int:
    return run("-m", "mega_codegen", *shlex.split(line, comments=True)[1:], cwd=folder).returncode


def test_it_writes_these_files_and_says_what_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files are listed; here is the default, and other files do not disturb."""
    write(tmp_path, {"schemas/other.json": "{}", "README.md": "mine"})
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert capsys.readouterr().out == "".join(f"{path}\n" for path in FILES) + f"\n{NEXT_STEPS}"
    assert contents(tmp_path) == {**FILES, "schemas/other.json": "{}", "README.md": "mine"}


def test_the_next_steps_work(started: Path) -> None:
    """What it says to run runs, in that order, and the line of Python imports what it names."""
    calls = re.findall(r"^ +(mega-codegen .*)$", NEXT_STEPS, re.MULTILINE)
    assert len(calls) == 2
    assert [codegen(call, started) for call in calls] == [0, 0]
    [line] = re.findall(r"^ +(from .*)$", NEXT_STEPS, re.MULTILINE)
    done = run("-c", line, cwd=started)
    assert done.returncode == 0, done.stderr


def test_the_workflow_checks_both(started: Path) -> None:
    """Its commands pass once the classes are written, and fail when they are stale or a schema has a finding."""
    workflow = FILES[".github/workflows/mega-codegen.yml"]
    lint, check = re.findall(r"^ +- run: (mega-codegen .*)$", workflow, re.MULTILINE)
    assert (codegen(lint, started), codegen(check, started)) == (0, 1)
    assert codegen("mega-codegen schemas/ -o generated/", started) == 0
    assert (codegen(lint, started), codegen(check, started)) == (0, 0)
    schema = started / "schemas/shop/address.schema.json"
    schema.write_text(schema.read_text().replace('"description": "Street and number.", ', ""))
    assert (codegen(lint, started), codegen(check, started)) == (1, 1)


@pytest.mark.skipif(find_spec("mypy") is None, reason="the tools are installed for one interpreter only")
def test_the_generated_code_passes_mypy(started: Path) -> None:
    """``mypy --strict`` has nothing to say about what the starter becomes, and about its use."""
    assert codegen("mega-codegen schemas/ -o generated/", started) == 0
    use = "from decimal import Decimal\nfrom uuid import uuid4\nfrom generated.shop import Address, OrderPlaced\n"
    use += 'there = Address(street="Hauptstr. 1", city="Berlin", country="DE")\n'
    use += 'order = OrderPlaced(order_id=uuid4(), total=Decimal("19.99"), ship_to=there)\nprint(order.ship_to.city)\n'
    (started / "use.py").write_text(use)
    done = run("-m", "mypy", "--strict", "--python-version=3.11", ".", cwd=started, MYPYPATH=str(ROOT))
    assert done.returncode == 0, done.stdout
    done = run("use.py", cwd=started)
    assert done.stdout == "Berlin\n", done.stderr


@pytest.mark.parametrize("path", FILES)
def test_nothing_is_overwritten(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one of its files in the way, be it a link to nowhere, nothing at all is written."""
    write(tmp_path, {path: "mine"})
    assert main(["init", str(tmp_path)]) == 2
    assert f"{path}#: error: is there already, and nothing is overwritten\n" in capsys.readouterr().err
    assert contents(tmp_path) == {path: "mine"}
    (tmp_path / path).unlink()
    (tmp_path / path).symlink_to(tmp_path / "nowhere")
    assert main(["init", str(tmp_path)]) == 2
    assert not (tmp_path / "nowhere").exists()
    assert len([each for each in tmp_path.rglob("*") if not each.is_dir()]) == 1


@pytest.mark.parametrize("path", ["", "schemas", "schemas/shop", ".github"])
def test_a_file_in_the_place_of_a_folder(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What should be a folder and is none is named, and nothing is written."""
    write(tmp_path, {f"new/{path}".rstrip("/"): "mine"})
    assert main(["init", str(tmp_path / "new")]) == 2
    assert (
        capsys.readouterr().err
        == f"{tmp_path}/new/{path}".rstrip("/") + "#: error: is not a folder\n    Move it away.\n"
    )
    assert list(contents(tmp_path)) == [f"new/{path}".rstrip("/")]


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the file system refuses is an error without a traceback."""
    assert main(["init", str(tmp_path / ("x" * 300))]) == 2
    assert ": error: cannot be written: File name too long\n" in capsys.readouterr().err
