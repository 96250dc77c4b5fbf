"""Traces and metrics by OpenTelemetry (the extra ``opentelemetry``): ``OpenTelemetry()``.

Spans and names follow the semantic conventions for messaging
(https://opentelemetry.io/docs/specs/semconv/messaging/): a ``send`` span for each call of a publisher, with a
``create`` span for each message when there are several; a ``process`` span for each call of a subscriber, linked to
the span that created the message. The context travels in message attributes (W3C trace context: ``traceparent``,
``tracestate``; whatever the global propagator writes). Payloads are in no span and no metric.

What strangers send must not make the number of time series grow: an event type is an attribute of a metric only when a
subscriber of ours took the message. This file knows the API of OpenTelemetry, not its SDK, and no client.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Final

from mega_typed.dispatch import Outcome
from mega_typed.errors import ConfigurationError, RetryLater
from mega_typed.middleware import Proceed, ProcessCall, ProcessMiddleware
from mega_typed.outgoing import (
    ADDED_BYTES,
    OutgoingMessage,
    PublishCall,
    PublishMiddleware,
    PublishProceed,
    PublishResult,
)
from mega_typed.subscribers import ProcessStatus

try:
    from opentelemetry import metrics, propagate, trace
    from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
except ImportError as error:
    raise ConfigurationError(
        "traces and metrics need the API of OpenTelemetry: pip install 'mega-typed[opentelemetry]'"
    ) from error

__all__ = ["OpenTelemetry"]

_NAME: Final = "mega_typed"
_DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


_source: Final[ContextVar[str]] = ContextVar("mega_typed_source", default="")
"""The queue whose message is being handled; threads and coroutines of its subscribers inherit it."""


class OpenTelemetry:
    """Give it to what shall be watched: ``SqsListener(telemetry=...)``, ``SqsPublisher(middleware=[it.publishing])``.

    Args:
        tracer_provider: the global one when omitted.
        meter_provider: the global one when omitted.

    Attributes:
        processing: a middleware for ``process``; a listener or Lambda function that is given the whole has it already.
        publishing: a middleware for publishers.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(_NAME, tracer_provider=tracer_provider)
        meter = metrics.get_meter(_NAME, meter_provider=meter_provider)
        self._sent = meter.create_counter("messaging.client.sent.messages", "{message}", "messages sent")
        self._consumed = meter.create_counter("messaging.client.consumed.messages", "{message}", "messages received")
        self._process_seconds = meter.create_histogram(
            "messaging.process.duration",
            "s",
            "how long subscribers take",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._handled = meter.create_counter("mega.messages.handled", "{message}", "messages by what became of them")
        self._handle_seconds = meter.create_histogram(
            "mega.message.duration",
            "s",
            "how long a message takes, with all its subscribers",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._in_flight = meter.create_up_down_counter(
            "mega.messages.in_flight", "{message}", "messages that are being processed"
        )
        self._oldest = meter.create_gauge("mega.messages.oldest", "s", "age of the oldest message of the last receive")
        self.processing: ProcessMiddleware = self._around_process
        self.publishing: PublishMiddleware = self._around_publish

    # --- what a listener tells ----------------------------------------------------------------------------------------

    def received(self, source: str, count: int, oldest_seconds: float | None) -> None:
        """See ``Telemetry``."""
        where = _destination(source)
        if count:
            self._consumed.add(count, where)
        self._oldest.set(oldest_seconds or 0.0, where)

    def started(self, source: str) -> None:
        """See ``Telemetry``."""
        _source.set(source)
        self._in_flight.add(1, _destination(source))

    def handled(self, source: str, outcome: Outcome | None, seconds: float) -> None:
        """See ``Telemetry``."""
        _source.set("")
        where = _destination(source)
        self._in_flight.add(-1, where)
        what = {**where, "mega.disposition": "retry", "mega.reading": "unread"}
        if outcome is not None:
            what |= {"mega.disposition": str(outcome.disposition), "mega.reading": str(outcome.reading)}
            if outcome.event_type is not None and outcome.results:
                what["mega.event_type"] = str(outcome.event_type)
        self._handled.add(1, what)
        self._handle_seconds.record(seconds, what)

    # --- process ------------------------------------------------------------------------------------------------------

    def _around_process(self, call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        start = perf_counter()
        name, source = call.subscriber.__qualname__, _source.get()
        attributes: dict[str, str | int] = {
            **_destination(source),
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.message.id": call.message.message_id,
            "mega.subscriber": name,
            "mega.attempt": call.message.receive_count,
        }
        if call.message.event_type is not None:
            attributes["mega.event_type"] = str(call.message.event_type)
        measured: dict[str, str] = {**_destination(source), "mega.subscriber": name}
        with self._tracer.start_as_current_span(
            f"process {source}".rstrip(),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            links=_links(call.message.attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                status = proceed()
            except BaseException as error:
                measured["error.type"] = _failed(span, error)
                raise
            else:
                measured["mega.status"] = getattr(status, "value", "unknown")
                span.set_attribute("mega.status", measured["mega.status"])
                if status in (ProcessStatus.FATAL_ERROR, ProcessStatus.RETRIABLE_ERROR):
                    span.set_status(Status(StatusCode.ERROR, measured["mega.status"]))
                return status
            finally:
                self._process_seconds.record(perf_counter() - start, measured)

    # --- publish ------------------------------------------------------------------------------------------------------

    def _around_publish(self, call: PublishCall, proceed: PublishProceed) -> Sequence[PublishResult]:
        name = _name(call.destination)
        where = {
            "messaging.system": "aws.sns" if call.destination.startswith("arn:") else "aws_sqs",
            "messaging.destination.name": name,
        }
        with ExitStack() as spans:
            if len(call.messages) == 1:
                (message,) = call.messages
                attributes = {**where, **_about(message), "messaging.operation.name": "send"}
                span = spans.enter_context(self._span(f"send {name}", "send", attributes, message))
                _inject(message, span)
            else:
                links = list[Link]()
                for message in call.messages:
                    attributes = {**where, **_about(message), "messaging.operation.name": "create"}
                    with self._span(f"create {name}", "create", attributes, message) as created:
                        _inject(message, created)
                    links.append(Link(created.get_span_context()))
                about: dict[str, str | int] = {**where, "messaging.operation.name": "send"}
                about["messaging.batch.message_count"] = len(call.messages)
                span = spans.enter_context(self._span(f"send {name}", "send", about, links=links))
            try:
                results = proceed()
            except BaseException as error:
                _failed(span, error)
                raise
            self._note(span, results, where)
            return results

    def _note(self, span: Span, results: Sequence[PublishResult], where: Mapping[str, str]) -> None:
        if len(results) == 1 and results[0].message_id is not None:
            span.set_attribute("messaging.message.id", results[0].message_id)
        for result in results:
            if result.error is not None:
                self._sent.add(1, {**where, "error.type": _failed(span, result.error)})
        accepted = sum(result.error is None for result in results)
        if accepted:
            self._sent.add(accepted, where)

    @contextmanager
    def _span(
        self,
        name: str,
        operation: str,
        attributes: Mapping[str, Any],
        message: OutgoingMessage | None = None,
        links: Sequence[Link] = (),
    ) -> Generator[Span]:
        """A span of the code that published the message, which may be in another thread."""
        parent = message.context.run(trace.get_current_span) if message is not None else None
        with self._tracer.start_as_current_span(
            name,
            context=None if parent is None else trace.set_span_in_context(parent),
            kind=SpanKind.PRODUCER if operation == "create" or message is not None else SpanKind.CLIENT,
            attributes={**attributes, "messaging.operation.type": operation},
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span


def _about(message: OutgoingMessage) -> dict[str, Any]:
    event_type = getattr(message.payload, "__event_type__", None)
    return {} if event_type is None else {"mega.event_type": str(event_type)}


def _inject(message: OutgoingMessage, span: Span) -> None:
    """Put the context of a span into message attributes; leave out what is too long, an overgrown ``tracestate``."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace.set_span_in_context(span))
    room = ADDED_BYTES
    for name, value in carrier.items():
        size = len(name) + len("String") + len(value.encode())
        if value and size <= room:
            message.attributes[name] = value
            room -= size


def _links(attributes: Mapping[str, str | bytes]) -> list[Link]:
    """To the span that created a message; to none, where its attributes say nothing or nonsense."""
    carrier = {name: value for name, value in attributes.items() if isinstance(value, str)}
    context = trace.get_current_span(propagate.extract(carrier)).get_span_context()
    return [Link(context)] if context.is_valid and context.is_remote else []


def _failed(span: Span, error: BaseException) -> str:
    """Mark a span, with the kind of an exception and without its message: that may quote a payload."""
    kind = type(error).__qualname__
    if not isinstance(error, RetryLater):
        span.set_status(Status(StatusCode.ERROR, kind))
    span.set_attribute("error.type", kind)
    return kind


def _destination(source: str) -> dict[str, str]:
    return {"messaging.system": "aws_sqs", **({"messaging.destination.name": source} if source else {})}


def _name(destination: str) -> str:
    return destination.rstrip("/").rpartition("/" if "/" in destination else ":")[2]
