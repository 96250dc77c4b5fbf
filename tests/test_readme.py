"""README.md and the demonstration: every example runs, against a real HTTP SNS and SQS in another process."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import mega_typed
import pytest
from mega_typed import Disposition, ProcessStatus, Reading, disposition
from mega_typed.local import LocalAws

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
Factory = Callable[..., str]


def blocks(language: str, note: str = "") -> list[str]:
    return [text for found, said, text in BLOCKS if (found, said) == (language, note)]


def command(name: str, *arguments: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run one of our console scripts with the interpreter of the tests."""
    module = {"mega-codegen": "mega_codegen", "mega-typed": "mega_typed.cli"}[name]
    call = [sys.executable, "-m", module, *arguments]
    return subprocess.run(call, cwd=cwd, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the schema of the README, and the events that are generated from it."""
    for language, note, text in BLOCKS:
        if language == "json" and note:
            (tmp_path / note).parent.mkdir(parents=True)
            (tmp_path / note).write_text(text)
    done = command("mega-codegen", "schemas/", "-o", "events/", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_the_commands_of_the_generator(project: Path) -> None:
    """The calls that README shows do what it says beside them."""
    calls = [line[2:].split("  #")[0] for line in README.splitlines() if line.startswith("$ mega-codegen")]
    assert len(calls) == 8
    for call in calls:
        if call.split()[-1] == "--watch":  # it does not end by itself; tests/codegen/test_watch.py
            continue
        assert command("mega-codegen", *shlex.split(call)[1:], cwd=project).returncode == 0
    schema = project / "schemas" / "shop" / "order_placed.v1.schema.json"
    schema.write_text(schema.read_text().replace("To pay, taxes included.", "To pay."))
    check = command("mega-codegen", "schemas/", "-o", "events/", "--check", cwd=project)
    assert (check.returncode, '+    """To pay."""' in check.stdout) == (1, True)


def test_the_examples_run_in_order(
    project: Path, local: LocalAws, queue: Factory, topic: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks run one after the other; the one that must fail fails with the text shown."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", local["endpoint_url"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", local["region_name"])
    url = queue()
    program = f"QUEUE_ARN = 'arn:aws:sqs:{local['region_name']}:123456789012:{url.rpartition('/')[2]}'\n"
    program += f"QUEUE_URL = {url!r}\nTOPIC_ARN = {topic(url, raw=True)!r}\nfrom mega_typed.match import *\n"
    for language, note, text in BLOCKS:
        if language == "python" and note == "":
            program += text
        elif (language, note) == ("python", "raises"):
            shown = blocks("text")[0].strip()
            program += f"import traceback\ntry:\n{indented(text)}    assert False\nexcept Exception as error:\n"
            program += f"    said = ''.join(traceback.format_exception_only(error)).strip()\n    assert said == {shown!r}, said\n"
    program += "assert len(outcomes) > 0 and all(o.disposition == 'delete' for o in outcomes), outcomes\n"
    (project / "readme.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(project)])}
    done = subprocess.run(
        [sys.executable, "-W", "error", "readme.py"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "customer-42 pays 19.99 EUR" in done.stdout


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_the_first_example_is_the_demonstration() -> None:
    """README shows the whole of examples/demo.py below its docstring, to the letter, in two parts."""
    source = (ROOT / "examples" / "demo.py").read_text(encoding="utf-8")
    shown = "".join(blocks("python", "demo"))
    assert shown.split() == source[source.index("import json") :].split()
    assert all(part.strip() in source for part in blocks("python", "demo"))


def test_the_example_of_versions_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The subscriber of two versions can be defined, and receives an event of the older one."""
    namespace: dict[str, Any] = {"__name__": "versions"}
    exec("".join(blocks("python", "versions")), namespace)
    dispatcher = mega_typed.Dispatcher()
    dispatcher.register(namespace["AnyVersion"])
    event = namespace["ItemAdded"](item_id=UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8"), quantity=6)
    assert dispatcher.handle(mega_typed.Record(body=event.to_json().decode())).error is None
    assert capsys.readouterr().out == "61fcc874-624e-40f8-8fd7-0e663c7837e8 6\n"


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


def test_decode_reads_what_a_queue_holds(project: Path) -> None:
    """``mega-typed decode`` prints BSON as JSON with the event type, validates, and says what it cannot read."""
    example = json.loads(blocks("json", "schemas/shop/order_placed.v1.schema.json")[0])["examples"][0]
    good = mega_typed.codecs.encode_document(example, binary_encoding=True).body
    done = command("mega-typed", "decode", "--events", "events", cwd=project, input=f"{good}\nhello\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# shop order.placed v1\n{\n")
    example["event"]["attributes"]["total"] = 5
    (project / "bodies.txt").write_text(json.dumps(example))
    wrong = command("mega-typed", "decode", "bodies.txt", "--events", "events", cwd=project)
    assert wrong.returncode == 1
    assert "event.attributes.total" in wrong.stderr
    assert command("mega-typed", "decode", "bodies.txt", cwd=project).returncode == 0
    assert command("mega-typed", "decode", "nowhere.txt", cwd=project).returncode == 2
    assert command("mega-typed", "decode", "--events", "nowhere", cwd=project, input="").returncode == 2


def test_the_table_of_outcomes_is_the_code() -> None:
    """Each row of README's table is a row of the table that ``disposition`` is tested with, and the other way round."""
    table = README.split("| the message | and its subscribers | is | with a dead-letter queue, is |")[1].split("\n\n")[
        0
    ]
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


def test_every_public_name_is_documented() -> None:
    """What ``mega_typed`` exports exists, has a docstring, and the list is sorted."""
    assert mega_typed.__all__ == sorted(mega_typed.__all__)
    for name in mega_typed.__all__:
        value = getattr(mega_typed, name)
        assert getattr(value, "__doc__", None), name
