"""docs/testing.md: its Python is one test module, run by pytest in memory and on a server; its names are all there are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import mega_typed.testing
import pytest
from mega_typed.local import LocalAws

from .pages import PATIENT, blocks

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = blocks(ROOT / "docs" / "testing.md")

MODULE = "\n\n".join(block.text for block in BLOCKS if block.language == "python")


def run(folder: Path, *arguments: str, module: str = MODULE) -> str:
    (folder / "test_page.py").write_text(module, encoding="utf-8")
    (folder / "conftest.py").write_text(PATIENT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-s", *arguments]
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_runs_in_memory(tmp_path: Path) -> None:
    """Every test of the page passes, and a failed assertion says what the page shows."""
    said = run(tmp_path)
    assert re.search(r"\b11 passed", said), said
    [shown] = [block.text for block in BLOCKS if block.language == "text"]
    assert shown in said


def test_the_page_runs_on_a_server(tmp_path: Path, local: LocalAws) -> None:
    """The same by the option that it names; what needs a clock or failures is skipped, and nothing else."""
    said = run(tmp_path, f"--mega-typed-server={local['endpoint_url']}", "-k", "not explains_itself")
    assert re.search(r"\b8 passed, 2 skipped", said), said


@pytest.mark.parametrize("name", mega_typed.testing.__all__)
def test_every_name_is_on_the_page(name: str) -> None:
    """What the kit exports is explained, and has a docstring."""
    assert re.search(rf"\b{name}\b", PAGE)
    assert getattr(mega_typed.testing, name).__doc__


def test_the_options_of_the_plugin_are_on_the_page() -> None:
    """Its option and its fixtures."""
    plugin = (ROOT / "pytest_mega_typed.py").read_text(encoding="utf-8")
    fixtures = re.findall(r"@pytest\.fixture.*\ndef (\w+)", plugin)
    assert fixtures == ["mega_server", "mega_transport", "mega_clock"]
    assert all(f"`{name}`" in PAGE for name in fixtures[1:])
    assert "--mega-typed-server" in PAGE
