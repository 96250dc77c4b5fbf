"""``mega-typed decode``, ``peek`` and ``tail``: the real command against a server over HTTP."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from mega_typed.codecs import encode_document
from mega_typed.commands.terminal import safe
from mega_typed.local import LocalAws
from mega_typed.offload import S3Payloads
from mega_typed.publishers import SqsPublisher

from generated.shopping_cart import ItemAdded
from tests.command_line import attributes, bodies, objects, run, start

Factory = Callable[..., str]

ADDED = ItemAdded(item_id=UUID(int=1), quantity=5)
GOOD = ADDED.to_json().decode()
BAD = GOOD.replace('"quantity":5', '"quantity":0')
BSON = encode_document(json.loads(GOOD), binary_encoding=True).body
SENT = {"MessageId": "m", "Body": BSON, "MessageAttributes": {}}


def linked(sqs: Any, queue: Factory, most: int) -> tuple[str, str]:
    """A queue with a redrive policy, and its dead-letter queue."""
    dead = queue()
    policy = {"deadLetterTargetArn": attributes(sqs, dead)["QueueArn"], "maxReceiveCount": str(most)}
    return queue(RedrivePolicy=json.dumps(policy)), dead


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        (BSON, ["valid"]),
        (f"{GOOD}\n{BSON}\nhello", ["valid", "valid", "text"]),
        (json.dumps([SENT, SENT]), ["valid", "valid"]),
        (json.dumps({"Messages": [SENT]}, indent=2), ["valid"]),
        (json.dumps({"Records": [{"messageId": "m", "body": GOOD, "messageAttributes": {}}]}), ["valid"]),
        (f"{json.dumps(SENT)}\n{json.dumps(SENT)}", ["valid", "valid"]),
        (json.dumps({"Body": "of a payload"}), ["data"]),
        (json.dumps({"Messages": []}), ["data"]),
        (BAD, ["invalid"]),
        ("{", ["text"]),
        ('{"a":\ud800}'.encode("utf-8", "replace").decode(), ["unreadable"]),
    ],
)
def test_decode_takes_bodies_and_messages(given: str, kinds: list[str]) -> None:
    """Bodies by lines, and messages as the AWS CLI and Lambda write them, are the same for ``decode``."""
    done = run("decode", "--events", "generated", "--format", "json", input=given)
    found = objects(done)
    assert [each["kind"] if each["verdict"] == "unchecked" else each["verdict"] for each in found] == kinds
    assert done.returncode == int(bool({"invalid", "unreadable"} & set(kinds)))
    assert done.stderr == ""


def test_decode_reads_what_a_queue_holds(tmp_path: Path) -> None:
    """It prints BSON as JSON with the event type, and its status says whether all is valid, wrong, or not there."""
    done = run("decode", "--events", "generated", input=f"{BSON}\nhello\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# shopping_cart item.added v1\n{\n")
    wrong = tmp_path / "bodies.txt"
    wrong.write_text(BAD)
    assert run("decode", str(wrong), "--events", "generated").returncode == 1
    assert run("decode", str(wrong)).returncode == 0
    assert run("decode", "nowhere.txt").returncode == 2
    assert run("decode", "--events", "nowhere", input="").returncode == 2


def test_decode_says_where_an_event_is_not_valid() -> None:
    """The document is shown all the same, and each fault has its path, for people and for programs."""
    done = run("decode", "--events", "generated", input=BAD)
    assert '"quantity": 0' in done.stdout
    assert "event.attributes.quantity" in done.stderr
    [found] = objects(run("decode", "--events", "generated", "--format", "json", input=BAD))
    assert found["event_type"] == {"domain": "shopping_cart", "name": "item.added", "version": 1}
    assert [fault["path"] for fault in found["faults"]] == ["event.attributes.quantity"]


def test_what_strangers_write_cannot_steer_a_terminal() -> None:
    """Control characters and changes of direction are spelt out; tabs, newlines and letters stay."""
    assert safe("a\tb\nä\x1b[2J\x9b\u202e") == "a\tb\nä\\u001b[2J\\u009b\\u202e"


def test_peek_shows_messages_and_leaves_them(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """Each message is shown once, with type, validity and receive count; afterwards all are visible and unchanged."""
    url = queue()
    for body in (GOOD, BAD, "hello"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    arguments = ("peek", url.rpartition("/")[2], "--events", "generated")
    text = run(*arguments, aws=aws)
    assert (text.returncode, text.stderr.count("\n")) == (0, 1)
    assert "each look counts as a delivery" in text.stderr
    assert "shopping_cart item.added v1  valid  received 1 time" in text.stdout
    assert "event.attributes.quantity: " in text.stdout
    again = objects(run(*arguments, "--format", "json", aws=aws))
    assert sorted(each["verdict"] for each in again) == ["invalid", "unchecked", "valid"]
    assert {each["receive_count"] for each in again} == {2}
    assert sorted(bodies(sqs, url)) == sorted([GOOD, BAD, "hello"])


def test_peek_is_bounded(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """``--limit`` holds across several receives, and the empty queue is said."""
    url = queue()
    assert "no message is visible" in run("peek", url, aws=aws).stderr
    for number in range(15):
        sqs.send_message(QueueUrl=url, MessageBody=f"text {number}")
    assert len({each["message_id"] for each in objects(run("peek", url, "--limit", "12", "--format", "json", aws=aws))}) == 12  # fmt: skip
    assert len(bodies(sqs, url)) == 15


def test_peek_warns_where_looks_count(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """With a redrive policy it warns, says when a look was the last, and does not look where one moves the message."""
    url, _ = linked(sqs, queue, 2)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    first, second = run("peek", url, aws=aws), run("peek", url, aws=aws)
    assert "after 2 deliveries" in first.stderr
    assert "it was their last" not in first.stderr
    assert "it was their last" in second.stderr
    once, dead = linked(sqs, queue, 1)
    sqs.send_message(QueueUrl=once, MessageBody="y")
    refused = run("peek", once, aws=aws)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--force" in refused.stderr
    assert (bodies(sqs, once), bodies(sqs, dead)) == (["y"], [])


def test_tail_shows_what_comes(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """Each message is shown once, the later one as well; Ctrl-C ends it with 130, and all messages are still there."""
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="first")
    with start("tail", url, "--interval", "1", "--format", "json", aws=aws) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["text"] == "first"
        sqs.send_message(QueueUrl=url, MessageBody="second")
        assert json.loads(tail.stdout.readline())["text"] == "second"
        tail.send_signal(signal.SIGINT)
        out, err = tail.communicate(timeout=60)
    assert (tail.returncode, out, err.count("\n")) == (130, "", 1)
    assert "each look counts as a delivery" in err
    assert sorted(bodies(sqs, url)) == ["first", "second"]


def test_tail_moves_nothing_away(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """Before its looks use up the deliveries of a redrive policy it ends, and a consumer still gets the message."""
    url, dead = linked(sqs, queue, 4)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    done = run("tail", url, "--interval", "1", aws=aws)
    assert done.returncode == 1
    assert "one delivery left" in done.stderr
    assert (bodies(sqs, url), bodies(sqs, dead)) == (["x"], [])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_look_that_is_killed_loses_nothing(how: signal.Signals, aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """Killed with messages in hand, they are there again: at once when it could give them back, else after the hold."""
    url = queue()
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=f"text {number}")
    with start("tail", url, "--hold", "2", "--at-once", "100", "--format", "json", aws=aws) as tail:
        assert tail.stdout is not None
        tail.stdout.readline()  # while the look goes on
        tail.send_signal(how)
        tail.communicate(timeout=60)
    assert tail.returncode == {signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}[how]
    found = bodies(sqs, url)
    for _ in range(100):  # the hold lasts two seconds
        if len(found) == 5:
            break
        time.sleep(0.1)
        found += bodies(sqs, url)
    assert sorted(found) == [f"text {number}" for number in range(5)]


def test_payloads_in_s3_are_looked_into(aws: LocalAws, queue: Factory, session: Any) -> None:
    """With ``--bucket`` a message whose payload lies in S3 is shown, validated and selected like any other."""
    url, target, bucket = queue(), queue(), "payloads-of-messages"
    s3 = session.client("s3", endpoint_url=aws["endpoint_url"])
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws["region_name"]})
    publisher = SqsPublisher(url, max_message_bytes=1024, offload=S3Payloads(bucket, **aws), **aws)
    publisher.publish(ItemAdded(item_id=UUID(int=1), quantity=5, extra={"long": "x" * 2_000}))
    common = ("--bucket", bucket, "--events", "generated", "--format", "json")
    [found] = objects(run("peek", url, *common, aws=aws))
    assert (found["verdict"], len(found["payload"]["extra"]["long"])) == ("valid", 2_000)
    selected = ("--event-type", "shopping_cart/item.added/1", "--to", target)
    [done] = objects(run("redrive", url, *selected, *common, "--execute", aws=aws))
    assert done["moved"] == 1
    [again] = objects(run("peek", target, *common, aws=aws))
    assert again["verdict"] == "valid"
    [without] = objects(run("peek", target, "--format", "json", aws=aws))
    assert (without["kind"], without["event_type"]["name"]) == ("offloaded", "item.added")
    assert "shopping_cart item.added v1 in S3  unchecked" in run("peek", target, aws=aws).stdout
    s3.close()
