"""docs/logging.md: its table is what the code writes, its example runs, and nobody writes around it."""

from __future__ import annotations

import ast
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from mega_typed import MessageSubscriber, ProcessStatus, RetryLater, SqsListener, log

from .pages import blocks
from .test_listener import QUEUE, FakeClient, message

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/logging.md").read_text(encoding="utf-8")
ROWS = {
    name: (levels.split(", "), tuple(re.findall(r"`(\w+)`", fields)))
    for name, levels, fields in re.findall(r"^\| `([\w.]+)` \| ([A-Z, ]+) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
}


def test_the_page_has_every_line() -> None:
    """Names, usual levels and fields of the table are those of the code, and each field is explained."""
    assert {line.name: line.fields for line in log.LINES} == {name: fields for name, (_, fields) in ROWS.items()}
    for line in log.LINES:
        assert logging.getLevelName(line.level) in ROWS[line.name][0]
        assert set(re.findall(r"%\((\w+)\)", line.text)) <= set(line.fields)
    explained = PAGE[PAGE.index("| field |") :]
    shared = {"message_id", "event_type", "subscriber", "status", "attempt", "latency_ms", "disposition", "reading"}
    assert all(f"`{field}`" in explained for field in shared)


def test_nobody_writes_around_it() -> None:
    """No module calls a logger itself, so that every line has its name and fields."""
    methods = {"debug", "info", "warning", "error", "critical", "exception", "log"}
    for path in (ROOT / "mega_typed").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.name != "log.py" and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = ast.unparse(node.func.value)
                assert not (node.func.attr in methods and of in ("logger", "given_up", "logging")), (path, node.lineno)


class Says(MessageSubscriber):
    """Says or raises what the text names."""

    def process(self, payload: Any) -> ProcessStatus:
        if payload == "raise!":
            raise ValueError(payload)
        if payload == "later!":
            raise RetryLater
        return ProcessStatus(payload.removesuffix("!"))


def test_lines_have_their_fields(caplog: pytest.LogCaptureFixture) -> None:
    """What a listener writes has the name and all fields of its line, and the level that the page gives the status."""
    caplog.set_level(logging.DEBUG, "mega_typed")
    bodies = ["done!", "retriable_error!", "fatal_error!", "raise!", "later!"]
    client = FakeClient([{**message(body), "Attributes": {"ApproximateReceiveCount": "3"}} for body in bodies])
    listener = SqsListener(QUEUE, client=client)
    client.finished = listener.stop
    listener.register_subscriber(Says)
    listener.listen()
    written: dict[str, list[logging.LogRecord]] = {}
    for record in caplog.records:
        written.setdefault(vars(record)["log_event"], []).append(record)
    fields = {line.name: line.fields for line in log.LINES}
    for name, records in written.items():
        for record in records:
            assert set(fields[name]) <= set(vars(record)), name
            assert record.levelname in ROWS[name][0]
    said = {vars(each)["status"]: each.levelname for each in written["subscriber.processed"]}
    assert said == {"done": "DEBUG", "retriable_error": "WARNING", "fatal_error": "ERROR", "retry_later": "INFO"}
    (failed,) = written["subscriber.failed"]
    assert (failed.levelname, vars(failed)["error"], vars(failed)["attempt"]) == ("ERROR", "ValueError", 3)
    assert all(vars(each)["latency_ms"] >= 0 for each in written["message.processed"])


def test_the_example_of_the_page_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The formatter of the page writes one JSON object a line, with the fields in it."""
    logger, root = logging.getLogger("mega_typed"), logging.getLogger()
    level, handlers = logger.level, list(root.handlers)
    try:
        for block in blocks(ROOT / "docs" / "logging.md"):
            exec(compile(block.text, "logging.md", "exec"), {"__name__": "page"})
        log.write(logging.getLogger("mega_typed.listener"), log.STOP_ABANDONED, count=2)
    finally:
        logger.setLevel(level)
        root.handlers[:] = handlers
    said = json.loads(capsys.readouterr().err)
    assert said == {
        "level": "ERROR",
        "text": "still running when the grace period ended, and given back: 2",
        "log_event": "stop.abandoned",
        "count": 2,
    }


def test_a_record_factory_of_the_program_ends_no_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where every record has one of our names already, lines are written with the program's value, and nothing raises."""
    factory = logging.getLogRecordFactory()

    def own(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = factory(*arguments, **named)
        record.__dict__["queue_url"] = "the program's"
        return record

    logging.setLogRecordFactory(own)
    try:
        with caplog.at_level(logging.INFO):
            log.write(logging.getLogger("mega_typed.listener"), log.LISTENER_STARTED, queue_url=QUEUE)
    finally:
        logging.setLogRecordFactory(factory)
    [record] = caplog.records
    assert record.getMessage() == f"listening to {QUEUE}"
    assert (record.__dict__["queue_url"], record.__dict__["log_event"]) == ("the program's", "listener.started")
