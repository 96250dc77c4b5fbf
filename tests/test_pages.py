"""README.md and the pages of docs/: everything that they show is executed, against a real HTTP SNS and SQS."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mega_typed import Disposition, ProcessStatus, Reading, disposition
from mega_typed.local import LocalAws

from .pages import PATIENT, ROOT, blocks, execute

Factory = Callable[..., str]

ELSEWHERE = {
    "PATTERNS.md": "tests/test_patterns_page.py",
    "docs/commands.md": "tests/test_cli.py",
    "docs/drafts.md": "tests/codegen/test_drafts.py",
    "docs/formats.md": "tests/codegen/test_reports.py",
    "docs/lint.md": "tests/codegen/test_lint.py",
    "docs/logging.md": "tests/test_log.py",
    "docs/testing.md": "tests/test_testing_docs.py",
}
"""Pages that are executed in ways of their own, and where."""

ALONE = {"README.md", "docs/tutorial.md"}
"""Pages that bring their own schema and so their own events."""

PAGES = [ROOT / "README.md", ROOT / "PATTERNS.md", *sorted((ROOT / "docs").glob("*.md"))]
HERE = [
    page
    for page in PAGES
    if str(page.relative_to(ROOT)) not in ELSEWHERE and any(not each.language.startswith("{") for each in blocks(page))
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


@pytest.mark.parametrize("page", HERE, ids=lambda page: page.stem)
def test_what_a_page_shows_is_true(
    page: Path, tmp_path: Path, shop: Path, local: LocalAws, queue: Factory, topic: Factory
) -> None:
    """Its files, commands and programs run in their order, and say what the page says."""
    if str(page.relative_to(ROOT)) not in ALONE:
        shutil.copytree(shop, tmp_path, dirs_exist_ok=True)
    url, fifo = queue(), queue(fifo=True)
    names = {
        "QUEUE_URL": url,
        "QUEUE_ARN": f"arn:aws:sqs:{local['region_name']}:123456789012:{url.rpartition('/')[2]}",
        "DEAD_QUEUE_URL": queue(),
        "FIFO_QUEUE_URL": fifo,
        "TOPIC_ARN": topic(url, raw=True),
        "FIFO_TOPIC_ARN": topic(fifo, raw=True, fifo=True),
    }
    variables = {
        "AWS_ENDPOINT_URL": local["endpoint_url"],
        "AWS_DEFAULT_REGION": local["region_name"],
        "HEALTH_PORT": str(free_port()),
        **names,
    }
    (tmp_path / "conftest.py").write_text(PATIENT)
    execute(page, tmp_path, variables, names)


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_other_pages_are_executed_where_it_is_said(page: str, test: str) -> None:
    """The test exists and reads the page."""
    assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")
    assert (ROOT / page).exists()


# --- what pages promise beside their examples -------------------------------------------------------------------------


def test_the_demonstration_runs() -> None:
    """It ends by itself with status 0, and its report holds every kind of outcome."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("✓ BulkItemAdded  6 x 19.99 → cart worth 119.94") == 4
    for line in (
        "Restock        2 pieces, attempt 2",
        "SmsRequested",
        "✗ invalid",
        "✗ text",
        "did you mean `quantity`?",
    ):
        assert line in done.stdout


def test_the_table_of_outcomes_is_the_code() -> None:
    """Each row of the table of docs/outcomes.md is a row of the table that ``disposition`` is tested with, and the other way round."""
    page = (ROOT / "docs" / "outcomes.md").read_text(encoding="utf-8")
    table = page.split("| the message | and its subscribers | is | with a dead-letter queue, is |")[1].split("\n\n")[0]
    shown = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table.strip().splitlines()[1:]]
    done, later, fatal = ProcessStatus.DONE, ProcessStatus.RETRY_LATER, ProcessStatus.FATAL_ERROR
    meaning: dict[str, tuple[Reading, list[ProcessStatus], bool]] = {
        "cannot be decoded": (Reading.UNDECODABLE, [], False),
        "is not a valid event, and somebody asks for it": (Reading.INVALID, [], False),
        "is an SNS confirmation": (Reading.CONFIRMATION, [], False),
        "matches nobody": (Reading.EVENT, [], False),
        "matches nobody, and a predicate raised": (Reading.EVENT, [], True),
        "matches: one says `RETRY_LATER` or `RETRIABLE_ERROR`": (Reading.EVENT, [done, later, fatal], False),
        "matches: one says `FATAL_ERROR`, none asks for a retry": (Reading.EVENT, [done, fatal], False),
        "matches: all say `DONE`": (Reading.EVENT, [done, done], False),
        "was delivered more often than `max_attempts`": (Reading.UNREAD, [], False),
    }
    rows = {f"{what}: {said}" if what == "matches" else what: rest for what, said, *rest in shown}
    assert set(rows) == set(meaning)
    for row, (reading, statuses, defects) in meaning.items():
        without, with_queue = rows[row]
        words = {Disposition.DELETE: "deleted", Disposition.RETRY: "kept", Disposition.DEAD_LETTER: "dead-lettered"}
        if without != "(needs one)":
            plain = disposition(reading, statuses, defects=defects)
            assert without.startswith(words[plain]), row
        first = disposition(reading, statuses, defects=defects, dead_letters=True)
        last = disposition(reading, statuses, defects=defects, dead_letters=True, last_attempt=True)
        assert with_queue.replace("the same", without).startswith(words[first]), row
        assert ("when its attempts are used up" in with_queue) == (first is not last), row
