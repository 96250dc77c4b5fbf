"""What is shipped: the wheel and the source distribution work outside the checkout, in an empty environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAM = """
from uuid import UUID
import generated_here
from generated_here.shopping_cart import ItemAdded, ItemAddedSubscriber
from mega_typed import Dispatcher, Record
from mega_typed.match import gt
seen = []
class Bulk(ItemAddedSubscriber):
    attributes = {"quantity": gt(4)}
    def process(self, event): seen.append(event)
dispatcher = Dispatcher()
dispatcher.register(Bulk)
dispatcher.handle(Record(body=ItemAdded(item_id=UUID(int=1), quantity=5).to_json().decode()))
assert seen[0].quantity == 5
print(ItemAdded.__module__)
"""


def run(*command: str | Path, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    call = [str(part) for part in command]
    done = subprocess.run(call, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


def test_the_wheel_holds_both_packages_and_the_protocol(built: Path) -> None:
    """The wheel, built from the source distribution, carries the one schema, the type markers and no tests."""
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"mega_typed/py.typed", "mega_codegen/py.typed", "mega_codegen/schemas/mega/v1.schema.json"} <= names
    parts = {"mega_typed", "mega_codegen", "pytest_mega_typed.py"}
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == parts


def test_the_source_distribution_is_complete(built: Path) -> None:
    """Schemas, generator, tests and documents are in it."""
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "schemas/mega/v1.schema.json",
        "codegen/mega_codegen/cli.py",
        "README.md",
        "PATTERNS.md",
        "LICENSE",
    } <= names


def test_an_installed_wheel_generates_and_runs(built: Path, tmp_path: Path) -> None:
    """In an empty environment outside the checkout, the commands generate a package, and it imports and dispatches."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    pip = (python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt")
    run(*pip, f"{wheel}[codegen]", cwd=tmp_path)
    run(environment / "bin" / "mega-codegen", ROOT / "schemas", "-o", "generated_here", cwd=tmp_path)
    assert run(python, "-c", PROGRAM, cwd=tmp_path).strip() == "generated_here.shopping_cart.item_added"
    assert run(environment / "bin" / "mega-typed", "--version", cwd=tmp_path).startswith("mega-typed 0.")
    where = run(python, "-c", "import mega_typed; print(mega_typed.__file__)", cwd=tmp_path)
    assert str(environment) in where


def test_the_oldest_versions_are_those_of_the_project() -> None:
    """`make oldest` tests the lower bounds that pyproject.toml promises."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [*project["dependencies"], *project["optional-dependencies"]["codegen"]]
    lower = {re.split(r">=|[,<]", each)[0]: re.split(r">=|[,<]", each)[1] for each in promised}
    pins = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(pin.split("==") for pin in pins if not pin.startswith("#"))
    assert tested.keys() == lower.keys()
    for name, version in lower.items():
        assert f"{tested[name]}.".startswith(f"{version}.")
