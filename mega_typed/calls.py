"""Calls functions that may be slow: coroutines on an event loop, and anything within a time limit.

Coroutines run on one event loop of this process, in a thread of its own that starts with the first of them, so that
they can share sessions and locks, whichever thread waits for them. A plain function with a time limit runs in a thread
that can be left behind: nothing ends a thread in Python, so what exceeds its limit goes on, and is counted until it
ends. A coroutine is cancelled.

This file knows functions, and neither messages nor subscribers.
"""

from __future__ import annotations

import atexit
import inspect
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from mega_typed.errors import ConfigurationError, ProcessTimeoutError
from mega_typed.forks import tell_of_forks

if TYPE_CHECKING:
    import asyncio  # imported when the first coroutine runs: most programs have none

__all__ = ["Calls", "in_thread", "on_event_loop", "prepare", "run_coroutine"]

Ending = Callable[[], object]
"""Returns or raises what a call that has ended did."""

_EXIT_SECONDS: Final = 1.0


class Calls:
    """Calls within a time limit.

    Args:
        seconds: that one call may take.

    Raises:
        ConfigurationError: it is not above 0.
    """

    def __init__(self, seconds: float) -> None:
        if not 0 < seconds <= threading.TIMEOUT_MAX:
            raise ConfigurationError(f"process_timeout must be seconds above 0, not {seconds!r}")
        self._seconds = seconds
        self._lock = threading.Lock()
        self._hanging = 0

    @property
    def hanging(self) -> int:
        """How many calls were given up and have not ended."""
        return self._hanging

    def call(
        self,
        function: Callable[[Any], object],
        argument: object,
        *,
        given_up: Callable[[], object],
        late: Callable[[Ending], object] | None,
    ) -> object:
        """What a function returns, or the coroutine that it returns; in the context of the caller.

        Args:
            function: of one argument.
            argument: that one.
            given_up: is called when the time is over, before this raises.
            late: is called with the ending of a call that was given up, when there is one; in a thread, so that it
                may take its time.

        Raises:
            ProcessTimeoutError: it took too long.
            BaseException: what it raises.
        """
        scope = _Scope()
        outer = _scope.set(scope)
        try:
            if inspect.iscoroutinefunction(function):
                ended, cancel = _submit(function(argument))
                scope.add(cancel)
            else:
                ended = _threads.start(function, argument)
        finally:
            _scope.reset(outer)
        try:
            wait([ended], self._seconds)
        finally:  # also when an interrupt ends the waiting
            over = not ended.done()
            if over:
                given_up()
                scope.end()
                self._leave(ended, late)
        if over:
            raise ProcessTimeoutError(f"process() took longer than {self._seconds:g} seconds (process_timeout)")
        return ended.result()

    def _leave(self, ended: Future[object], late: Callable[[Ending], object] | None) -> None:
        with self._lock:
            self._hanging += 1

        def end(_: object) -> None:
            try:
                if late is not None:
                    late(ended.result)
            finally:
                with self._lock:
                    self._hanging -= 1

        def end_elsewhere(_: object) -> None:
            # The call ends on the event loop, for which all coroutines wait, or in a thread that has another call.
            try:
                _threads.start(end, None)
            except RuntimeError:  # some versions of Python start no thread when the interpreter exits
                end(None)

        ended.add_done_callback(end_elsewhere)


class _Scope:
    """The coroutines that a call waits for, in whatever thread; they are cancelled when the call is given up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancels: list[Callable[[], object]] = []
        self._over = False

    def add(self, cancel: Callable[[], object]) -> None:
        with self._lock:
            self._cancels.append(cancel)
            over = self._over
        if over:
            cancel()

    def end(self) -> None:
        with self._lock:
            self._over = True
            cancels = tuple(self._cancels)
        for cancel in cancels:
            cancel()


_scope: Final[ContextVar[_Scope]] = ContextVar("mega_typed_scope")


class _Thread:
    """One thread that calls what it is given, one after the other."""

    def __init__(self, free: Callable[[_Thread], object]) -> None:
        self._free = free
        self._jobs: SimpleQueue[tuple[Context, Callable[[Any], object], object, Future[object]]] = SimpleQueue()
        threading.Thread(target=self._run, name="mega-typed-call", daemon=True).start()

    def start(self, function: Callable[[Any], object], argument: object) -> Future[object]:
        ended: Future[object] = Future()
        self._jobs.put((copy_context(), function, argument, ended))
        return ended

    def _run(self) -> None:
        while True:
            context, function, argument, ended = self._jobs.get()
            if not ended.set_running_or_notify_cancel():  # a coroutine was cancelled before this thread woke up
                self._free(self)
                continue
            try:
                said = context.run(function, argument)
                if inspect.iscoroutine(said):
                    said = context.run(run_coroutine, said)
            except BaseException as error:  # whoever waits raises it
                self._free(self)
                ended.set_exception(error)
            else:
                self._free(self)
                ended.set_result(said)
            del context, function, argument, ended  # nothing is kept alive by an idle thread


class _Threads:
    """As many threads as calls run at once. They are used again, because a thread may hold a connection."""

    def __init__(self) -> None:
        self.start_anew()
        tell_of_forks(self)

    def start_anew(self) -> None:
        """None is idle; also in a child process, where those of the parent are not."""
        self._lock = threading.Lock()
        self._idle: list[_Thread] = []

    def start(self, function: Callable[[Any], object], argument: object) -> Future[object]:
        with self._lock:
            thread = self._idle.pop() if self._idle else None
        return (thread or _Thread(self._return)).start(function, argument)

    def _return(self, thread: _Thread) -> None:
        with self._lock:
            self._idle.append(thread)


_threads: Final = _Threads()


# --- coroutines -------------------------------------------------------------------------------------------------------


def run_coroutine(coroutine: Coroutine[Any, Any, object]) -> object:
    """What a coroutine returns, run on this process's event loop, in the context of the caller.

    Raises:
        ConfigurationError: the caller is on the event loop, and would wait for itself.
        BaseException: what it raises.
    """
    if on_event_loop():
        coroutine.close()
        raise ConfigurationError(
            "a coroutine cannot wait here for another one on the same event loop; call this in a thread: "
            "await asyncio.to_thread(...)"
        )
    ended, cancel = _submit(coroutine)
    if (scope := _scope.get(None)) is not None:
        scope.add(cancel)
    try:
        return ended.result()
    finally:
        if not ended.done():  # an interrupt ends the waiting
            cancel()


def on_event_loop() -> bool:
    """Whether the caller runs on this process's event loop, so that no coroutine goes on while it waits."""
    import asyncio

    try:
        return asyncio.get_running_loop() is _event_loop.running
    except RuntimeError:  # there is no running loop
        return False


async def in_thread(function: Callable[[Any], object], argument: object) -> object:
    """What a plain function returns, called in a thread so that the event loop goes on; in this context.

    Raises:
        BaseException: what it raises.
    """
    from asyncio import wrap_future

    return await wrap_future(_threads.start(function, argument))


def prepare() -> None:
    """Start the event loop and a thread now.

    For code that runs coroutines when the interpreter exits: what it registers with `atexit` after this call is called
    while the loop still runs; and some versions of Python start no thread by then.
    """
    _event_loop.get()
    _threads.start(lambda _: None, None)


def _submit(coroutine: Coroutine[Any, Any, object]) -> tuple[Future[object], Callable[[], object]]:
    """Start a coroutine; its ending, and what cancels it."""
    from asyncio import CancelledError

    ended: Future[object] = Future()
    loop, running = _event_loop.get(), _event_loop.tasks
    task: asyncio.Task[None] | None = None

    async def run() -> None:
        try:
            said = await coroutine
        except BaseException as error:  # a SystemExit that leaves a task would end the loop
            ended.set_exception(error)
        else:
            ended.set_result(said)

    def start() -> None:
        nonlocal task
        task = loop.create_task(run())
        running.add(task)
        task.add_done_callback(finish)

    def finish(done: asyncio.Task[None]) -> None:
        running.discard(done)
        if not ended.done():  # it was cancelled before its first step
            coroutine.close()
            ended.set_exception(CancelledError())

    def cancel() -> None:
        loop.call_soon_threadsafe(lambda: task is not None and task.cancel())

    loop.call_soon_threadsafe(start)  # in a copy of this context
    return ended, cancel


class _EventLoop:
    """The event loop of this process, in a thread of its own that starts when the loop is first asked for."""

    def __init__(self) -> None:
        self.start_anew()
        tell_of_forks(self)

    def start_anew(self) -> None:
        """There is none yet; also in a child process, where the thread of the parent is not."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.running: asyncio.AbstractEventLoop | None = None
        self.tasks: set[asyncio.Task[None]] = set()  # an event loop holds its tasks weakly
        atexit.unregister(self._end)

    def get(self) -> asyncio.AbstractEventLoop:
        from asyncio import new_event_loop

        with self._lock:
            if self.running is None:
                self.running = new_event_loop()
                self._thread = threading.Thread(target=self._run, name="mega-typed-event-loop", daemon=True)
                self._thread.start()
                atexit.register(self._end)
            return self.running

    def _run(self) -> None:
        assert self.running is not None
        stopped = False
        while not stopped:
            with suppress(
                SystemExit, KeyboardInterrupt
            ):  # they leave a task that a coroutine started, and the loop too
                self.running.run_forever()
                stopped = True

    def _end(self) -> None:
        assert self.running is not None
        assert self._thread is not None
        self.running.call_soon_threadsafe(self._cancel_all)
        self._thread.join(_EXIT_SECONDS)
        if not self._thread.is_alive():
            self.running.close()

    def _cancel_all(self) -> None:
        for task in self.tasks:
            task.cancel()
        self._stop_when_idle()

    def _stop_when_idle(self) -> None:
        assert self.running is not None
        if self.tasks:
            self.running.call_later(0.01, self._stop_when_idle)
        else:
            self.running.stop()


_event_loop: Final = _EventLoop()
