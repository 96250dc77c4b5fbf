"""An SQS in memory with the methods of a boto3 client: publishers and listeners take it as ``client=``.

This file is the face: parameters, limits, batches and answers. What happens to a message is in ``queues``. Of an
operation that is not here, Python says that there is no such attribute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from mega_typed.testing.clock import Clock
from mega_typed.testing.faults import FaultyClient, Refusal
from mega_typed.testing.limits import (
    MAX_BYTES,
    check_attributes,
    check_batch_bytes,
    check_body,
    check_entries,
    check_range,
    check_token,
    digest,
    digest_of,
    size_of,
)
from mega_typed.testing.queues import Queue, Redrive, Stored

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
PREFIX: Final = "AWS.SimpleQueueService."

_DEFAULTS: Final[Mapping[str, int]] = {
    "VisibilityTimeout": 30,
    "MaximumMessageSize": MAX_BYTES,
    "MessageRetentionPeriod": 345_600,
    "DelaySeconds": 0,
    "ReceiveMessageWaitTimeSeconds": 0,
}
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "VisibilityTimeout": (0, 43_200),
    "MaximumMessageSize": (1024, MAX_BYTES),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
}
_FIFO_DEFAULTS: Final[Mapping[str, str]] = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_OTHERS: Final = frozenset(
    {
        "Policy",
        "RedrivePolicy",
        "RedriveAllowPolicy",
        "KmsMasterKeyId",
        "KmsDataKeyReusePeriodSeconds",
        "SqsManagedSseEnabled",
    }
)
_COMPUTED: Final = frozenset(
    {
        "QueueArn",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    }
)

Observer = Callable[[str, Mapping[str, Any]], None]
"""Is told of each message that a service has accepted: queue URL or topic ARN, and the parameters of the message."""


@dataclass(slots=True, eq=False)
class _Open:
    """A queue and what it is set to."""

    url: str
    queue: Queue
    attributes: dict[str, str]
    created: float
    changed: float

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.queue.name}"

    def number(self, name: str) -> int:
        return int(self.attributes[name])


class InMemorySqs(FaultyClient):
    """An SQS in memory. Its methods are those of a boto3 client, with the same parameters, answers and errors.

    Threads may share it. It has no access control, no encryption and no limit on rates, and answers in the order of
    sending where a standard queue of AWS promises none.

    Args:
        clock: what time it is; by default a clock of its own.
        observe: is told of each message that was accepted from a caller.

    Attributes:
        clock: the clock.
    """

    service = "sqs"

    def __init__(self, clock: Clock | None = None, observe: Observer | None = None) -> None:
        super().__init__()
        self.clock = clock or Clock()
        self._observe = observe
        self._queues: dict[str, _Open] = {}

    def close(self) -> None:
        """Do nothing; a boto3 client has it."""

    # --- queues -------------------------------------------------------------------------------------------------------

    def create_queue(
        self, *, QueueName: str, Attributes: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """CreateQueue; tags are accepted and forgotten."""
        return self._run("create_queue", lambda: self._create(QueueName, dict(Attributes or {})))

    def _create(self, name: str, given: dict[str, str]) -> dict[str, Any]:
        fifo = name.endswith(".fifo")
        made_fifo = str(given.get("FifoQueue")).lower() == "true"
        fits = re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name.removesuffix(".fifo")) and len(name) <= 80
        if not fits or fifo != made_fifo:
            said = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            raise Refusal("InvalidParameterValue", f"{said}; a FIFO queue, and no other, ends in .fifo")
        url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        with self.clock.changed:
            checked = self._checked(given, fifo)
            known = self._queues.get(url)
            if known is None:
                defaults = {key: str(value) for key, value in _DEFAULTS.items()} | (
                    dict(_FIFO_DEFAULTS) if fifo else {}
                )
                now = self.clock.time()
                self._queues[url] = _Open(url, Queue(name), defaults | checked, now, now)
            else:
                for attribute, value in checked.items():
                    if known.attributes.get(attribute) != value:
                        said = "A queue already exists with the same name and a different value for attribute "
                        raise Refusal("QueueAlreadyExists", said + attribute)
        return {"QueueUrl": url}

    def _checked(self, given: Mapping[str, str], fifo: bool) -> dict[str, str]:
        allowed = {*_BOUNDS, *_OTHERS, *(_FIFO_DEFAULTS if fifo else ())}
        for name, value in given.items():
            if name not in allowed:
                raise Refusal("InvalidAttributeName", f"Unknown Attribute {name}.")
            if name in _BOUNDS:
                least, most = _BOUNDS[name]
                if not re.fullmatch(r"\d+", value) or not least <= int(value) <= most:
                    raise Refusal("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
            if name == "RedrivePolicy" and value:
                self._redrive(value, fifo)
        return {name: value for name, value in given.items() if value != "" or name not in _OTHERS}

    def _redrive(self, policy: str, fifo: bool, source: str = "") -> Redrive:
        try:
            said: Any = json.loads(policy)
            arn, maximum = str(said["deadLetterTargetArn"]), int(said["maxReceiveCount"])
        except (ValueError, TypeError, KeyError):
            maximum, arn = 0, ""
        target = next((each for each in self._queues.values() if each.arn == arn), None)
        reason = (
            "Invalid value for maxReceiveCount."
            if not 1 <= maximum <= 1000
            else "Dead letter target does not exist."
            if target is None
            else "Dead letter target must be of the same type as the source."
            if target.queue.fifo != fifo
            else ""
        )
        if target is None or reason:
            raise Refusal(
                "InvalidParameterValue", f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"
            )
        return Redrive(target.queue, maximum, source)

    def delete_queue(self, *, QueueUrl: str) -> dict[str, Any]:
        """DeleteQueue."""
        return self._run("delete_queue", lambda: self._drop(QueueUrl))

    def _drop(self, url: str) -> dict[str, Any]:
        with self.clock.changed:
            del self._queues[self._open(url).url]
            self.clock.changed.notify_all()
        return {}

    def get_queue_url(self, *, QueueName: str, QueueOwnerAWSAccountId: str | None = None) -> dict[str, Any]:
        """GetQueueUrl."""
        return self._run("get_queue_url", lambda: {"QueueUrl": self._open(QueueName).url})

    def list_queues(
        self, *, QueueNamePrefix: str = "", MaxResults: int | None = None, NextToken: str | None = None
    ) -> dict[str, Any]:
        """ListQueues, all in one answer."""
        return self._run("list_queues", lambda: self._listed(QueueNamePrefix))

    def _listed(self, prefix: str) -> dict[str, Any]:
        with self.clock.changed:
            found = [each.url for each in self._queues.values() if each.queue.name.startswith(prefix)]
        return {"QueueUrls": found} if found else {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str] = ()) -> dict[str, Any]:
        """GetQueueAttributes."""
        return self._run("get_queue_attributes", lambda: self._attributes(QueueUrl, AttributeNames))

    def _attributes(self, url: str, names: Sequence[str]) -> dict[str, Any]:
        with self.clock.changed:
            found = self._open(url)
            now = self.clock.time()
            found.queue.expire(now, found.number("MessageRetentionPeriod"))
            hidden = found.queue.count(lambda each: each.visible_at > now)
            delayed = found.queue.count(lambda each: each.visible_at > now and each.received is None)
            computed = {
                "QueueArn": found.arn,
                "CreatedTimestamp": str(int(found.created)),
                "LastModifiedTimestamp": str(int(found.changed)),
                "ApproximateNumberOfMessages": str(len(found.queue) - hidden),
                "ApproximateNumberOfMessagesNotVisible": str(hidden - delayed),
                "ApproximateNumberOfMessagesDelayed": str(delayed),
            }
            everything = {**found.attributes, **computed}
        unknown = set(names) - {"All", *_BOUNDS, *_OTHERS, *_FIFO_DEFAULTS, *_COMPUTED}
        if unknown:
            raise Refusal("InvalidAttributeName", f"Unknown Attribute {min(unknown)}.")
        chosen = everything if "All" in names else {name: everything[name] for name in names if name in everything}
        return {"Attributes": chosen} if chosen else {}

    def set_queue_attributes(self, *, QueueUrl: str, Attributes: Mapping[str, str]) -> dict[str, Any]:
        """SetQueueAttributes; it holds at once, where AWS may take a minute."""
        return self._run("set_queue_attributes", lambda: self._set(QueueUrl, Attributes))

    def _set(self, url: str, given: Mapping[str, str]) -> dict[str, Any]:
        with self.clock.changed:
            found = self._open(url)
            checked = self._checked(given, found.queue.fifo)
            found.attributes.update(checked)
            for name in given.keys() - checked.keys():
                found.attributes.pop(name, None)
            found.changed = self.clock.time()
        return {}

    def purge_queue(self, *, QueueUrl: str) -> dict[str, Any]:
        """PurgeQueue; at once, and as often as you like."""
        return self._run("purge_queue", lambda: self._purge(QueueUrl))

    def _purge(self, url: str) -> dict[str, Any]:
        with self.clock.changed:
            self._open(url).queue.purge()
        return {}

    def _open(self, url: str) -> _Open:
        """A queue by its URL, or by the name at its end, which is what AWS looks at."""
        found = self._queues.get(f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{url.rpartition('/')[2]}")
        if found is None:
            raise Refusal(f"{PREFIX}NonExistentQueue", "The specified queue does not exist.")
        return found

    # --- sending ------------------------------------------------------------------------------------------------------

    def send_message(
        self,
        *,
        QueueUrl: str,
        MessageBody: str = "",
        DelaySeconds: int | None = None,
        MessageAttributes: Mapping[str, Mapping[str, Any]] | None = None,
        MessageSystemAttributes: Mapping[str, Mapping[str, Any]] | None = None,
        MessageDeduplicationId: str | None = None,
        MessageGroupId: str | None = None,
    ) -> dict[str, Any]:
        """SendMessage."""
        entry = {
            "MessageBody": MessageBody,
            "DelaySeconds": DelaySeconds,
            "MessageAttributes": MessageAttributes,
            "MessageSystemAttributes": MessageSystemAttributes,
            "MessageDeduplicationId": MessageDeduplicationId,
            "MessageGroupId": MessageGroupId,
        }
        return self._run("send_message", lambda: self._send(QueueUrl, entry, ours=True))

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """SendMessageBatch: ten messages and 1 MiB together; each succeeds or fails alone."""
        return self._run("send_message_batch", lambda: self._send_batch(QueueUrl, Entries))

    def _send_batch(self, url: str, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        with self.clock.changed:
            found = self._open(url)
            check_entries(entries, PREFIX)
            check_batch_bytes(
                [size_of(str(each.get("MessageBody", "")), each.get("MessageAttributes") or {}) for each in entries],
                PREFIX,
            )
            if found.queue.fifo and not all(entry.get("MessageGroupId") for entry in entries):
                raise _missing("MessageGroupId")
            return self._each("send_message_batch", entries, lambda entry: self._send(url, entry, ours=True))

    def deliver_to(self, arn: str, entry: Mapping[str, Any]) -> None:
        """Put a message of a topic into a queue. Raises a `Refusal`, which a topic does not pass on."""
        with self.clock.changed:
            self._send(arn.replace(":", "/"), entry, ours=False)

    def _send(self, url: str, entry: Mapping[str, Any], *, ours: bool) -> dict[str, Any]:
        with self.clock.changed:
            found = self._open(url)
            message = self._message(found, entry)
            accepted = found.queue.accept(message, found.attributes.get("DeduplicationScope") == "messageGroup")
            self.clock.changed.notify_all()
        if ours and self._observe is not None and accepted is message:
            self._observe(found.url, entry)
        answer = {"MessageId": accepted.id, "MD5OfMessageBody": digest(message.body)}
        if message.attributes:
            answer["MD5OfMessageAttributes"] = digest_of(message.attributes)
        if accepted.sequence is not None:
            answer["SequenceNumber"] = accepted.sequence
        return answer

    def _message(self, found: _Open, entry: Mapping[str, Any]) -> Stored:
        body = check_body(entry.get("MessageBody"))
        attributes = check_attributes(entry.get("MessageAttributes") or {})
        most = found.number("MaximumMessageSize")
        if size_of(body, attributes) > most:
            said = f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            raise Refusal("InvalidParameterValue", said)
        group, deduplication = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
        delay = entry.get("DelaySeconds")
        if group is not None:
            check_token("MessageGroupId", group)
        if deduplication is not None:
            check_token("MessageDeduplicationId", deduplication)
        if found.queue.fifo:
            if group is None:
                raise _missing("MessageGroupId")
            if delay:
                raise _misplaced("DelaySeconds", delay)
            if deduplication is None:
                if found.attributes.get("ContentBasedDeduplication") != "true":
                    said = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
                    raise Refusal("InvalidParameterValue", said + "provided explicitly")
                deduplication = sha256(body.encode()).hexdigest()
            delay = None
        elif deduplication is not None:
            raise _misplaced("MessageDeduplicationId", deduplication)
        elif delay is not None:
            check_range("DelaySeconds", delay, 0, 900)
        now = self.clock.time()
        hidden = found.number("DelaySeconds") if delay is None else delay
        trace = (entry.get("MessageSystemAttributes") or {}).get("AWSTraceHeader", {}).get("StringValue")
        return Stored(body, attributes, now, now + hidden, group=group, deduplication=deduplication, trace=trace)

    # --- receiving ----------------------------------------------------------------------------------------------------

    def receive_message(
        self,
        *,
        QueueUrl: str,
        AttributeNames: Sequence[str] = (),
        MessageSystemAttributeNames: Sequence[str] = (),
        MessageAttributeNames: Sequence[str] = (),
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int | None = None,
    ) -> dict[str, Any]:
        """ReceiveMessage. How long a poll lasts that finds nothing is the clock's business; see `Clock`."""

        def receive() -> dict[str, Any]:
            check_range("MaxNumberOfMessages", MaxNumberOfMessages, 1, 10)
            check_range("VisibilityTimeout", VisibilityTimeout or 0, 0, 43_200)
            check_range("WaitTimeSeconds", WaitTimeSeconds or 0, 0, 20)
            with self.clock.changed:
                opened = self._open(QueueUrl)
                usual = opened.number("ReceiveMessageWaitTimeSeconds")
                wait = usual if WaitTimeSeconds is None else WaitTimeSeconds
                taken = self.clock.wait_for(
                    lambda: self._take(QueueUrl, MaxNumberOfMessages, VisibilityTimeout),
                    wait,
                    lambda: opened.queue.next_moment(self.clock.time()),
                )
                system = {*AttributeNames, *MessageSystemAttributeNames}
                messages = [_shown(each, system, MessageAttributeNames) for each in taken]
            return {"Messages": messages} if messages else {}

        return self._run("receive_message", receive)

    def _take(self, url: str, most: int, hidden: int | None) -> list[Stored]:
        found = self._open(url)  # it may be deleted during a long poll
        now = self.clock.time()
        found.queue.expire(now, found.number("MessageRetentionPeriod"))
        policy = found.attributes.get("RedrivePolicy")
        redrive: Redrive | None = None
        with suppress(Refusal):  # the dead-letter queue is gone: messages stay where they are
            redrive = self._redrive(policy, found.queue.fifo, found.arn) if policy else None
        return found.queue.receive(now, most, found.number("VisibilityTimeout") if hidden is None else hidden, redrive)

    # --- acknowledging ------------------------------------------------------------------------------------------------

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        """DeleteMessage."""
        return self._run("delete_message", lambda: self._delete(QueueUrl, {"ReceiptHandle": ReceiptHandle}))

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """DeleteMessageBatch."""
        return self._run(
            "delete_message_batch",
            lambda: self._acknowledge("delete_message_batch", QueueUrl, Entries, self._delete),
        )

    def _delete(self, url: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        with self.clock.changed:
            self._open(url).queue.delete(entry["ReceiptHandle"], self.clock.time())
            self.clock.changed.notify_all()
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:
        """ChangeMessageVisibility."""
        entry = {"ReceiptHandle": ReceiptHandle, "VisibilityTimeout": VisibilityTimeout}
        return self._run("change_message_visibility", lambda: self._hide(QueueUrl, entry))

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """ChangeMessageVisibilityBatch."""
        return self._run(
            "change_message_visibility_batch",
            lambda: self._acknowledge("change_message_visibility_batch", QueueUrl, Entries, self._hide),
        )

    def _hide(self, url: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        seconds = check_range("VisibilityTimeout", entry.get("VisibilityTimeout") or 0, 0, 43_200)
        with self.clock.changed:
            self._open(url).queue.change_visibility(entry["ReceiptHandle"], seconds, self.clock.time())
            self.clock.changed.notify_all()
        return {}

    def _acknowledge(
        self,
        method: str,
        url: str,
        entries: Sequence[Mapping[str, Any]],
        act: Callable[[str, Mapping[str, Any]], dict[str, Any]],
    ) -> dict[str, Any]:
        with self.clock.changed:
            self._open(url)
            check_entries(entries, PREFIX)
            return self._each(method, entries, lambda entry: act(url, entry))

    # --- for tests ----------------------------------------------------------------------------------------------------

    def next_moment(self, queue_url: str | None = None) -> float | None:
        """When the next hidden or delayed message becomes visible, in seconds since 1970; ``None`` if there is none.

        Args:
            queue_url: of this queue; of all queues when omitted.
        """
        with self.clock.changed:
            found = self._queues.values() if queue_url is None else [self._open(queue_url)]
            moments = [each.queue.next_moment(self.clock.time()) for each in found]
        return min((moment for moment in moments if moment is not None), default=None)


def _missing(parameter: str) -> Refusal:
    return Refusal("MissingParameter", f"The request must contain the parameter {parameter}.")


def _misplaced(parameter: str, value: object) -> Refusal:
    said = "Reason: The request include parameter that is not valid for this queue type."
    return Refusal("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. {said}")


def _shown(message: Stored, system: set[str], wanted: Sequence[str]) -> dict[str, Any]:
    """A message as ReceiveMessage answers it, with the attributes that were asked for."""
    shown: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": digest(message.body),
        "Body": message.body,
    }
    everything = {
        "SenderId": ACCOUNT,
        "SentTimestamp": str(int(message.sent * 1000)),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": str(int((message.first_received or 0.0) * 1000)),
        "MessageGroupId": message.group,
        "MessageDeduplicationId": message.deduplication,
        "SequenceNumber": message.sequence,
        "AWSTraceHeader": message.trace,
        "DeadLetterQueueSourceArn": message.source,
    }
    chosen = {k: v for k, v in everything.items() if v is not None and ("All" in system or k in system)}
    if chosen:
        shown["Attributes"] = chosen
    attributes = {name: value for name, value in message.attributes.items() if _is_wanted(name, wanted)}
    if attributes:
        shown["MessageAttributes"] = attributes
        shown["MD5OfMessageAttributes"] = digest_of(attributes)
    return shown


def _is_wanted(name: str, wanted: Sequence[str]) -> bool:
    return any(each in ("All", ".*", name) or (each.endswith(".*") and name.startswith(each[:-2])) for each in wanted)
