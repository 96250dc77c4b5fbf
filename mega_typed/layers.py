"""Functions around a function, plain and coroutine functions mixed: the mechanism of all middleware.

A layer is called with what it is called around and with ``proceed``, which calls the next one. A plain layer waits for
coroutines on the event loop (``calls``), a coroutine function has plain functions called in a thread; so any mix works
around anything, and the event loop never waits. This file knows neither messages nor subscribers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from mega_typed.calls import in_thread, run_coroutine

__all__ = ["Layer", "is_coroutine_function", "layered"]

Layer = Callable[[Any, Any], Any]
"""Takes a description and ``proceed``."""

_Function = Callable[[Any], object]


def layered(
    inner: _Function, layers: Sequence[Layer], describe: Callable[[Any], object], settle: Callable[[object], object]
) -> _Function:
    """A function with layers around it, the first one outermost; a coroutine function if the outermost layer is one.

    Args:
        inner: takes one argument.
        layers: see `Layer`.
        describe: from that argument to what layers are given.
        settle: from what ``inner`` and layers return to what ``proceed`` returns.
    """
    for layer in reversed(layers):
        wrap = _asynchronous if is_coroutine_function(layer) else _plain
        inner = wrap(layer, inner, describe, settle)
    return inner


def is_coroutine_function(function: object) -> bool:
    """Whether a layer is one, an object that is called like one too."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - is it one of these


def _plain(
    layer: Layer, inner: _Function, describe: Callable[[Any], object], settle: Callable[[object], object]
) -> _Function:
    def call(argument: Any) -> object:
        def proceed() -> object:
            said = inner(argument)
            return settle(run_coroutine(said) if inspect.iscoroutine(said) else said)

        return layer(describe(argument), proceed)

    return call


def _asynchronous(
    layer: Layer, inner: _Function, describe: Callable[[Any], object], settle: Callable[[object], object]
) -> _Function:
    async def call(argument: Any) -> object:
        async def proceed() -> object:
            said = inner(argument) if inspect.iscoroutinefunction(inner) else await in_thread(inner, argument)
            return settle(await said if inspect.iscoroutine(said) else said)

        return await layer(describe(argument), proceed)

    return call
