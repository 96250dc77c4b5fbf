"""Where test messages travel: an SNS, SQS and S3 in memory, or a server that speaks their protocols.

Both are used in the same way, so that a test does not know which of them it runs against. What was published is
remembered, for ``assert_published``. boto3 is imported for a server only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from mega_typed.envelopes import Record
from mega_typed.filter_policy import FilterPolicy
from mega_typed.local import LocalAws, local_aws
from mega_typed.testing.clock import Clock
from mega_typed.testing.s3 import InMemoryS3
from mega_typed.testing.sns import InMemorySns
from mega_typed.testing.sqs import InMemorySqs

__all__ = ["InMemoryTransport", "PublishedMessage", "ServerTransport", "Transport"]


@dataclass(frozen=True, slots=True)
class PublishedMessage:
    """A message that SQS or SNS has accepted from a publisher.

    Attributes:
        destination: the queue URL or topic ARN.
        record: the message as a consumer would see it, without an envelope of SNS.
        group_id: its message group.
        deduplication_id: as it was given.
        delay_seconds: as it was given.
    """

    destination: str
    record: Record
    group_id: str | None = None
    deduplication_id: str | None = None
    delay_seconds: int | None = None

    @classmethod
    def of(cls, destination: str, entry: Mapping[str, Any]) -> PublishedMessage:
        """Read the parameters of SendMessage or Publish, or of an entry of their batches."""
        message = {
            "Body": entry.get("MessageBody") or entry.get("Message") or "",
            "MessageAttributes": entry.get("MessageAttributes"),
        }
        return cls(
            destination,
            Record.from_sqs(message),
            entry.get("MessageGroupId"),
            entry.get("MessageDeduplicationId"),
            entry.get("DelaySeconds"),
        )


class Transport:
    """What the two have in common: clients, queues, topics, and what was published.

    Attributes:
        sqs: an SQS client, for publishers and listeners: ``SqsListener(url, client=transport.sqs)``.
        sns: an SNS client.
        s3: an S3 client.
        published: what publishers have sent, in order; not what SNS has delivered to queues.
    """

    sqs: Any
    sns: Any
    s3: Any

    def __init__(self) -> None:
        self.published: list[PublishedMessage] = []
        self._queues: list[str] = []
        self._topics: list[str] = []

    def advance(self, seconds: float | timedelta) -> None:
        """Let time pass. In memory it passes at once; a server's time can only be waited for.

        Args:
            seconds: how long.
        """
        raise NotImplementedError

    def skip_to_next_message(self) -> bool:
        """Let time pass until the next hidden or delayed message becomes visible, in memory.

        Returns:
            Whether there is one now. A server's time cannot be moved: no.
        """
        return False

    def queue(
        self,
        name: str | None = None,
        *,
        fifo: bool = False,
        dead_letter_queue_url: str | None = None,
        max_receive_count: int = 3,
        **attributes: str | int,
    ) -> str:
        """Create a queue.

        Args:
            name: its name; one that nobody has, when omitted. ``.fifo`` is added where it is needed.
            fifo: a FIFO queue, with de-duplication by content.
            dead_letter_queue_url: where SQS moves messages that were received too often.
            max_receive_count: how often they may be received before that.
            attributes: more attributes, as AWS names them: ``VisibilityTimeout=5``.

        Returns:
            The queue URL.
        """
        given = {key: str(value) for key, value in attributes.items()}
        if fifo:
            given = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **given}
        if dead_letter_queue_url is not None:
            target = self.arn(dead_letter_queue_url)
            given["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": max_receive_count})
        created = self.sqs.create_queue(QueueName=_named(name, "queue", fifo), Attributes=given)
        self._queues.append(str(created["QueueUrl"]))
        return self._queues[-1]

    def arn(self, queue_url: str) -> str:
        """The ARN of a queue."""
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def topic(self, name: str | None = None, *, fifo: bool = False, **attributes: str | int) -> str:
        """Create a topic.

        Args:
            name: its name; one that nobody has, when omitted. ``.fifo`` is added where it is needed.
            fifo: a FIFO topic, with de-duplication by content.
            attributes: more attributes, as AWS names them.

        Returns:
            The topic ARN.
        """
        given = {key: str(value) for key, value in attributes.items()}
        if fifo:
            given = {"FifoTopic": "true", "ContentBasedDeduplication": "true", **given}
        created = self.sns.create_topic(Name=_named(name, "topic", fifo), Attributes=given)
        self._topics.append(str(created["TopicArn"]))
        return self._topics[-1]

    def subscribe(
        self, topic_arn: str, queue_url: str, *, raw: bool = False, filter_policy: FilterPolicy | None = None
    ) -> str:
        """Subscribe a queue to a topic.

        Args:
            topic_arn: the topic.
            queue_url: the queue.
            raw: deliver the message without the envelope of SNS.
            filter_policy: which messages; all when omitted.

        Returns:
            The subscription ARN.
        """
        attributes = {"RawMessageDelivery": "true"} if raw else {}
        if filter_policy is not None:
            attributes |= filter_policy.attributes()
        endpoint = self.arn(queue_url)
        made = self.sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)
        return str(made["SubscriptionArn"])

    def waiting(self, queue_url: str) -> int:
        """How many messages a queue holds: visible, in hand or delayed."""
        names = ["", "NotVisible", "Delayed"]
        wanted = [f"ApproximateNumberOfMessages{each}" for each in names]
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=wanted)["Attributes"]
        return sum(int(found.get(each, 0)) for each in wanted)

    def _observe(self, destination: str, entry: Mapping[str, Any]) -> None:
        self.published.append(PublishedMessage.of(destination, entry))


def _named(name: str | None, kind: str, fifo: bool) -> str:
    chosen = name or f"{kind}-{uuid4().hex}"
    return f"{chosen}.fifo" if fifo and not chosen.endswith(".fifo") else chosen


class InMemoryTransport(Transport):
    """An SNS, SQS and S3 in memory, under a clock that the test moves. Threads may share it.

    Args:
        clock: the clock; a new one by default.

    Attributes:
        clock: the clock.
    """

    sqs: InMemorySqs
    sns: InMemorySns
    s3: InMemoryS3

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock or Clock()
        self.sqs = InMemorySqs(self.clock, self._observe)
        self.sns = InMemorySns(self.sqs, self._observe)
        self.s3 = InMemoryS3()

    def advance(self, seconds: float | timedelta) -> None:
        """Move the clock."""
        self.clock.advance(seconds)

    def skip_to_next_message(self) -> bool:
        """Move the clock; see `Transport.skip_to_next_message`."""
        moment = self.sqs.next_moment()
        if moment is None:
            return False
        self.clock.move_to(moment)
        return True


class ServerTransport(Transport):
    """A server that speaks the protocols of SNS and SQS: a test account, an emulator, or the embedded one.

    Queues and topics that it creates are deleted by `close`.

    Args:
        aws: what ``boto3.client`` needs to reach it: ``endpoint_url``, ``region_name`` and the two access keys.
    """

    def __init__(self, aws: LocalAws) -> None:
        super().__init__()
        import boto3

        self.sqs, self.sns, self.s3 = (boto3.client(name, **aws) for name in ("sqs", "sns", "s3"))
        for client, operations in ((self.sqs, _SQS), (self.sns, _SNS)):
            for operation, (target, entries) in operations.items():
                self._watch(client, operation, target, entries)

    def _watch(self, client: Any, operation: str, target: str, entries: str | None) -> None:
        """Note what a service has accepted; botocore tells of each call before and after it."""
        service = client.meta.service_model.service_name

        def before(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
            context["mega_typed_sent"] = dict(params)

        def after(parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
            sent = context.get("mega_typed_sent", {})
            if "Error" in parsed:
                return
            refused = {entry["Id"] for entry in parsed.get("Failed") or ()}
            for entry in [sent] if entries is None else sent[entries]:
                if entry.get("Id") not in refused or entries is None:
                    self._observe(sent[target], entry)

        client.meta.events.register(f"provide-client-params.{service}.{operation}", before)
        client.meta.events.register(f"after-call.{service}.{operation}", after)

    def advance(self, seconds: float | timedelta) -> None:
        """Wait, in real time."""
        time.sleep(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)

    def close(self) -> None:
        """Delete the queues and topics that were created here, and close the connections."""
        from mega_typed.aws import service_errors

        for url in self._queues:
            with suppress(*service_errors()):
                self.sqs.delete_queue(QueueUrl=url)
        for arn in self._topics:
            with suppress(*service_errors()):
                self.sns.delete_topic(TopicArn=arn)
        for client in (self.sqs, self.sns, self.s3):
            client.close()


_SQS = {"SendMessage": ("QueueUrl", None), "SendMessageBatch": ("QueueUrl", "Entries")}
_SNS = {"Publish": ("TopicArn", None), "PublishBatch": ("TopicArn", "PublishBatchRequestEntries")}


@contextmanager
def server_keys(endpoint_url: str | None = None, region_name: str = "us-east-1") -> Generator[LocalAws]:
    """What ``boto3.client`` needs to reach a server: the embedded one, started here, or one that is running."""
    if endpoint_url is None:
        with local_aws(region_name) as aws:
            yield aws
    else:
        yield LocalAws(
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - no secret: emulators ask for none
            region_name=region_name,
            endpoint_url=endpoint_url,
        )


@contextmanager
def server_transport(endpoint_url: str | None = None, region_name: str = "us-east-1") -> Generator[ServerTransport]:
    """A transport to a server, for as long as the context lasts; then what it created is deleted.

    Args:
        endpoint_url: of a server that is running; the embedded one is started when omitted (extra ``local``).
        region_name: the region.

    Raises:
        ConfigurationError: the embedded server cannot be started.
    """
    with server_keys(endpoint_url, region_name) as aws:
        transport = ServerTransport(aws)
        try:
            yield transport
        finally:
            transport.close()
