"""Middleware around ``process``: order, both kinds mixed, what it may decide, and what it may not harm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import (
    AsyncProceed,
    Dispatcher,
    Disposition,
    MessageSubscriber,
    Proceed,
    ProcessCall,
    ProcessMiddleware,
    ProcessStatus,
    ProcessTimeoutError,
    Record,
    RetryLater,
)
from mega_typed.aws_lambda import lambda_handler
from mega_typed.idempotency import MemoryStore

from .test_calls import until

DONE, LATER, RETRIABLE, FATAL = ProcessStatus
LONG = 10.0
Log = list[str]


class Plain(MessageSubscriber):
    """A plain one."""

    log: Log = []

    def process(self, payload: object) -> None:
        self.log.append("process")


class Asynchronous(MessageSubscriber):
    """A coroutine function."""

    log: Log = []

    async def process(self, payload: object) -> None:
        await asyncio.sleep(0)
        self.log.append("process")


def plain(name: str, log: Log) -> ProcessMiddleware:
    def middleware(call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        log.append(f">{name}")
        try:
            return proceed()
        finally:
            log.append(f"<{name}")

    return middleware


def asynchronous(name: str, log: Log) -> ProcessMiddleware:
    class Middleware:
        """An object that is called counts like a function."""

        async def __call__(self, call: ProcessCall, proceed: AsyncProceed) -> ProcessStatus:
            log.append(f">{name}")
            try:
                return await proceed()
            finally:
                log.append(f"<{name}")

    return Middleware()


def statuses(dispatcher: Dispatcher, *kinds: type[MessageSubscriber]) -> list[ProcessStatus]:
    """What becomes of one message."""
    for kind in kinds:
        dispatcher.register(kind)
    return [result.status for result in dispatcher.handle(Record("x", "m1")).results]


@given(
    st.lists(st.sampled_from([plain, asynchronous]), max_size=5),
    st.sampled_from([Plain, Asynchronous]),
    st.sampled_from([None, LONG]),
)
def test_the_first_is_outermost_whatever_kinds_are_mixed(
    kinds: list[Callable[[str, Log], ProcessMiddleware]], subscriber: Any, timeout: float | None
) -> None:
    """Any mix of plain and asynchronous ones, around both kinds of process, with and without a limit, nests in order."""
    log: Log = []
    subscriber.log = log
    chain = [kind(str(number), log) for number, kind in enumerate(kinds)]
    assert statuses(Dispatcher(middleware=chain, process_timeout=timeout), subscriber) == [DONE]
    names = [str(number) for number in range(len(kinds))]
    assert log == [*(f">{name}" for name in names), "process", *(f"<{name}" for name in reversed(names))]


def test_it_sees_whom_what_and_which_message() -> None:
    """The call names the subscriber's class, the payload, and the message with its attributes."""
    seen = list[ProcessCall]()

    def watch(call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        seen.append(call)
        return proceed()

    dispatcher = Dispatcher(middleware=[watch])
    for kind in (Plain, Asynchronous):
        dispatcher.register(kind)
    dispatcher.handle(Record("x", "m1", attributes={"a": "b"}))
    assert [(call.subscriber, call.payload, call.message.message_id) for call in seen] == [
        (Plain, "x", "m1"),
        (Asynchronous, "x", "m1"),
    ]
    assert seen[0].message.attributes == {"a": "b"}


class Fails(MessageSubscriber):
    """Fails twice, then it is done."""

    calls = 0

    def process(self, payload: object) -> None:
        type(self).calls += 1
        if self.calls < 3:
            raise ConnectionError("not yet")


def test_what_it_returns_and_raises_counts() -> None:
    """A status replaces what was said, an exception is the subscriber's, and proceed can be left out or called again."""

    def says(status: object) -> ProcessMiddleware:
        return lambda call, proceed: status  # type: ignore[return-value]

    def raises(call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        proceed()
        raise RetryLater(after=5)

    def insists(call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        for _ in range(2):
            try:
                return proceed()
            except ConnectionError:
                continue
        return proceed()

    def counts_as_done(call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        assert proceed() is DONE  # process returned nothing
        return DONE

    assert statuses(Dispatcher(middleware=[says(LATER)]), Plain) == [LATER]
    assert statuses(Dispatcher(middleware=[says("?")]), Plain) == [FATAL]
    assert statuses(Dispatcher(middleware=[raises]), Plain) == [LATER]
    assert statuses(Dispatcher(middleware=[insists]), Fails) == [DONE]
    assert statuses(Dispatcher(middleware=[counts_as_done]), Plain) == [DONE]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("kind", [plain, asynchronous])
def test_an_exception_passes_through_and_harms_nobody_else(error: BaseException, kind: Any) -> None:
    """What a subscriber raises goes through all layers to the outcome; the next subscriber is called."""

    class Raises(MessageSubscriber):
        def process(self, payload: object) -> None:
            raise error

    log: Log = []
    Plain.log = log
    dispatcher = Dispatcher(middleware=[plain("a", log), kind("b", log)])
    assert statuses(dispatcher, Raises, Plain) == [FATAL, DONE]
    assert log == [">a", ">b", "<b", "<a", ">a", ">b", "process", "<b", "<a"]


def test_it_is_within_the_time_limit_and_the_idempotency() -> None:
    """A middleware that hangs is given up like a subscriber; for a completed message it is not called."""
    gate = threading.Event()

    def hangs(call: ProcessCall, proceed: Proceed) -> ProcessStatus:
        gate.wait(LONG)
        return proceed()

    dispatcher = Dispatcher(middleware=[hangs], process_timeout=0.05)
    dispatcher.register(Plain)
    (result,) = dispatcher.handle(Record("x", "m1")).results
    assert isinstance(result.error, ProcessTimeoutError)
    gate.set()
    until(lambda: dispatcher.hanging == 0)
    log: Log = []
    dispatcher = Dispatcher(middleware=[plain("a", log)], idempotency=MemoryStore())
    assert statuses(dispatcher, Plain) == [DONE]
    assert dispatcher.handle(Record("x", "m1")).results[0].skipped
    assert log.count(">a") == 1


def test_in_lambda_as_well() -> None:
    """The function of a trigger takes the same middleware."""
    log: Log = []

    async def watch(call: ProcessCall, proceed: Callable[[], Awaitable[ProcessStatus]]) -> ProcessStatus:
        log.append(call.message.message_id)
        return await proceed()

    handler = lambda_handler(Plain, middleware=[watch], process_timeout=LONG)
    record = {"messageId": "m1", "body": "x", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:x:0:q"}
    assert handler({"Records": [record]}) == {"batchItemFailures": []}
    assert log == ["m1"]
    assert Dispatcher(middleware=[watch]).handle(Record("x")).disposition is Disposition.DELETE
