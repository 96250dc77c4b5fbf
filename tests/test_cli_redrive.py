"""``mega-typed redrive``: the real command against a server over HTTP, also killed in the middle."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.commands.dead_letter import restored
from mega_typed.dead_letters import REASON_ATTRIBUTE, dead_letter
from mega_typed.dispatch import Disposition, Outcome, Reading
from mega_typed.idempotency import MemoryStore
from mega_typed.listener import SqsListener
from mega_typed.local import LocalAws
from mega_typed.subscribers import MessageSubscriber, ProcessStatus

from generated.shopping_cart import ItemAdded, ItemAddedSubscriber, ItemRemoved
from tests.command_line import attributes, bodies, objects, run, start

Factory = Callable[..., str]

ADDED = ItemAdded(item_id=UUID(int=1), quantity=5).to_json().decode()
BULK = ItemAdded(item_id=UUID(int=2), quantity=50).to_json().decode()
REMOVED = ItemRemoved(item_id=UUID(int=1), quantity=5).to_json().decode()
INVALID = ADDED.replace('"quantity":5', '"quantity":0')
HANDLERS = """
from generated.shopping_cart import ItemAddedSubscriber
from mega_typed.match import gt
class Bulk(ItemAddedSubscriber):
    attributes = {"quantity": gt(10)}
    def process(self, event): ...
nothing = 5
"""


class Failing(ItemAddedSubscriber):
    """Wants nothing it is given."""

    def process(self, event: ItemAdded) -> ProcessStatus:
        return ProcessStatus.FATAL_ERROR


def reason(kind: str, **more: Any) -> dict[str, Any]:
    """The attribute of a dead letter."""
    text = json.dumps({"kind": kind, **more})
    return {"MessageAttributes": {REASON_ATTRIBUTE: {"DataType": "String", "StringValue": text}}}


@pytest.fixture
def queues(queue: Factory, sqs: Any) -> tuple[str, str]:
    """A queue, and the dead-letter queue that its redrive policy names."""
    dead = queue()
    policy = {"deadLetterTargetArn": attributes(sqs, dead)["QueueArn"], "maxReceiveCount": "100"}
    return queue(RedrivePolicy=json.dumps(policy)), dead


@pytest.fixture
def filled(queues: tuple[str, str], sqs: Any) -> tuple[str, str]:
    """Dead letters of several kinds in it."""
    for body, why in (
        (ADDED, reason("fatal_error", subscribers=[{"subscriber": "BigOrder"}])),
        (BULK, reason("attempts_used_up")),
        (REMOVED, reason("attempts_used_up")),
        (INVALID, reason("invalid")),
        ("hello", {}),
        ('{"protocol":"mega","version":1,"event":', reason("undecodable")),
    ):
        sqs.send_message(QueueUrl=queues[1], MessageBody=body, **why)
    return queues


def names(bodies: list[str]) -> set[str]:
    known = {ADDED: "added", BULK: "bulk", REMOVED: "removed", INVALID: "invalid", "hello": "hello"}
    return {known.get(body, "broken") for body in bodies}


ALL = {"added", "bulk", "removed", "invalid", "hello", "broken"}


@pytest.mark.parametrize(
    ("options", "moved", "status"),
    [
        (["--events", "generated"], {"added", "bulk", "removed", "hello"}, 1),
        (["--events", "generated", "--force"], ALL, 0),
        ([], {"added", "bulk", "removed", "invalid", "hello"}, 1),
        (["--kind", "attempts_used_up"], {"bulk", "removed"}, 0),
        (["--kind", "unknown", "--kind", "fatal_error"], {"hello", "added"}, 0),
        (["--kind", "attempts_used_up", "--event-type", "shopping_cart/item.removed"], {"removed"}, 0),
        (["--event-type", "shopping_cart/item.added/1", "--events", "generated"], {"added", "bulk"}, 1),
        (["--event-type", "shopping_cart/item.added/2"], set(), 0),
        (["--subscriber", "BigOrder"], {"added"}, 0),
        (["--pattern", "handlers:Bulk"], {"bulk"}, 0),
    ],
)
def test_what_is_selected_is_moved(
    options: list[str], moved: set[str], status: int, aws: LocalAws, filled: tuple[str, str], sqs: Any, tmp_path: Path
) -> None:
    """A dry run moves nothing and announces what ``--execute`` then does; all else stays where it is."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    source, dead = filled
    arguments = ("redrive", dead, *options, "--format", "json")
    dry = run(*arguments, aws=aws, path=tmp_path)
    [announced] = objects(dry)
    assert (dry.returncode, announced["moved"], announced["would_move"]) == (status, 0, len(moved))
    assert sum(row["count"] for row in announced["rows"]) == len(ALL)
    assert attributes(sqs, source)["ApproximateNumberOfMessages"] == "0"
    done = run(*arguments, "--execute", aws=aws, path=tmp_path)
    assert (done.returncode, objects(done)[0]["moved"], done.stderr) == (status, len(moved), "")
    assert names(bodies(sqs, source)) == moved
    assert names(bodies(sqs, dead)) == ALL - moved


def test_the_table_says_what_is_there(aws: LocalAws, filled: tuple[str, str], sqs: Any) -> None:
    """People see kind, event type, validity today, count, age and fate, and how to do it."""
    done = run("redrive", filled[1], "--events", "generated", aws=aws)
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    table = [[cell.strip() for cell in line if cell.strip()] for line in lines if len(line) > 1]
    assert table[0] == ["KIND", "WHAT", "TODAY", "COUNT", "OLDEST", "FATE"]
    rows = {tuple(row[:4]): row[5] for row in table[1:]}
    assert rows["invalid", "shopping_cart item.added v1", "invalid", "1"] == "stays: not valid"
    assert rows["unknown", "text", "unchecked", "1"] == "would move"
    assert "add --execute" in done.stdout


@given(
    attributes=st.dictionaries(
        st.text("abcdef.-_", min_size=1, max_size=5),
        st.one_of(
            st.builds(lambda text: {"DataType": "String", "StringValue": text}, st.text(min_size=1)),
            st.builds(lambda data: {"DataType": "Binary.png", "BinaryValue": data}, st.binary(min_size=1)),
            st.just({"DataType": "Number", "StringValue": "5"}),
        ),
        max_size=10,
    ),
    body=st.text(min_size=1),
    trace=st.sampled_from([{}, {"AWSTraceHeader": "Root=1"}]),
    fifo=st.booleans(),
)
def test_a_restored_message_is_what_it_was(
    attributes: dict[str, Any], body: str, trace: dict[str, str], fifo: bool
) -> None:
    """Dead-lettered and restored, a message has its body, attributes (ten, binary ones too), trace, group, and its id."""
    system = {**trace, **({"MessageGroupId": "g"} if fifo else {})}
    message = {"MessageId": "m", "Body": body, "MessageAttributes": attributes, "Attributes": system}
    outcome = Outcome(Disposition.DEAD_LETTER, Reading.EVENT)
    sent = dead_letter("http://q.fifo" if fifo else "http://q", message, outcome)
    assert len(sent["MessageAttributes"]) <= 10
    received = {
        "MessageId": "d", "Body": sent["MessageBody"], "MessageAttributes": sent["MessageAttributes"], "Attributes": system,
    }  # fmt: skip
    back = restored(received, fifo=fifo)
    origin = {"DataType": "String", "StringValue": "m"}
    expected = attributes if len(attributes) == 10 else {**attributes, "mega-message-id": origin}
    assert (back["MessageBody"], back.get("MessageAttributes", {})) == (body, expected)
    assert back.get("MessageSystemAttributes", {}).get("AWSTraceHeader", {}).get("StringValue") == trace.get(
        "AWSTraceHeader"
    )
    assert (back.get("MessageGroupId"), back.get("MessageDeduplicationId")) == (("g", "d") if fifo else (None, None))


STRANGE: list[Any] = [None, 5, "x", [], {"kind": 5}, {"more_attributes": [1]}, {"subscribers": {"a": 1}, "faults": [5]}]


@pytest.mark.parametrize("written", STRANGE)
def test_a_reason_of_a_stranger_breaks_nothing(written: Any, aws: LocalAws, queues: tuple[str, str], sqs: Any) -> None:
    """An attribute that only has our name is no reason: the message is of kind unknown, is shown, and moves."""
    attribute = {REASON_ATTRIBUTE: {"DataType": "String", "StringValue": json.dumps(written)}}
    sqs.send_message(QueueUrl=queues[1], MessageBody="x", MessageAttributes=attribute)
    assert run("peek", queues[1], aws=aws).returncode == 0
    [done] = objects(run("redrive", queues[1], "--kind", "unknown", "--execute", "--format", "json", aws=aws))
    assert done["moved"] == 1


def test_what_a_listener_buried_is_processed_again(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """From a listener's dead-letter queue, which no redrive policy names, back with ``--to``: the same message."""
    url, dead = queue(), queue()
    kept = {f"a{number}": {"DataType": "String", "StringValue": str(number)} for number in range(10)}
    sqs.send_message(QueueUrl=url, MessageBody=ADDED, MessageAttributes=kept)
    listener = SqsListener(url, dead_letter_queue_url=dead, wait_time_seconds=0, **aws)
    listener.register_subscriber(Failing)
    listener.poll_once()
    refused = run("redrive", dead, aws=aws)
    assert (refused.returncode, "--to" in refused.stderr) == (2, True)
    done = run("redrive", dead, "--to", url, "--kind", "fatal_error", "--subscriber", "Failing", "--execute", aws=aws)
    assert done.returncode == 0, done.stderr
    [back] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert {name: parts["StringValue"] for name, parts in back["MessageAttributes"].items()} == {
        name: parts["StringValue"] for name, parts in kept.items()
    }
    assert bodies(sqs, dead) == []


def test_a_redriven_message_goes_only_to_those_that_still_need_it(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """With an idempotency store, who has completed a message is not given it again when it comes back as another one."""
    url, dead = queue(), queue()
    calls: list[str] = []

    class Done(MessageSubscriber):
        def process(self, payload: Any) -> None:
            calls.append("done")

    class Broken(MessageSubscriber):
        def process(self, payload: Any) -> None:
            calls.append("broken")
            if calls.count("broken") == 1:
                raise ValueError("not yet")

    listener = SqsListener(url, dead_letter_queue_url=dead, wait_time_seconds=0, idempotency=MemoryStore(), **aws)
    for subscriber in (Done, Broken):
        listener.register_subscriber(subscriber)
    sqs.send_message(QueueUrl=url, MessageBody="once!")
    listener.poll_once()
    done = run("redrive", dead, "--to", url, "--execute", aws=aws)
    assert done.returncode == 0, done.stderr
    listener.poll_once()
    assert calls == ["done", "broken", "broken"]
    assert (bodies(sqs, url), bodies(sqs, dead)) == ([], [])


def test_what_sqs_moved_by_itself_goes_back(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """A message that a redrive policy moved has no reason; it is of kind unknown, and moves as it is."""
    dead = queue()
    policy = {"deadLetterTargetArn": attributes(sqs, dead)["QueueArn"], "maxReceiveCount": "1"}
    source = queue(RedrivePolicy=json.dumps(policy))
    sqs.send_message(QueueUrl=source, MessageBody=ADDED)
    for _ in range(2):
        sqs.receive_message(QueueUrl=source, VisibilityTimeout=0)
    [done] = objects(run("redrive", dead, "--execute", "--format", "json", aws=aws))
    assert [(row["kind"], row["fate"]) for row in done["rows"]] == [("unknown", "moved")]
    assert bodies(sqs, source) == [ADDED]


def test_groups_keep_their_order(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """On FIFO queues a message keeps its group, and those of a group their order."""
    source, dead = queue(fifo=True), queue(fifo=True)
    for number in range(25):
        sqs.send_message(QueueUrl=dead, MessageBody=f"{number % 2} {number:02}", MessageGroupId=f"g{number % 2}")
    [done] = objects(run("redrive", dead, "--to", source, "--execute", "--format", "json", aws=aws))
    assert (done["moved"], bodies(sqs, dead)) == (25, [])
    found: list[tuple[str, str]] = []
    while messages := sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10, AttributeNames=["All"]).get(
        "Messages"
    ):
        for message in messages:
            found.append((message["Attributes"]["MessageGroupId"], message["Body"]))
            sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
    for group in ("g0", "g1"):
        assert [body for of, body in found if of == group] == [
            f"{n % 2} {n:02}" for n in range(25) if f"g{n % 2}" == group
        ]


def test_equal_messages_of_a_fifo_queue_stay_two(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """Two dead letters with the same body, to a queue that de-duplicates by content, and that has just seen it."""
    source, dead = queue(fifo=True), queue(fifo=True)
    for number in range(2):
        sqs.send_message(QueueUrl=dead, MessageBody="tick", MessageGroupId="g", MessageDeduplicationId=f"{number}")
    sqs.send_message(QueueUrl=source, MessageBody="tick", MessageGroupId="g")
    run("redrive", dead, "--to", source, "--execute", aws=aws)
    assert bodies(sqs, source) == ["tick"] * 3


def test_a_target_that_refuses_keeps_the_message(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """What the target does not accept is not deleted; the status is that of a service that refused."""
    dead = queue()
    sqs.send_message(QueueUrl=dead, MessageBody="x")
    done = run("redrive", dead, "--to", dead.rpartition("/")[0] + "/nowhere", "--execute", "--format", "json", aws=aws)
    assert done.returncode == 3
    assert bodies(sqs, dead) == ["x"]


def test_the_limit_and_the_rate_hold(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """``--limit`` moves so many and no more; a rate slows it down and changes nothing else."""
    source, dead = queue(), queue()
    for number in range(8):
        sqs.send_message(QueueUrl=dead, MessageBody=str(number))
    common = ("redrive", dead, "--to", source, "--execute", "--format", "json")
    assert objects(run(*common, "--limit", "3", aws=aws))[0]["moved"] == 3
    assert attributes(sqs, dead)["ApproximateNumberOfMessages"] == "5"
    assert objects(run(*common, "--rate", "5/s", aws=aws))[0]["moved"] == 5
    assert sorted(bodies(sqs, source)) == [str(number) for number in range(8)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_move_that_is_killed_loses_nothing_and_goes_on(
    how: signal.Signals, aws: LocalAws, queue: Factory, sqs: Any
) -> None:
    """Killed in the middle, every message is in one of the two queues; the same command again moves the rest."""
    source, dead = queue(), queue()
    sent = [str(number) for number in range(30)]
    for body in sent:
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    common = ("redrive", dead, "--to", source, "--execute", "--hold", "2")
    with start(*common, "--rate", "8/s", aws=aws) as move:
        while int(attributes(sqs, source)["ApproximateNumberOfMessages"]) < 5:
            assert move.poll() is None
            time.sleep(0.02)
        move.send_signal(how)
        move.communicate(timeout=60)
    assert move.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[how]
    moved = Counter(bodies(sqs, source))
    assert 5 <= len(moved) < 30
    for _ in range(20):  # what was in hand comes back within two seconds
        assert run(*common, aws=aws).returncode == 0
        moved.update(bodies(sqs, source))
        if len(moved) == 30:
            break
        time.sleep(0.2)
    assert sorted(moved, key=int) == sent
    assert bodies(sqs, dead) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--event-type", "x"], "domain/name/version"),
        (["--rate", "fast"], "50/s"),
        (["--rate", "0/s"], "50/s"),
        (["--limit", "0"], "1 or more"),
        (["--pattern", "handlers"], "package.module:Name"),
        (["--pattern", "handlers:nothing"], "no subscriber class"),
        (["--pattern", "handlers:Bulky"], "did you mean Bulk?"),
        (["--pattern", "nohandlers:Bulk"], "cannot import nohandlers"),
        (["--events", "nowhere"], "cannot import nowhere"),
    ],
)
def test_mistakes_are_said_in_one_line(arguments: list[str], said: str, aws: Mapping[str, Any], tmp_path: Path) -> None:
    """A wrong argument ends with status 2 and one line that names it."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    done = run("redrive", "q", *arguments, aws=aws, path=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
