"""The table of differences itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .conftest import SERVERS
from .differences import DIFFERENCES


def test_the_table_names_cases_that_exist() -> None:
    """Each entry is a test with a case that is run, and names servers; in memory nothing may differ."""
    root = Path(__file__).parents[2]
    call = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/contract"]
    done = subprocess.run(call, cwd=root, capture_output=True, text=True, check=True)
    ids = {line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line}
    cases = {re.sub(r"\[\]$", "", re.sub(r"moto-|-moto|moto", "", each)) for each in ids if "moto" in each}
    assert DIFFERENCES.keys() <= cases
    assert {server for differing in DIFFERENCES.values() for server in differing} <= set(SERVERS) - {"memory"}
