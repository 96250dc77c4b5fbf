"""Coroutines and time limits: of calls by themselves, of subscribers in a dispatcher, and of listeners."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import pytest
from mega_typed import (
    ConfigurationError,
    Dispatcher,
    Disposition,
    MessageSubscriber,
    ProcessStatus,
    ProcessTimeoutError,
    Record,
    RetryLater,
    SqsListener,
    current_message,
)
from mega_typed.calls import Calls, in_thread, run_coroutine
from mega_typed.idempotency import Claim, MemoryStore
from mega_typed.message_context import Cancellation

from .test_listener import QUEUE, FakeClient, message

DONE, LATER, RETRIABLE, FATAL = ProcessStatus
LONG = 10.0


def subscriber(process: Callable[..., Any]) -> type[MessageSubscriber]:
    """A message subscriber with this ``process``."""
    return type("Subject", (MessageSubscriber,), {"process": process})


def dispatcher(*processes: Callable[..., Any], **arguments: Any) -> Dispatcher:
    """A dispatcher of subscribers with these functions."""
    made = Dispatcher(**arguments)
    for process in processes:
        made.register(subscriber(process))
    return made


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Lets go at the end what hangs on it."""
    event = threading.Event()
    yield event
    event.set()


# --- coroutines -------------------------------------------------------------------------------------------------------


async def returns(self: Any, payload: str) -> ProcessStatus:
    await asyncio.sleep(0)
    return ProcessStatus(payload.removesuffix("!"))


@pytest.mark.parametrize("timeout", [None, LONG])
def test_coroutines_process(timeout: float | None) -> None:
    """With and without a time limit, an ``async def process`` says what becomes of a message, as a plain one does."""

    async def raises(self: Any, payload: str) -> None:
        await asyncio.sleep(0)
        raise {"later": RetryLater(after=7), "exit": SystemExit(3), "cancel": asyncio.CancelledError()}[payload[:-1]]

    made = dispatcher(returns, process_timeout=timeout)
    for status in ProcessStatus:
        (result,) = made.handle(Record(f"{status.value}!")).results
        assert (result.status, result.error) == (status, None)
    made = dispatcher(raises, process_timeout=timeout)
    said = {body: made.handle(Record(f"{body}!")).results[0] for body in ("later", "exit", "cancel")}
    assert {body: result.status for body, result in said.items()} == {"later": LATER, "exit": FATAL, "cancel": FATAL}
    assert type(said["exit"].error) is SystemExit
    assert dispatcher(returns, process_timeout=timeout).handle(Record("done!")).results[0].status is DONE  # it goes on


def test_coroutines_share_one_loop() -> None:
    """Coroutines that different threads wait for meet on one event loop, so that they can share sessions and locks."""
    loops = list[object]()

    async def meet() -> None:
        loops.append(asyncio.get_running_loop())
        while len(loops) < 2:
            await asyncio.sleep(0.001)

    threads = [threading.Thread(target=run_coroutine, args=(meet(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert len(set(map(id, loops))) == 1


def test_a_coroutine_cannot_wait_for_its_own_loop() -> None:
    """To process a message from within a coroutine that processes one is an error, and does not hang."""

    async def nested() -> object:
        return run_coroutine(asyncio.sleep(0))

    with pytest.raises(ConfigurationError, match="wait"):
        run_coroutine(nested())


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_a_task_cannot_end_the_loop(end: type[BaseException]) -> None:
    """A coroutine gets what a task that it started raises, SystemExit too, and the coroutines after it run."""

    async def ends() -> None:
        raise end

    async def starts() -> None:
        await asyncio.gather(asyncio.create_task(ends()))

    calls = Calls(LONG)
    with pytest.raises(end):
        calls.call(lambda _: run_coroutine(starts()), None, given_up=lambda: None, late=None)
    assert calls.call(lambda _: run_coroutine(asyncio.sleep(0, DONE)), None, given_up=lambda: None, late=None) is DONE


def test_a_call_that_is_cancelled_before_it_starts_costs_no_thread() -> None:
    """A coroutine that is cancelled while its thread wakes up leaves a thread that serves the next one."""

    async def cancelled() -> None:
        call = asyncio.ensure_future(in_thread(lambda _: None, None))
        await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call

    for _ in range(20):
        run_coroutine(cancelled())
        assert run_coroutine(asyncio.wait_for(in_thread(lambda _: DONE, None), LONG)) is DONE


def test_the_loop_lets_a_process_end() -> None:
    """A process that ran coroutines ends by itself, with status 0 and without a warning, also when one still runs."""
    code = """
import asyncio, threading
from mega_typed import ProcessTimeoutError
from mega_typed.calls import Calls, in_thread, run_coroutine
try:
    Calls(0.05).call(asyncio.sleep, 60, given_up=lambda: None, late=None)
except ProcessTimeoutError:
    print("given up")
started = threading.Event()
async def long():
    started.set()
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        print("cleaned up")
def run():
    try:
        run_coroutine(long())
    except asyncio.CancelledError:
        pass
threading.Thread(target=run, daemon=True).start()
started.wait()
"""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "given up\ncleaned up\n", "")


# --- time limits ------------------------------------------------------------------------------------------------------


def test_what_takes_too_long_is_retried_and_others_go_on(gate: threading.Event) -> None:
    """A subscriber beyond its time counts as RETRIABLE_ERROR; the others of the message, and of the next, are called."""

    def slow(self: Any, payload: str) -> None:
        gate.wait(LONG)

    async def slow_too(self: Any, payload: str) -> None:
        await asyncio.sleep(LONG)

    made = dispatcher(slow, returns, slow_too, process_timeout=0.05)
    for _ in range(2):
        outcome = made.handle(Record("done!"))
        assert [result.status for result in outcome.results] == [RETRIABLE, DONE, RETRIABLE]
        assert outcome.disposition is Disposition.RETRY
        assert isinstance(outcome.results[0].error, ProcessTimeoutError)


def test_a_call_that_was_given_up_is_told_and_counted(gate: threading.Event) -> None:
    """It can see that it was cancelled, a coroutine is cancelled, and it counts as hanging until it ends."""
    seen: dict[str, Callable[[], bool]] = {}
    ended = threading.Event()

    def slow(self: Any, payload: str) -> None:
        context = current_message()
        seen["plain"] = lambda: context.cancelled
        assert not context.cancelled
        gate.wait(LONG)

    async def slow_too(self: Any, payload: str) -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            ended.set()

    made = dispatcher(slow, slow_too, process_timeout=0.05)
    whole = Cancellation()
    made.handle(Record("x", "m1"), cancellation=whole)
    assert seen["plain"]()
    assert not whole.cancelled  # the message, and others that work on it, are as before
    assert ended.wait(LONG)
    gate.set()
    until(lambda: made.hanging == 0)


def until(holds: Callable[[], bool]) -> None:
    """Wait, within bounds, for what another thread does."""
    pause = threading.Event()
    for _ in range(1000):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come about")


def test_a_lease_lasts_as_long_as_the_call_that_was_given_up(gate: threading.Event) -> None:
    """A redelivery does not process beside a call that still runs; what that call says in the end is remembered."""
    calls = list[str]()

    def slow(self: Any, payload: str) -> None:
        calls.append(payload)
        gate.wait(LONG)

    made = dispatcher(slow, process_timeout=0.05, idempotency=MemoryStore())
    first, second = (made.handle(Record("x", "m1")).results[0] for _ in range(2))
    assert (first.status, first.skipped) == (RETRIABLE, False)
    assert (second.status, second.skipped) == (LATER, True)
    gate.set()
    until(lambda: made.hanging == 0)
    third = made.handle(Record("x", "m1")).results[0]
    assert (third.status, third.skipped, calls) == (DONE, True, ["x"])


@pytest.mark.parametrize("asynchronous", [True, False])
def test_what_a_call_raises_that_was_given_up_is_no_verdict(asynchronous: bool) -> None:
    """A coroutine that is cancelled for its time, or a function that ends for it, is called again at a redelivery."""
    calls = list[str]()

    async def cancelled(self: Any, payload: str) -> None:
        calls.append(payload)
        await asyncio.sleep(LONG if len(calls) == 1 else 0)

    def ends(self: Any, payload: str) -> None:
        calls.append(payload)
        if len(calls) == 1:
            until(lambda: current_message().cancelled)
            raise ValueError("half done")

    made = dispatcher(cancelled if asynchronous else ends, process_timeout=0.05, idempotency=MemoryStore())
    assert made.handle(Record("x", "m1")).results[0].status is RETRIABLE
    until(lambda: made.hanging == 0)
    again = made.handle(Record("x", "m1")).results[0]
    assert (again.status, again.skipped, calls) == (DONE, False, ["x", "x"])


@pytest.mark.parametrize("timeout", [None, LONG])
def test_what_cancelled_work_raises_is_no_verdict(timeout: float | None) -> None:
    """Work whose message was given back, at the end of the process for instance, does not say by ending that it failed
    for good: at the next delivery it is called again."""
    cancellation = Cancellation()

    def ends(self: Any, payload: str) -> None:
        if cancellation.cancelled:
            return
        cancellation.cancel()
        raise asyncio.CancelledError

    made = dispatcher(ends, process_timeout=timeout, idempotency=MemoryStore())
    given_back = made.handle(Record("x", "m1"), cancellation=cancellation)
    assert (given_back.results[0].status, given_back.disposition) == (RETRIABLE, Disposition.RETRY)
    again = made.handle(Record("x", "m1")).results[0]
    assert (again.status, again.skipped) == (DONE, False)


def test_a_store_that_hangs_for_a_call_that_was_given_up_holds_up_no_coroutine(gate: threading.Event) -> None:
    """What a cancelled coroutine leaves to be written is not written on the event loop."""

    class Hanging(MemoryStore):
        def release(self, claim: Claim) -> None:
            gate.wait(LONG)

    async def process(self: Any, payload: str) -> None:
        try:
            await asyncio.sleep(LONG if payload == "slow!" else 0)
        finally:
            await asyncio.sleep(0.05)  # so that it ends when nobody waits for it any more

    made = dispatcher(process, process_timeout=1.0, idempotency=Hanging())
    assert made.handle(Record("slow!", "m1")).results[0].status is RETRIABLE
    assert made.handle(Record("quick!", "m2")).results[0].status is DONE


def test_threads_of_timed_calls_are_used_again() -> None:
    """A thread serves one call after the other, so that what it holds, a connection for instance, is not made anew."""
    calls, threads = Calls(LONG), set[int]()
    for _ in range(20):
        calls.call(lambda _: threads.add(threading.get_ident()), None, given_up=lambda: None, late=None)
    assert len(threads) < 10  # one, and those that come back from earlier tests meanwhile


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_is_above_zero(wrong: float) -> None:
    """Anything else is refused at once."""
    with pytest.raises(ConfigurationError, match="process_timeout"):
        Dispatcher(process_timeout=wrong)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_listener_whose_subscribers_all_hang_ends_with_an_error(concurrency: int, gate: threading.Event) -> None:
    """With ten calls left behind the process is beyond help: ``listen`` raises; nothing is deleted, and it comes back."""

    def hang(self: Any, payload: str) -> None:
        gate.wait(LONG)

    batches = [[message(f"{batch}-{n}") for n in range(concurrency)] for batch in range(20)]
    client = FakeClient(*batches)
    listener = SqsListener(QUEUE, client=client, process_timeout=0.02, concurrency=concurrency, sleep=lambda _: None)
    client.finished = listener.stop
    listener.register_subscriber(subscriber(hang))
    with pytest.raises(ProcessTimeoutError, match="start this process anew"):
        listener.listen()
    assert client.deleted == []
    assert client.script  # it did not take all there is


# --- the message in hand ----------------------------------------------------------------------------------------------


def test_a_subscriber_can_ask_about_its_message() -> None:
    """Id, receive count and attributes are at hand in plain functions and coroutines, and are gone afterwards."""
    seen = list[tuple[object, ...]]()

    def plain(self: Any, payload: str) -> None:
        context = current_message()
        seen.append((context.message_id, context.receive_count, dict(context.attributes), context.cancelled))

    async def asynchronous(self: Any, payload: str) -> None:
        plain(self, payload)

    for timeout in (None, LONG):
        made = dispatcher(plain, asynchronous, process_timeout=timeout)
        made.handle(Record("x", "m1", attributes={"a": "b"}, system={"ApproximateReceiveCount": "3"}))
    assert seen == [("m1", 3, {"a": "b"}, False)] * 4
    assert current_message().message_id == ""


def test_the_two_kinds_of_process_pass_the_type_checkers() -> None:
    """Both are overrides of the same method, with and without a status."""

    class Plain(MessageSubscriber):
        def process(self, payload: object) -> None: ...

    class Asynchronous(MessageSubscriber):
        async def process(self, payload: object) -> ProcessStatus:
            return DONE

    class Mixed(MessageSubscriber):
        def process(self, payload: object) -> Coroutine[Any, Any, None] | ProcessStatus:
            return DONE

    made = Dispatcher()
    for kind in (Plain, Asynchronous, Mixed):
        made.register(kind)
    assert [result.status for result in made.handle(Record("x")).results] == [DONE] * 3
