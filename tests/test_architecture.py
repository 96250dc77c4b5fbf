"""The map of ARCHITECTURE.md against the imports that the code has."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = {
    "mega_typed": ROOT / "mega_typed",
    "mega_typed.commands": ROOT / "mega_typed" / "commands",
    "mega_typed.testing": ROOT / "mega_typed" / "testing",
    "mega_codegen": ROOT / "codegen" / "mega_codegen",
}


def imports(path: Path, package: str) -> set[str]:
    """Modules of the own package that a file imports: at the top, in functions, under TYPE_CHECKING."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            module = f"{package}.{node.module}" if node.level and node.module else node.module or package
            names = [f"{module}.{alias.name}" for alias in node.names] if module == package else [module]
            found |= set(names)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix(f"{package}.").split(".")[0] for name in found if name.startswith(f"{package}.")}


def graph(package: str) -> dict[str, set[str]]:
    """The parts of a package, each with the parts that it imports; a package inside it is one part."""
    folder = PACKAGES[package]
    parts = {path.stem: [path] for path in folder.glob("*.py")}
    parts |= {path.parent.name: list(path.parent.glob("*.py")) for path in folder.glob("*/__init__.py")}
    return {
        name: {m for path in paths for m in imports(path, package) if m in parts and m != name}
        for name, paths in parts.items()
    }


def floors(package: str) -> dict[str, int]:
    """The numbered lines of the package's map: ``2  codecs  payload``."""
    section = MAP.split(f"### {package}\n")[1].split("```")[1]
    listed: dict[str, int] = {}
    for line in section.strip().splitlines():
        number, *names = re.split(r"\s+", line.strip())
        listed.update(dict.fromkeys(names, int(number)))
    return listed


@pytest.mark.parametrize("package", PACKAGES)
def test_a_part_knows_only_parts_below_it(package: str) -> None:
    """Every import points down the floors that the map lists, so there is no circle."""
    listed = floors(package)
    upward = {
        f"{name} (floor {listed[name]}) imports {other} (floor {listed[other]})"
        for name, others in graph(package).items()
        for other in others
        if listed[other] >= listed[name]
    }
    assert upward == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_lists_every_file(package: str) -> None:
    """A file that is not on the map, or on the map and gone, fails."""
    assert set(floors(package)) == set(graph(package))


def test_the_generator_and_the_runtime_do_not_import_each_other() -> None:
    """Neither package names the other in an import."""
    crossing = {
        str(path.relative_to(ROOT))
        for package, other in (("mega_typed", "mega_codegen"), ("mega_codegen", "mega_typed"))
        for path in PACKAGES[package].rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == other)
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == other for alias in node.names))
    }
    assert crossing == set()


def test_only_the_commands_print() -> None:
    """Nothing else of the runtime prints, but for the embedded server, which tells its parent the port."""
    printing = {
        str(path.relative_to(ROOT / "mega_typed"))
        for path in PACKAGES["mega_typed"].rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == {"commands/terminal.py", "local.py"}


@pytest.mark.parametrize(
    "module", ["mega_typed", "mega_typed.listener", "mega_typed.testing", "generated.shopping_cart"]
)
def test_importing_loads_no_aws_client(module: str) -> None:
    """boto3 is imported when a client is made, and not before."""
    script = f"import sys, {module}; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_every_invariant_names_a_test_that_exists() -> None:
    """The tests that ARCHITECTURE.md names are there."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", MAP)
    assert len(named) > 8
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).exists() or (test and f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8"))
    ]
    assert missing == []
