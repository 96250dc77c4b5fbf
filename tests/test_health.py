"""What a listener says of itself, to a caller and over HTTP; and how fast it may receive."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import ConfigurationError, MessageSubscriber, SqsListener
from mega_typed import health as health_module
from mega_typed.health import Health, Pulse, serve_health
from mega_typed.rate_limit import LARGEST_BURST, RateLimit

from .test_crew import Queue
from .test_heartbeat import Clock
from .test_listener import QUEUE, FakeClient, message


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def probe(port: int, path: str = "/") -> tuple[int, dict[str, Any]]:
    """Status and body of the answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_health_is_progress() -> None:
    """Receives and messages are progress; without any for longer than is allowed, or before it listens, it is unhealthy."""
    clock = Clock()
    pulse = Pulse(clock)

    def health() -> Health:
        return pulse.health(60, in_flight=1, longest_seconds=2.0, hanging=3)

    assert not health().healthy
    assert health().seconds_since_receive is None
    pulse.listening = True
    pulse.progressed()
    assert health().healthy
    clock.now = 61
    assert not health().healthy
    pulse.received()
    clock.now = 100
    pulse.progressed()
    clock.now = 130
    pulse.receive_failures += 1
    assert health() == Health(
        healthy=True,
        listening=True,
        in_flight=1,
        longest_seconds=2.0,
        hanging=3,
        seconds_since_receive=69,
        receive_failures=1,
        seconds_since_progress=30,
    )
    pulse.received()
    assert health().receive_failures == 0


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_probe_sees_the_listener_over_http(concurrency: int) -> None:
    """While a message is processed the endpoint answers 200 with what is in flight; after the end nobody answers."""
    port, seen = free_port(), list[tuple[int, dict[str, Any]]]()

    class Worker(MessageSubscriber):
        def process(self, payload: object) -> None:
            seen.append(probe(port))
            seen.append(probe(port, "/healthz?x"))

    client = FakeClient([message("a")])
    listener = SqsListener(QUEUE, client=client, health_address=("127.0.0.1", port), concurrency=concurrency)
    client.finished = listener.stop
    listener.register_subscriber(Worker)
    listener.listen()
    for status, body in seen:
        assert (status, body["healthy"], body["in_flight"], body["receive_failures"]) == (200, True, 1, 0)
    assert len(seen) == 2
    assert not listener.health().listening
    with pytest.raises(urllib.error.URLError):
        probe(port)


def test_a_listener_that_cannot_receive_is_unhealthy_in_the_end() -> None:
    """Failures are counted, and without a receive that succeeds the endpoint answers 503."""
    port, answers = free_port(), list[tuple[int, dict[str, Any]]]()
    client = FakeClient(*[EndpointConnectionError(endpoint_url="x") for _ in range(3)])

    def pause(_: float) -> None:
        threading.Event().wait(0.02)
        answers.append(probe(port))

    listener = SqsListener(QUEUE, client=client, health_address=("127.0.0.1", port), unhealthy_after=0.001, sleep=pause)
    client.finished = listener.stop
    listener.listen()
    assert [status for status, _ in answers] == [503] * 3
    assert [body["receive_failures"] for _, body in answers] == [1, 2, 3]


def test_an_address_that_is_taken_is_an_error() -> None:
    """``listen`` says so instead of going on without a probe, and can be called again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = SqsListener(QUEUE, client=FakeClient(), health_address=("127.0.0.1", port))
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=f"health_address 127.0.0.1:{port}"):
                listener.listen()


@pytest.mark.parametrize("arguments", [{"unhealthy_after": 0}, {"max_per_second": 0}, {"max_per_second": float("nan")}])
def test_numbers_out_of_range_are_refused(arguments: dict[str, float]) -> None:
    """The error names the argument."""
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        SqsListener(QUEUE, **arguments)  # type: ignore[arg-type]


def test_a_client_that_sends_byte_by_byte_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has a deadline as a whole, so that no client holds a thread for longer."""
    monkeypatch.setattr(health_module, "_REQUEST_SECONDS", 0.2)
    port = free_port()
    with serve_health(lambda: Pulse().health(1, in_flight=0, longest_seconds=0, hanging=0), ("127.0.0.1", port)):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            sent = 0
            with contextlib.suppress(OSError):
                for _ in range(1000):
                    slow.sendall(b"x")
                    sent += 1
                    if select.select([slow], [], [], 0.01)[0]:  # the answer, or the end
                        break
            assert 1 < sent < 1000
        assert probe(port)[0] == 503


def test_waiting_for_the_rate_is_progress() -> None:
    """A listener that may receive only now and then is healthy while it waits for its turn."""
    client = FakeClient([message("a")], [message("b")])
    pauses = list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert listener.health().healthy
        if len(pauses) == 3:
            listener.stop()

    listener = SqsListener(QUEUE, client=client, max_per_second=0.001, unhealthy_after=10, sleep=pause)
    listener.listen()
    assert pauses == [5.0, 5.0, 5.0]


# --- rate limit -------------------------------------------------------------------------------------------------------


@given(
    st.floats(0.1, 1000),
    st.lists(st.tuples(st.integers(1, 10), st.floats(0, 1), st.integers(0, 10)), min_size=1, max_size=40),
)
def test_no_more_than_the_rate_and_never_stuck(rate: float, steps: list[tuple[int, float, int]]) -> None:
    """In any window no more is granted than the rate and one burst; a wait of what it says always leads to a grant."""
    clock = Clock()
    limit = RateLimit(rate, clock)
    taken = list[tuple[float, int]]()
    for wanted, idle, unused in steps:
        clock.now += idle
        granted, wait = limit.take(wanted)
        if not granted:
            assert wait > 0
            clock.now += wait
            granted, _ = limit.take(wanted)
        assert 0 < granted <= wanted
        limit.give_back(min(unused, granted))
        taken.append((clock.now, granted - min(unused, granted)))
    burst = max(1.0, min(LARGEST_BURST, rate))
    for first, (start, _) in enumerate(taken):
        for last in range(first, len(taken)):
            amount = sum(count for _, count in taken[first : last + 1])
            assert amount <= burst + rate * (taken[last][0] - start) + 0.01


def listener_of(queue: Queue, process: Callable[[str], object], **arguments: Any) -> SqsListener:
    class Worker(MessageSubscriber):
        def process(self, payload: Any) -> None:
            process(payload)

    listener = SqsListener(QUEUE, client=queue, **arguments)
    listener.register_subscriber(Worker)
    queue.finished = listener.stop
    return listener


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_listener_waits_before_it_receives(concurrency: int) -> None:
    """With a rate limit it pauses before a receive, so no message waits in hand, and all are processed."""
    queue, held = Queue(*(f"m-{n}" for n in range(30))), list[int]()

    def process(body: str) -> None:
        held.append(queue.held)
        queue.processed()

    listener_of(queue, process, concurrency=concurrency, max_per_second=200).listen()
    assert len(queue.deleted) == 30
    assert max(held) <= 10
