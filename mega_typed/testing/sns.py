"""An SNS in memory with the methods of a boto3 client: topics, subscribed queues, envelopes, filter policies.

Deliveries are made at once, in the call that publishes, to queues of the SQS in memory. What a queue refuses is lost,
as with an SNS that has no dead-letter queue for the subscription. Other protocols than ``sqs`` are refused.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any, Final, cast
from uuid import uuid4

from mega_typed.testing.faults import FaultyClient, Refusal
from mega_typed.testing.filters import Scope, lets_through, parse_policy
from mega_typed.testing.limits import check_attributes, check_batch_bytes, check_entries, size_of
from mega_typed.testing.queues import DEDUPLICATION_SECONDS
from mega_typed.testing.sqs import ACCOUNT, REGION, InMemorySqs, Observer

DEFAULT_BYTES: Final = 262_144
MOST_BYTES: Final = 1_048_576


@dataclass(slots=True, eq=False)
class _Subscription:
    arn: str
    endpoint: str
    attributes: dict[str, str]
    policy: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery", "false").lower() == "true"

    @property
    def scope(self) -> Scope:
        return cast("Scope", self.attributes.get("FilterPolicyScope", "MessageAttributes"))


@dataclass(slots=True, eq=False)
class _Topic:
    arn: str
    attributes: dict[str, str]
    subscriptions: dict[str, _Subscription] = field(default_factory=dict[str, _Subscription])
    accepted: dict[tuple[str | None, str], tuple[float, dict[str, Any]]] = field(
        default_factory=dict[tuple[str | None, str], tuple[float, dict[str, Any]]]
    )
    sequence: Any = field(default_factory=lambda: count(1))

    @property
    def fifo(self) -> bool:
        return self.arn.endswith(".fifo")

    @property
    def max_bytes(self) -> int:
        return int(self.attributes.get("MaximumMessageSize", DEFAULT_BYTES))


class InMemorySns(FaultyClient):
    """An SNS in memory, for topics and their subscribed queues.

    Args:
        sqs: where the queues are; its clock is that of the topics.
        observe: is told of each message that was accepted.
    """

    service = "sns"

    def __init__(self, sqs: InMemorySqs, observe: Observer | None = None) -> None:
        super().__init__()
        self._sqs = sqs
        self._observe = observe
        self._topics: dict[str, _Topic] = {}

    def close(self) -> None:
        """Do nothing; a boto3 client has it."""

    # --- topics -------------------------------------------------------------------------------------------------------

    def create_topic(
        self,
        *,
        Name: str,
        Attributes: Mapping[str, str] | None = None,
        Tags: Sequence[Mapping[str, str]] = (),
    ) -> dict[str, Any]:
        """CreateTopic; tags are accepted and forgotten."""
        return self._run("create_topic", lambda: self._create(Name, dict(Attributes or {})))

    def _create(self, name: str, attributes: dict[str, str]) -> dict[str, Any]:
        fifo = attributes.get("FifoTopic", "false").lower() == "true"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", name.removesuffix(".fifo")):
            raise Refusal("InvalidParameter", "Invalid parameter: Topic Name")
        if fifo != name.endswith(".fifo"):
            said = "Fifo Topic names must end with .fifo, and the names of other topics must not"
            raise Refusal("InvalidParameter", f"Invalid parameter: {said}")
        arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
        with self._sqs.clock.changed:
            known = self._topics.setdefault(arn, _Topic(arn, attributes))
            if any(known.attributes.get(key) != value for key, value in attributes.items()):
                said = "Topic already exists with different attributes"
                raise Refusal("InvalidParameter", f"Invalid parameter: Attributes Reason: {said}")
        return {"TopicArn": arn}

    def delete_topic(self, *, TopicArn: str) -> dict[str, Any]:
        """DeleteTopic, with its subscriptions; nothing for one that is not there."""

        def delete() -> dict[str, Any]:
            with self._sqs.clock.changed:
                self._topics.pop(TopicArn, None)
            return {}

        return self._run("delete_topic", delete)

    def set_topic_attributes(self, *, TopicArn: str, AttributeName: str, AttributeValue: str = "") -> dict[str, Any]:
        """SetTopicAttributes."""

        def set_it() -> dict[str, Any]:
            with self._sqs.clock.changed:
                topic = self._topic(TopicArn)
                fits = re.fullmatch(r"\d+", AttributeValue) and 1024 <= int(AttributeValue) <= MOST_BYTES
                if AttributeName == "MaximumMessageSize" and not fits:
                    raise Refusal("InvalidParameter", "Invalid parameter: Attributes Reason: MaximumMessageSize")
                topic.attributes[AttributeName] = AttributeValue
            return {}

        return self._run("set_topic_attributes", set_it)

    def get_topic_attributes(self, *, TopicArn: str) -> dict[str, Any]:
        """GetTopicAttributes: the ARN, what was set, and how many subscriptions there are."""

        def get() -> dict[str, Any]:
            with self._sqs.clock.changed:
                topic = self._topic(TopicArn)
                number = str(len(topic.subscriptions))
                own = {"TopicArn": topic.arn, "Owner": ACCOUNT, "SubscriptionsConfirmed": number}
            return {"Attributes": {**topic.attributes, **own}}

        return self._run("get_topic_attributes", get)

    def _topic(self, arn: str) -> _Topic:
        found = self._topics.get(arn)
        if found is None:
            raise Refusal("NotFound", "Topic does not exist", status=404)
        return found

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def subscribe(
        self,
        *,
        TopicArn: str,
        Protocol: str,
        Endpoint: str = "",
        Attributes: Mapping[str, str] | None = None,
        ReturnSubscriptionArn: bool = False,
    ) -> dict[str, Any]:
        """Subscribe, for the protocol ``sqs``; the subscription is confirmed at once."""
        return self._run("subscribe", lambda: self._subscribe(TopicArn, Protocol, Endpoint, dict(Attributes or {})))

    def _subscribe(self, arn: str, protocol: str, endpoint: str, attributes: dict[str, str]) -> dict[str, Any]:
        with self._sqs.clock.changed:
            topic = self._topic(arn)
            if protocol != "sqs":
                raise Refusal("InvalidParameter", f"Invalid parameter: the SNS in memory knows sqs, not {protocol!r}")
            if not re.fullmatch(r"arn:aws[\w-]*:sqs:[\w-]+:\d+:[\w.-]+", endpoint):
                raise Refusal("InvalidParameter", "Invalid parameter: SQS endpoint ARN")
            if endpoint.endswith(".fifo") and not topic.fifo:
                said = "FIFO SQS Queues can not be subscribed to standard SNS topics"
                raise Refusal("InvalidParameter", f"Invalid parameter: Invalid parameter: Endpoint Reason: {said}")
            for known in topic.subscriptions.values():
                if known.endpoint == endpoint:
                    if any(known.attributes.get(name) != value for name, value in attributes.items()):
                        said = "Subscription already exists with different attributes"
                        raise Refusal("InvalidParameter", f"Invalid parameter: Attributes Reason: {said}")
                    return {"SubscriptionArn": known.arn}
            subscription = _Subscription(f"{arn}:{uuid4()}", endpoint, {})
            for name in sorted(attributes, reverse=True):  # the scope before the policy
                _set_attribute(subscription, name, attributes[name])
            topic.subscriptions[subscription.arn] = subscription
        return {"SubscriptionArn": subscription.arn}

    def unsubscribe(self, *, SubscriptionArn: str) -> dict[str, Any]:
        """Unsubscribe."""

        def remove() -> dict[str, Any]:
            with self._sqs.clock.changed:
                for topic in self._topics.values():
                    topic.subscriptions.pop(SubscriptionArn, None)
            return {}

        return self._run("unsubscribe", remove)

    def set_subscription_attributes(
        self, *, SubscriptionArn: str, AttributeName: str, AttributeValue: str = ""
    ) -> dict[str, Any]:
        """SetSubscriptionAttributes; it holds at once, where AWS may take a quarter of an hour."""

        def set_it() -> dict[str, Any]:
            with self._sqs.clock.changed:
                _set_attribute(self._subscription(SubscriptionArn), AttributeName, AttributeValue)
            return {}

        return self._run("set_subscription_attributes", set_it)

    def get_subscription_attributes(self, *, SubscriptionArn: str) -> dict[str, Any]:
        """GetSubscriptionAttributes."""

        def get() -> dict[str, Any]:
            with self._sqs.clock.changed:
                found = self._subscription(SubscriptionArn)
                own = {"SubscriptionArn": found.arn, "Endpoint": found.endpoint, "Protocol": "sqs"}
            return {"Attributes": {**found.attributes, **own}}

        return self._run("get_subscription_attributes", get)

    def _subscription(self, arn: str) -> _Subscription:
        found = [topic.subscriptions[arn] for topic in self._topics.values() if arn in topic.subscriptions]
        if not found:
            raise Refusal("NotFound", "Subscription does not exist", status=404)
        return found[0]

    # --- publishing ---------------------------------------------------------------------------------------------------

    def publish(
        self,
        *,
        Message: str,
        TopicArn: str | None = None,
        TargetArn: str | None = None,
        Subject: str | None = None,
        MessageStructure: str | None = None,
        MessageAttributes: Mapping[str, Mapping[str, Any]] | None = None,
        MessageDeduplicationId: str | None = None,
        MessageGroupId: str | None = None,
    ) -> dict[str, Any]:
        """Publish, to a topic."""
        entry = {
            "Message": Message,
            "Subject": Subject,
            "MessageStructure": MessageStructure,
            "MessageAttributes": MessageAttributes,
            "MessageDeduplicationId": MessageDeduplicationId,
            "MessageGroupId": MessageGroupId,
        }
        return self._run("publish", lambda: self._publish(TopicArn or TargetArn or "", entry))

    def publish_batch(
        self, *, TopicArn: str, PublishBatchRequestEntries: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """PublishBatch: ten messages, together no larger than one may be."""

        def publish() -> dict[str, Any]:
            entries = PublishBatchRequestEntries
            with self._sqs.clock.changed:
                topic = self._topic(TopicArn)
                check_entries(entries, "")
                sizes = [size_of(each.get("Message", ""), each.get("MessageAttributes") or {}) for each in entries]
                check_batch_bytes(sizes, "", topic.max_bytes)
                return self._each("publish_batch", entries, lambda entry: self._publish(TopicArn, entry))

        return self._run("publish_batch", publish)

    def _publish(self, arn: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        with self._sqs.clock.changed:
            topic = self._topic(arn)
            bodies = _bodies(entry)
            try:
                attributes = check_attributes(entry.get("MessageAttributes") or {}, None)
            except Refusal as refusal:
                raise Refusal("ParameterValueInvalid", refusal.message) from None
            if size_of(entry["Message"], attributes) > topic.max_bytes:
                raise Refusal("InvalidParameter", "Invalid parameter: Message too long")
            options = _options(topic, entry)
            answer = self._fresh(topic, options)
            if answer is None:
                answer = self._accept(topic, options)
                self._deliver(topic, entry, bodies, attributes, options, answer)
                if self._observe is not None:
                    self._observe(topic.arn, entry)
            return dict(answer)

    def _fresh(self, topic: _Topic, options: Mapping[str, str]) -> dict[str, Any] | None:
        """The answer to an earlier message of which this one is a duplicate."""
        until, answer = topic.accepted.get(_key(topic, options), (float("-inf"), None))
        return answer if topic.fifo and self._sqs.clock.time() < until else None

    def _accept(self, topic: _Topic, options: Mapping[str, str]) -> dict[str, Any]:
        answer = {"MessageId": str(uuid4())}
        if topic.fifo:
            answer["SequenceNumber"] = f"{next(topic.sequence):020d}"
            topic.accepted[_key(topic, options)] = (self._sqs.clock.time() + DEDUPLICATION_SECONDS, answer)
        return answer

    def _deliver(
        self,
        topic: _Topic,
        entry: Mapping[str, Any],
        bodies: Mapping[str, str],
        attributes: Mapping[str, Mapping[str, Any]],
        options: Mapping[str, str],
        answer: Mapping[str, str],
    ) -> None:
        body = bodies.get("sqs", bodies["default"])
        for subscription in topic.subscriptions.values():
            if not lets_through(subscription.policy, subscription.scope, body, attributes):
                continue
            sent: dict[str, Any] = dict(options)
            if not subscription.endpoint.endswith(".fifo"):
                sent.pop("MessageDeduplicationId", None)
            if subscription.raw:
                sent |= {"MessageBody": body, "MessageAttributes": attributes}
            else:
                when = self._sqs.clock.now()
                sent["MessageBody"] = _envelope(topic, subscription, entry, body, attributes, answer, when)
            with suppress(Refusal):  # too long, or raw with more attributes than SQS takes
                self._sqs.deliver_to(subscription.endpoint, sent)


def _bodies(entry: Mapping[str, Any]) -> dict[str, str]:
    """The message for each protocol, ``default`` among them."""
    message = entry.get("Message")
    if not message or not isinstance(message, str):
        raise Refusal("InvalidParameter", "Invalid parameter: Empty message")
    if entry.get("MessageStructure") != "json":
        return {"default": message}
    try:
        parts: Any = json.loads(message)
    except ValueError:
        parts = None
    if not isinstance(parts, dict):
        raise Refusal("InvalidParameter", "Invalid parameter: Message Structure - JSON message body failed to parse")
    if not isinstance(parts.get("default"), str):
        said = "Message Structure - No default entry in JSON message body"
        raise Refusal("InvalidParameter", f"Invalid parameter: {said}")
    return {name: text for name, text in parts.items() if isinstance(text, str)}


def _options(topic: _Topic, entry: Mapping[str, Any]) -> dict[str, str]:
    """Group and de-duplication id, where the topic takes them."""
    group, deduplication = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
    if topic.fifo:
        if not group:
            said = "The MessageGroupId parameter is required for FIFO topics"
            raise Refusal("InvalidParameter", f"Invalid parameter: {said}")
        if not deduplication and topic.attributes.get("ContentBasedDeduplication", "false").lower() != "true":
            said = "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            raise Refusal("InvalidParameter", f"Invalid parameter: {said}explicitly")
        return {
            "MessageGroupId": group,
            "MessageDeduplicationId": deduplication or sha256(entry["Message"].encode()).hexdigest(),
        }
    if deduplication:
        said = "MessageDeduplicationId Reason: The request includes a parameter that is not valid for this topic type"
        raise Refusal("InvalidParameter", f"Invalid parameter: {said}")
    return {"MessageGroupId": group} if group else {}


def _key(topic: _Topic, options: Mapping[str, str]) -> tuple[str | None, str]:
    scoped = topic.attributes.get("FifoThroughputScope") == "MessageGroup"
    return (options.get("MessageGroupId") if scoped else None, options.get("MessageDeduplicationId", ""))


def _set_attribute(subscription: _Subscription, name: str, value: str) -> None:
    if name == "FilterPolicyScope" and value not in ("MessageAttributes", "MessageBody"):
        raise Refusal("InvalidParameter", f"Invalid parameter: FilterPolicyScope: Invalid value [{value}]")
    if name == "FilterPolicy":
        subscription.policy = parse_policy(value, subscription.scope) if value else {}
    elif name not in ("FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "DeliveryPolicy"):
        raise Refusal("InvalidParameter", f"Invalid parameter: AttributeName: {name}")
    subscription.attributes[name] = value


def _envelope(
    topic: _Topic,
    subscription: _Subscription,
    entry: Mapping[str, Any],
    body: str,
    attributes: Mapping[str, Mapping[str, Any]],
    answer: Mapping[str, str],
    when: datetime,
) -> str:
    """A notification as it stands in a queue: pretty-printed JSON; of a FIFO topic without a signature."""
    page = f"https://sns.{REGION}.amazonaws.com"
    envelope: dict[str, Any] = {"Type": "Notification", "MessageId": answer["MessageId"]}
    if topic.fifo:
        envelope["SequenceNumber"] = answer["SequenceNumber"]
    envelope["TopicArn"] = topic.arn
    if entry.get("Subject"):
        envelope["Subject"] = entry["Subject"]
    moment = when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    envelope |= {"Message": body, "Timestamp": moment}
    if not topic.fifo:
        envelope |= {
            "SignatureVersion": "1",
            "Signature": "bm90IHNpZ25lZA==",
            "SigningCertURL": f"{page}/SimpleNotificationService-in-memory.pem",
        }
    envelope["UnsubscribeURL"] = f"{page}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}"
    if attributes:
        envelope["MessageAttributes"] = {
            name: {"Type": each["DataType"], "Value": _envelope_value(each)} for name, each in attributes.items()
        }
    return json.dumps(envelope, indent=2, ensure_ascii=False)


def _envelope_value(attribute: Mapping[str, Any]) -> str:
    if "BinaryValue" in attribute:
        return b64encode(attribute["BinaryValue"]).decode()
    return str(attribute["StringValue"])
