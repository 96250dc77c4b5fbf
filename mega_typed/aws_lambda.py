"""The same subscribers in AWS Lambda, behind an SQS, SNS or EventBridge trigger.

``handler = lambda_handler(BigOrder, Logins)``. What a trigger does with a failure decides what is done here:

- SQS: the ids of the messages that shall come again are returned (``batchItemFailures``), Lambda deletes the others.
  **The event source mapping must have ``ReportBatchItemFailures`` switched on: without it Lambda does not look at what
  is returned and deletes the whole batch.** On a FIFO queue the first message that stays stops its group: later ones of
  the group are not processed and are returned with it, so that order holds; other groups go on.
- SNS and EventBridge have no partial answer: ``LambdaRetry`` is raised, and Lambda calls again, twice unless configured
  otherwise, then hands the event to the function's own dead-letter queue or failure destination: give it one.

A payload that lies in S3 is fetched where ``offload`` is given; while S3 does not hand it over, the message shall come
again. No AWS client is imported before that. This file knows the events of Lambda, and nothing of queues beyond them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final, Literal, TypedDict

import msgspec
from mega_typed import log
from mega_typed.dispatch import Dispatcher, Disposition, Outcome, Reading, ToData
from mega_typed.envelopes import EnvelopeKind, Record
from mega_typed.errors import ConfigurationError, DecodeError, EnvelopeError, FetchError, LambdaRetry
from mega_typed.idempotency import IdempotencyStore
from mega_typed.middleware import ProcessMiddleware
from mega_typed.offload import S3Payloads
from mega_typed.once import KeyOf
from mega_typed.outcome_log import log_outcome
from mega_typed.subscribers import Subscriber
from mega_typed.telemetry import Telemetry, tell_received, watched

__all__ = ["BatchItemFailure", "LambdaHandler", "PartialBatchResponse", "lambda_handler"]

logger = logging.getLogger("mega_typed.aws_lambda")


class BatchItemFailure(TypedDict):
    """A message that shall come again.

    Attributes:
        itemIdentifier: its message id.
    """

    itemIdentifier: str


class PartialBatchResponse(TypedDict):
    """What Lambda's SQS trigger reads.

    Attributes:
        batchItemFailures: the messages of the batch that shall come again; the others are deleted.
    """

    batchItemFailures: list[BatchItemFailure]


_SQS: Final = "aws:sqs"
_SNS: Final = "aws:sns"


class LambdaHandler:
    """A Lambda function over a dispatcher: ``handler = LambdaHandler(dispatcher)``.

    Args:
        dispatcher: decides what happens to a message.
        offload: fetches payloads that lie in S3.
        telemetry: watches.

    Attributes:
        dispatcher: decides what happens to a message.
    """

    def __init__(
        self, dispatcher: Dispatcher, offload: S3Payloads | None = None, telemetry: Telemetry | None = None
    ) -> None:
        self.dispatcher = dispatcher
        self._offload = offload
        self._telemetry = telemetry

    def __call__(self, event: Mapping[str, Any], context: object = None) -> PartialBatchResponse:
        """Handle what Lambda was called with.

        Returns:
            The messages of an SQS batch that shall come again; none for the other triggers.

        Raises:
            LambdaRetry: the message of an SNS or EventBridge trigger shall come again.
            ConfigurationError: the event is of none of the three.
        """
        if "detail-type" in event and "source" in event:
            self._handle_alone([(EnvelopeKind.EVENTBRIDGE, event, str(event.get("id", "")))])
            return {"batchItemFailures": []}
        records: Sequence[Mapping[str, Any]] | None = event.get("Records")
        sources = {record.get("eventSource") or record.get("EventSource") for record in records or ()}
        if records is None or not sources <= {_SQS, _SNS} or len(sources) > 1:
            raise ConfigurationError("this function is for SQS, SNS and EventBridge, and the event is of none of these")
        if _SNS in sources:
            notifications = [record.get("Sns") or {} for record in records]
            self._handle_alone([(EnvelopeKind.SNS, each, str(each.get("MessageId", ""))) for each in notifications])
            return {"batchItemFailures": []}
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in self._handle_batch(records)]}

    def _handle_batch(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """The ids of the messages that stay in the queue."""
        kept: list[str] = []
        halted: set[str | None] = set()
        if records:
            source = _last(records[0].get("eventSourceARN"))
            tell_received(self._telemetry, source, [record.get("attributes") or {} for record in records])
        for record in records:
            message_id = record.get("messageId", "")
            fifo = record.get("eventSourceARN", "").endswith(".fifo")
            group: str | None = (record.get("attributes") or {}).get("MessageGroupId")
            if fifo and group in halted:
                kept.append(message_id)
            elif self._outcome(record).disposition is not Disposition.DELETE:
                kept.append(message_id)
                halted.add(group)
        return kept

    def _outcome(self, record: Mapping[str, Any]) -> Outcome:
        try:
            return self._handle(Record.from_lambda(record), _last(record.get("eventSourceARN")))
        except EnvelopeError as error:
            return self._refuse(Record("", record.get("messageId", "")), error)

    def _handle(self, record: Record, source: str, kind: EnvelopeKind | None = None) -> Outcome:
        return watched(self._telemetry, source, partial(self._handled, record, kind))

    def _handled(self, record: Record, kind: EnvelopeKind | None) -> Outcome:
        try:
            if self._offload is not None:
                record = self._offload.restore(record, kind or self.dispatcher.envelope)
        except DecodeError as error:
            return self._refuse(record, error)
        except FetchError as error:
            log.write(logger, log.MESSAGE_UNFETCHED, message_id=record.message_id, error=str(error))
            return Outcome(Disposition.RETRY, Reading.UNREAD, error=error, message_id=record.message_id)
        start = monotonic()
        outcome = self.dispatcher.handle(record, kind)
        log_outcome(logger, outcome, monotonic() - start)
        return outcome

    def _refuse(self, record: Record, error: DecodeError) -> Outcome:
        outcome = self.dispatcher.refuse(record, error)
        log_outcome(logger, outcome, 0.0)
        return outcome

    def _handle_alone(self, messages: Sequence[tuple[EnvelopeKind, Mapping[str, Any], str]]) -> None:
        """Handle all, then raise if one of them shall come again."""
        outcomes: list[Outcome] = []
        for kind, envelope, message_id in messages:
            try:
                body = msgspec.json.encode(envelope).decode()
            except (TypeError, ValueError, RecursionError):
                error = EnvelopeError("not_a_record", "the event is not JSON")
                outcomes.append(self._refuse(Record("", message_id), error))
            else:
                source = _last(envelope.get("TopicArn") or envelope.get("source"))
                tell_received(self._telemetry, source, [{}])
                outcomes.append(self._handle(Record(body=body, message_id=message_id), source, kind))
        kept = [outcome for outcome in outcomes if outcome.disposition is not Disposition.DELETE]
        if kept:
            causes = [
                cause for outcome in kept for cause in (outcome.error, *(r.error for r in outcome.results)) if cause
            ]
            ids = ", ".join(outcome.message_id for outcome in kept)
            raise LambdaRetry(f"not processed, and to be delivered again: {ids}") from (causes[0] if causes else None)


def _last(arn: object) -> str:
    """The name at the end of an ARN."""
    return arn.rpartition(":")[2] if isinstance(arn, str) else ""


def lambda_handler(
    *subscribers: type[Subscriber[Any]],
    envelope: EnvelopeKind | None = None,
    unmatched: Literal["delete", "keep"] = "delete",
    retriable: tuple[type[Exception], ...] = (),
    to_data: ToData | None = None,
    idempotency: IdempotencyStore | None = None,
    idempotency_key: KeyOf | None = None,
    process_timeout: float | None = None,
    middleware: Sequence[ProcessMiddleware] = (),
    telemetry: Telemetry | None = None,
    offload: S3Payloads | None = None,
) -> LambdaHandler:
    """A Lambda function that hands each message to the subscribers that match.

    Args:
        *subscribers: subscriber classes.
        envelope: pins the envelope of messages in SQS; that of the other triggers is known.
        unmatched: see ``Dispatcher``, as all others.
        retriable: exceptions that mean ``RETRIABLE_ERROR`` when a subscriber raises them.
        to_data: turns a text or a blob into a data object, or returns ``None``.
        idempotency: remembers which subscriber has completed which message.
        idempotency_key: from a payload to what makes it one and the same message.
        process_timeout: seconds that one subscriber may take for one message; below the function's own timeout.
        middleware: is called around ``process``, the first one outermost.
        telemetry: watches; ``mega_typed.open_telemetry.OpenTelemetry()`` for instance.
        offload: fetches payloads that lie in S3; a pointer to a bucket that it does not read is undecodable.

    Raises:
        RegistrationError: a subscriber cannot be registered.
        ConfigurationError: an argument is none of those, or there are no subscribers.
    """
    if not subscribers:
        raise ConfigurationError("a function without subscribers would delete every message")
    dispatcher = Dispatcher(
        envelope=envelope,
        unmatched=unmatched,
        retriable=retriable,
        to_data=to_data,
        idempotency=idempotency,
        idempotency_key=idempotency_key,
        process_timeout=process_timeout,
        middleware=middleware if telemetry is None else (telemetry.processing, *middleware),
    )
    for subscriber in subscribers:
        dispatcher.register(subscriber)
    return LambdaHandler(dispatcher, offload, telemetry)
