"""Spans and metrics, read back from the SDK of OpenTelemetry in memory: what they say, and what they must not say."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from mega_typed import MessageSubscriber, ProcessStatus, Record, SnsPublisher, SqsListener, SqsPublisher
from mega_typed.aws_lambda import lambda_handler
from mega_typed.dispatch import Dispatcher
from mega_typed.open_telemetry import OpenTelemetry
from mega_typed.outgoing import PublishResult
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from .samples import placed
from .test_listener import QUEUE as LISTENED
from .test_listener import FakeClient as FakeQueue
from .test_listener import message
from .test_publishers import QUEUE, TOPIC, FakeClient

SECRET = "s3cret-payload"
DONE, LATER, RETRIABLE, FATAL = ProcessStatus


class Watch:
    """An ``OpenTelemetry`` of its own, and what it has recorded."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.telemetry = OpenTelemetry(self.tracers, MeterProvider([self._metrics]))

    def spans(self) -> Sequence[ReadableSpan]:
        return self._spans.get_finished_spans()

    @staticmethod
    def _value(point: object) -> str:
        return "value" if hasattr(point, "value") else "count"

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Attributes and value of each series of a metric; of a histogram, how many values."""
        data = self._metrics.get_metrics_data()
        found: list[tuple[dict[str, Any], Any]] = []
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = metric.data.data_points if metric.name == name else ()
                    found += [(dict(each.attributes or {}), getattr(each, self._value(each), None)) for each in points]
        return found


@pytest.fixture
def watch() -> Watch:
    return Watch()


def attributes_of(call: Mapping[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in call["MessageAttributes"].items()}


class Says(MessageSubscriber):
    """Says what the text asks for, and notes the current span."""

    current: list[trace.SpanContext] = []

    def process(self, payload: Any) -> ProcessStatus:
        self.current.append(trace.get_current_span().get_span_context())
        if payload == f"raise {SECRET}":
            raise ValueError(SECRET)
        return {"later!": LATER, "fatal!": FATAL}.get(str(payload), DONE)


def test_process_is_linked_to_publish(watch: Watch) -> None:
    """A published message carries the context of its span, and the span around its processing links to that one."""
    client = FakeClient()
    publisher = SqsPublisher(QUEUE, client=cast("Any", client), middleware=[watch.telemetry.publishing])
    with watch.tracers.get_tracer("test").start_as_current_span("outside") as outside:
        publisher.publish(placed(), attributes={"tracestate": "old=1"})
    (send, _) = watch.spans()
    assert (send.name, send.kind) == ("send q", SpanKind.PRODUCER)
    assert send.parent == outside.get_span_context()
    said = dict(send.attributes or {})
    assert said["messaging.system"] == "aws_sqs"
    assert said["messaging.operation.type"] == "send"
    assert said["messaging.destination.name"] == "q"
    assert said["messaging.message.id"] == "id"
    assert said["mega.event_type"] == str(placed().__event_type__)

    dispatcher = Dispatcher(middleware=[watch.telemetry.processing])
    dispatcher.register(Says)
    record = Record(
        client.calls[0]["MessageBody"], "m1", attributes=dict(attributes_of(client.calls[0])),
        system={"ApproximateReceiveCount": "2"},
    )  # fmt: skip
    dispatcher.handle(record)
    process = watch.spans()[-1]
    assert (process.name, process.kind, process.parent) == ("process", SpanKind.CONSUMER, None)
    assert [link.context.span_id for link in process.links] == [send.context.span_id if send.context else None]
    said = dict(process.attributes or {})
    assert said["messaging.message.id"] == "m1"
    assert (said["mega.subscriber"], said["mega.attempt"]) == ("Says", 2)
    assert said["mega.status"] == "done"
    assert Says.current[-1] == process.context


def test_messages_of_a_batch_have_spans_of_their_own(watch: Watch) -> None:
    """Each message of a batch carries its own context; the span of the call links to all of them."""
    client = FakeClient()
    publisher = SqsPublisher(QUEUE, client=cast("Any", client), middleware=[watch.telemetry.publishing])
    publisher.publish_many(["a", "b"])
    first, second, send = watch.spans()
    assert [first.name, second.name, send.name] == ["create q", "create q", "send q"]
    assert (send.attributes or {})["messaging.batch.message_count"] == 2
    assert [link.context for link in send.links] == [first.context, second.context]
    carried = [attributes_of(entry)["traceparent"].split("-")[2] for entry in client.calls[0]["Entries"]]
    assert carried == [f"{span.context.span_id:016x}" for span in (first, second) if span.context]


def test_a_buffered_message_belongs_to_the_span_that_published_it(watch: Watch) -> None:
    """Although another thread sends it."""
    publisher = SqsPublisher(QUEUE, client=cast("Any", FakeClient()), middleware=[watch.telemetry.publishing])
    tracer = watch.tracers.get_tracer("test")
    with publisher.buffered() as buffer, tracer.start_as_current_span("outside") as outside:
        buffer.publish("a")
        buffer.flush()
    send = next(span for span in watch.spans() if span.name == "send q")
    assert send.parent == outside.get_span_context()


def test_failures_are_marked_and_payloads_are_nowhere(watch: Watch) -> None:
    """Kinds of exceptions are in spans and metrics; their messages, which may quote a payload, are not."""
    dispatcher = Dispatcher(middleware=[watch.telemetry.processing])
    dispatcher.register(Says)
    for body in (f"raise {SECRET}", "later!", "fatal!", "fine!"):
        dispatcher.handle(Record(body, "m1"))
    codes = [span.status.status_code for span in watch.spans()]
    assert codes == [StatusCode.ERROR, StatusCode.UNSET, StatusCode.ERROR, StatusCode.UNSET]
    client = FakeClient(down=lambda _: OSError(SECRET))
    publisher = SqsPublisher(QUEUE, client=cast("Any", client), middleware=[watch.telemetry.publishing])
    publisher.publish_many([SECRET])
    assert watch.spans()[-1].status.status_code is StatusCode.ERROR
    assert ({"messaging.system": "aws_sqs", "messaging.destination.name": "q", "error.type": "PublishError"}, 1) in (
        watch.points("messaging.client.sent.messages")
    )
    assert SECRET not in "".join(span.to_json() for span in watch.spans())
    measured = watch.points("messaging.process.duration")
    assert {(tuple(sorted(said.items())), count) for said, count in measured} == {
        ((("error.type", "ValueError"), ("mega.subscriber", "Says"), ("messaging.system", "aws_sqs")), 1),
        ((("mega.status", "retry_later"), ("mega.subscriber", "Says"), ("messaging.system", "aws_sqs")), 1),
        ((("mega.status", "fatal_error"), ("mega.subscriber", "Says"), ("messaging.system", "aws_sqs")), 1),
        ((("mega.status", "done"), ("mega.subscriber", "Says"), ("messaging.system", "aws_sqs")), 1),
    }


@pytest.mark.parametrize("parent", ["", "x", "00-0-0-0", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "é" * 60])
def test_a_stranger_s_context_does_no_harm(watch: Watch, parent: str) -> None:
    """A context that makes no sense leads to no link, and the message is processed."""
    dispatcher = Dispatcher(middleware=[watch.telemetry.processing])
    dispatcher.register(Says)
    outcome = dispatcher.handle(Record("x", "m1", attributes={"traceparent": parent, "tracestate": b"x"}))
    assert outcome.results[0].status is DONE
    assert watch.spans()[0].links == ()


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_listener_counts(watch: Watch, concurrency: int) -> None:
    """Received, in flight, by outcome, how long, and the age of the oldest; each under the name of the queue."""
    sent = [{**message(body), "Attributes": {"SentTimestamp": "1000"}} for body in ("a!", "later!", "fatal!")]
    client = FakeQueue(sent[:2], sent[2:])
    listener = SqsListener(LISTENED, client=client, telemetry=watch.telemetry, concurrency=concurrency)
    client.finished = listener.stop
    seen: list[Any] = []

    class Looks(Says):
        def process(self, payload: Any) -> ProcessStatus:
            seen.extend(value for _, value in watch.points("mega.messages.in_flight"))
            return super().process(payload)

    listener.register_subscriber(Looks)
    listener.listen()
    where = {"messaging.system": "aws_sqs", "messaging.destination.name": "q"}
    assert watch.points("messaging.client.consumed.messages") == [(where, 3)]
    assert max(seen) in range(1, concurrency + 1)
    assert watch.points("mega.messages.in_flight") == [(where, 0)]
    processed = [span for span in watch.spans() if span.name == "process q"]
    assert [(span.attributes or {})["messaging.destination.name"] for span in processed] == ["q"] * 3
    handled = {said["mega.disposition"]: count for said, count in watch.points("mega.messages.handled")}
    assert handled == {"delete": 2, "retry": 1}
    assert sum(count for _, count in watch.points("mega.message.duration")) == 3
    ((said, _),) = watch.points("mega.messages.oldest")
    assert said == where


def test_names_that_strangers_choose_make_no_series(watch: Watch) -> None:
    """Events that no subscriber takes are counted together, whatever they are called."""
    bodies = [f'{{"protocol":"mega","version":1,"event":{{"name":"n{n}","domain":"d"}}}}' for n in range(50)]
    client = FakeQueue([message(body) for body in bodies[:10]], [message(body) for body in bodies[10:20]])
    listener = SqsListener(LISTENED, client=client, telemetry=watch.telemetry)
    client.finished = listener.stop
    listener.listen()
    assert [count for _, count in watch.points("mega.messages.handled")] == [20]


def test_a_batch_of_lambda_is_one_receive(watch: Watch) -> None:
    """Its messages are counted together, and the age is that of the oldest."""
    handler = lambda_handler(Says, telemetry=watch.telemetry)
    sent = [str(int((time.time() - age) * 1000)) for age in (5, 5000, 50)]
    records = [
        {
            "messageId": f"m{number}",
            "body": "x",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:x:0:orders",
            "attributes": {"SentTimestamp": moment},
        }
        for number, moment in enumerate(sent)
    ]
    handler({"Records": records})
    assert [count for _, count in watch.points("messaging.client.consumed.messages")] == [3]
    ((_, oldest),) = watch.points("mega.messages.oldest")
    assert 5000 <= oldest < 6000


def test_in_lambda_and_for_topics(watch: Watch) -> None:
    """The same spans and counts under the names of the queue and of the topic."""
    handler = lambda_handler(Says, telemetry=watch.telemetry)
    record = {"messageId": "m1", "body": "x", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:x:0:orders"}
    handler({"Records": [record]})
    assert watch.spans()[-1].name == "process orders"
    assert [said["messaging.destination.name"] for said, _ in watch.points("mega.messages.handled")] == ["orders"]
    SnsPublisher(TOPIC, client=cast("Any", FakeClient()), middleware=[watch.telemetry.publishing]).publish("x")
    assert watch.spans()[-1].name == "send t"
    assert (watch.spans()[-1].attributes or {})["messaging.system"] == "aws.sns"


def test_a_telemetry_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """What counts and measures may fail; messages are processed and deleted all the same."""

    def fails(*_: object) -> None:
        raise RuntimeError("x")

    class Broken:
        processing = staticmethod(lambda call, proceed: proceed())
        received = started = handled = staticmethod(fails)

    client = FakeQueue([message("a")])
    listener = SqsListener(LISTENED, client=client, telemetry=cast("Any", Broken()))
    client.finished = listener.stop
    listener.register_subscriber(Says)
    listener.listen()
    assert client.deleted == [["a"]]
    assert "the telemetry raised" in caplog.text


def test_without_it_nothing_is_imported_and_its_absence_is_explained() -> None:
    """Importing the package loads no OpenTelemetry; importing the module without the extra names the install line."""
    code = (
        "import sys, mega_typed\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
        "sys.modules['opentelemetry'] = None\n"
        "try:\n"
        "    import mega_typed.open_telemetry\n"
        "except mega_typed.ConfigurationError as error:\n"
        "    print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "pip install 'mega-typed[opentelemetry]'" in ran.stdout


def test_an_unknown_result_counts(watch: Watch) -> None:
    """Results that a middleware further in made up are counted as they are."""
    middleware = [
        watch.telemetry.publishing,
        lambda call, proceed: [PublishResult(message.index, "made up") for message in call.messages],
    ]
    SqsPublisher(QUEUE, client=cast("Any", FakeClient()), middleware=cast("Any", middleware)).publish("x")
    assert [count for _, count in watch.points("messaging.client.sent.messages")] == [1]
