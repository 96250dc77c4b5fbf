"""Publishing to Amazon SQS and SNS: the two public classes.

They give one mechanism (``sending``) the names and options of their service. A publisher knows nothing of subscribers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mega_typed.aws import AwsSession, ClientSource, SnsClient, SqsClient
from mega_typed.buffered import BufferedPublisher
from mega_typed.errors import ConfigurationError
from mega_typed.fitting import Ladder
from mega_typed.messages import Attributes, Publishable, added_attributes, message_of, raw_message
from mega_typed.offload import S3Payloads
from mega_typed.outgoing import PublishMiddleware, PublishResult
from mega_typed.sending import (
    MAX_BATCH_ENTRIES,
    SNS,
    SNS_DEFAULT_MAX_BYTES,
    SNS_MAX_BYTES,
    SQS,
    SQS_MAX_BYTES,
    SQS_MIN_BYTES,
    PerPayload,
    Sender,
)


class SqsPublisher:
    """Publishes to Amazon SQS queues.

    The client is built on first use; one publisher may be used by many threads.

    Args:
        queue_url: the queue, unless a call names another.
        max_message_bytes: 1,024 to 1,048,576, for a queue that is set to take less; attributes count.
        compress_above: bytes; a larger message is compressed where that makes it smaller. Readers must know ``+gzip``
            content types, as this library does; never, when omitted.
        offload: where a payload goes that is too large even so; readers need access to it, see `S3Payloads`.
        middleware: is called around each call to the service, the first one outermost; see `PublishMiddleware`. With
            any, a message may take 1,024 bytes less: room for the attributes that it adds.
        aws_access_key_id: with ``aws_secret_access_key``; when omitted, credentials come from the environment, the AWS
            configuration files or the instance role.
        aws_secret_access_key: see above.
        region_name: when omitted, from the environment or the AWS configuration files.
        endpoint_url: another endpoint, for a local server or a VPC endpoint.
        session: a ``boto3.Session`` to build the client with.
        client: a ready SQS client, instead of all of the above.

    Raises:
        ConfigurationError: the arguments contradict each other.
    """

    def __init__(
        self,
        queue_url: str | None = None,
        *,
        max_message_bytes: int = SQS_MAX_BYTES,
        compress_above: int | None = None,
        offload: S3Payloads | None = None,
        middleware: Sequence[PublishMiddleware] = (),
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: SqsClient | None = None,
    ) -> None:
        _check_limit("max_message_bytes", max_message_bytes, SQS_MIN_BYTES, SQS_MAX_BYTES)
        _check_limit("compress_above", compress_above or 0, 0, SQS_MAX_BYTES)
        clients = ClientSource[SqsClient](
            "sqs",
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
        )
        self._sender = Sender(
            SQS,
            queue_url,
            Ladder("SQS", max_message_bytes, compress_above, offload),
            SQS_MAX_BYTES,
            clients,
            middleware,
        )

    def publish(
        self,
        payload: Publishable,
        binary_encoding: bool = False,
        queue_url: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send one payload.

        Args:
            payload: a typed event, a `MegaPayload`, a mapping (data object), a text or bytes (sent as base64).
            binary_encoding: send BSON instead of JSON. Not for text.
            queue_url: instead of the publisher's.
            group_id: message group, 1 to 128 characters; for "fair queues" where the queue is not FIFO. By default what
                the event's schema names with ``x-mega-group``; on a FIFO queue one of the two is required.
            deduplication_id: FIFO only; 1 to 128 characters.
            delay_seconds: 0 to 900; not on FIFO.
            attributes: message attributes beside the library's own (up to six); ten in all.

        Returns:
            The message id.

        Raises:
            EncodeError: the payload or an attribute cannot be put on the wire, or is too large (`TooLargeError`).
                Nothing was sent.
            ConfigurationError: an argument is missing or does not fit the queue. Nothing was sent.
            PublishError: the service did not accept the message, or did not answer.
        """
        route = self._sender.route(queue_url, group_id, deduplication_id, delay_seconds)
        return self._sender.send(route, payload, message_of(payload, binary_encoding, added_attributes(attributes)))

    def publish_raw_message(
        self,
        body: str,
        queue_url: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send a body as it is, without the library's message attributes; the rest is as in `publish`."""
        route = self._sender.route(queue_url, group_id, deduplication_id, delay_seconds)
        return self._sender.send(route, body, raw_message(body, attributes))

    def publish_many(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        queue_url: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> list[PublishResult]:
        """Send payloads in batches of up to ten messages and 1 MiB.

        Results come in the order of the payloads. An entry that the service reports as failed by its own fault is
        sent up to twice more, on FIFO queues only if nothing of its group was accepted after it. For more payloads than
        the results of which fit into memory, see `publish_stream`.

        Args:
            payloads: any iterable. An exception that it raises is raised after what was read before is sent.
            binary_encoding: as in `publish`.
            queue_url: as in `publish`.
            group_id: one for all, or a function of the payload; by default as in `publish`, for each payload.
            deduplication_id: a function of the payload; FIFO only.
            delay_seconds: as in `publish`.
            attributes: as in `publish`; the same for all.

        Raises:
            ConfigurationError: an argument is missing or does not fit the queue, or the first payload has no group;
                raised at once.
        """
        route = self._sender.route(queue_url, group_id, deduplication_id, delay_seconds)
        return list(self._sender.send_many(route, payloads, binary_encoding, added_attributes(attributes)))

    def publish_stream(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        queue_url: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        delay_seconds: int | None = None,
        attributes: Attributes | None = None,
    ) -> Iterator[PublishResult]:
        """The same as `publish_many`, in constant memory: batches are sent as the results are read.

        **Nothing is sent until the results are read**: loop over them. A loop that stops early sends no further batch.
        """
        route = self._sender.route(queue_url, group_id, deduplication_id, delay_seconds)
        return self._sender.send_many(route, payloads, binary_encoding, added_attributes(attributes))

    def buffered(
        self,
        queue_url: str | None = None,
        *,
        linger_seconds: float = 0.05,
        max_batch: int = MAX_BATCH_ENTRIES,
        max_pending: int = 1_000,
        max_pending_bytes: int = 16_777_216,
    ) -> BufferedPublisher:
        """A publisher to one queue that collects what is published one by one and sends it in batches.

        Use it in a ``with`` statement, or `BufferedPublisher.close` it; it says what the arguments mean.
        """
        return BufferedPublisher(
            self._sender,
            queue_url,
            linger_seconds=linger_seconds,
            max_batch=max_batch,
            max_pending=max_pending,
            max_pending_bytes=max_pending_bytes,
        )


class SnsPublisher:
    """Publishes to Amazon SNS topics.

    Args:
        topic_arn: the topic, unless a call names another.
        max_message_bytes: 1 to 1,048,576; SNS takes 262,144 unless the topic's ``MaximumMessageSize`` is raised.
        compress_above: as in `SqsPublisher`.
        offload: see there.
        middleware: see there.
        aws_access_key_id: this and the arguments below are those of `SqsPublisher`.
        aws_secret_access_key: see there.
        region_name: see there.
        endpoint_url: see there.
        session: see there.
        client: a ready SNS client.

    Raises:
        ConfigurationError: the arguments contradict each other.
    """

    def __init__(
        self,
        topic_arn: str | None = None,
        *,
        max_message_bytes: int = SNS_DEFAULT_MAX_BYTES,
        compress_above: int | None = None,
        offload: S3Payloads | None = None,
        middleware: Sequence[PublishMiddleware] = (),
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: SnsClient | None = None,
    ) -> None:
        _check_limit("max_message_bytes", max_message_bytes, 1, SNS_MAX_BYTES)
        _check_limit("compress_above", compress_above or 0, 0, SNS_MAX_BYTES)
        clients = ClientSource[SnsClient](
            "sns",
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
        )
        self._sender = Sender(
            SNS,
            topic_arn,
            Ladder("SNS", max_message_bytes, compress_above, offload),
            max_message_bytes,
            clients,
            middleware,
        )

    def publish(
        self,
        payload: Publishable,
        binary_encoding: bool = False,
        topic_arn: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send one payload to a topic; the arguments and errors are those of `SqsPublisher.publish`."""
        route = self._sender.route(topic_arn, group_id, deduplication_id)
        return self._sender.send(route, payload, message_of(payload, binary_encoding, added_attributes(attributes)))

    def publish_raw_message(
        self,
        body: str,
        topic_arn: str | None = None,
        *,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        attributes: Attributes | None = None,
    ) -> str:
        """Send a body as it is, without the library's message attributes; the rest is as in `publish`."""
        route = self._sender.route(topic_arn, group_id, deduplication_id)
        return self._sender.send(route, body, raw_message(body, attributes))

    def publish_many(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        topic_arn: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        attributes: Attributes | None = None,
    ) -> list[PublishResult]:
        """Send payloads in batches of up to ten messages and ``max_message_bytes``; see `SqsPublisher.publish_many`."""
        route = self._sender.route(topic_arn, group_id, deduplication_id)
        return list(self._sender.send_many(route, payloads, binary_encoding, added_attributes(attributes)))

    def publish_stream(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool = False,
        topic_arn: str | None = None,
        *,
        group_id: PerPayload | None = None,
        deduplication_id: Callable[[Any], str] | None = None,
        attributes: Attributes | None = None,
    ) -> Iterator[PublishResult]:
        """The same in constant memory: **nothing is sent until the results are read**."""
        route = self._sender.route(topic_arn, group_id, deduplication_id)
        return self._sender.send_many(route, payloads, binary_encoding, added_attributes(attributes))

    def buffered(
        self,
        topic_arn: str | None = None,
        *,
        linger_seconds: float = 0.05,
        max_batch: int = MAX_BATCH_ENTRIES,
        max_pending: int = 1_000,
        max_pending_bytes: int = 16_777_216,
    ) -> BufferedPublisher:
        """A publisher to one topic that collects what is published one by one and sends it in batches.

        Use it in a ``with`` statement, or `BufferedPublisher.close` it; it says what the arguments mean.
        """
        return BufferedPublisher(
            self._sender,
            topic_arn,
            linger_seconds=linger_seconds,
            max_batch=max_batch,
            max_pending=max_pending,
            max_pending_bytes=max_pending_bytes,
        )


def _check_limit(name: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise ConfigurationError(f"{name} must be an integer from {least} to {most}, not {value!r}")
