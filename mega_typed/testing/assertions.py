"""What was published, held against an event class, a subscriber or a pattern.

The verdict and the words about a failure come from the explanations of the pattern language, so that an assertion says
what dispatch would say. This file knows no client.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import new_class
from typing import Any, Final, TypeVar, cast, overload

from mega_typed.codecs import ContentKind, decode
from mega_typed.dispatch import Dispatcher
from mega_typed.envelopes import EnvelopeKind
from mega_typed.errors import ConfigurationError, DecodeError, PatternWarning
from mega_typed.event import Event
from mega_typed.explanation import Explanation
from mega_typed.match import Pattern
from mega_typed.payload import identity_of
from mega_typed.subscribers import EventSubscriber, MessageSubscriber, Subscriber
from mega_typed.testing.transport import PublishedMessage, Transport

__all__ = ["assert_published", "published_events"]

E = TypeVar("E", bound=Event)

_SHOWN: Final = 10
"""Messages that a failure says something about."""


@overload
def assert_published(
    where: Transport | Iterable[PublishedMessage],
    wanted: type[E],
    predicate: Callable[[E], bool] | None = None,
    *,
    times: int | None = None,
    to: str | None = None,
    **pattern: Any,
) -> list[E]: ...
@overload
def assert_published(
    where: Transport | Iterable[PublishedMessage],
    wanted: type[Subscriber[Any]] | Mapping[str, Any] | Pattern[Any, Any],
    predicate: Callable[[Any], bool] | None = None,
    *,
    times: int | None = None,
    to: str | None = None,
) -> list[Any]: ...
def assert_published(
    where: Transport | Iterable[PublishedMessage],
    wanted: Any,
    predicate: Callable[[Any], bool] | None = None,
    *,
    times: int | None = None,
    to: str | None = None,
    **pattern: Any,
) -> list[Any]:
    """Assert that something was published, and give it.

    Args:
        where: a transport, or published messages.
        wanted: an event class; a subscriber class, for what it would be given; or a pattern over the whole payload, as
            a ``MessageSubscriber`` has it: ``{"type": "note"}``, ``prefix("hello")``.
        predicate: what must be true of an event besides.
        times: how often exactly; at least once when omitted, and not at all with 0.
        to: the queue URL or topic ARN; any, when omitted.
        pattern: for an event class, patterns as a subscriber declares them: ``subject="42"``,
            ``attributes={"quantity": gt(5)}``. They are checked against the schema as those of a subscriber are.

    Returns:
        The events or payloads that match, in the order of publishing.

    Raises:
        AssertionError: not so many match; it shows what was published, and why each did not match.
        PatternError: the pattern cannot be right.
        ConfigurationError: ``wanted`` is none of these, or has patterns of its own and comes with more.
    """
    __tracebackhide__ = True
    messages = list(where.published if isinstance(where, Transport) else where)
    asking = _asking(wanted, pattern)
    found: list[Any] = []
    reasons: list[str] = []
    for message in messages:
        if to is not None and message.destination != to:
            reasons.append(f"it went elsewhere, and not to {to}")
            continue
        payload, reason = _look(asking, message)
        if reason is None and predicate is not None and not predicate(payload):
            reason = f"the predicate says no to {payload!r}"
        if reason is None:
            found.append(payload)
        reasons.append("it matches" if reason is None else reason)
    if (len(found) >= 1) if times is None else (len(found) == times):
        return found
    often = "at least one" if times is None else str(times)
    lines = [f"expected {often} of {_named(wanted, pattern)}, found {len(found)} among {len(messages)} published"]
    for number, (message, reason) in enumerate(zip(messages[:_SHOWN], reasons, strict=False), start=1):
        lines.append(f"{number}. {_described(message)}")
        lines += [f"     {line}" for line in reason.splitlines()]
    if len(messages) > _SHOWN:
        lines.append(f"and {len(messages) - _SHOWN} more")
    raise AssertionError("\n".join(lines))


def published_events(where: Transport | Iterable[PublishedMessage], wanted: type[E]) -> list[E]:
    """The events of a class that were published, in order; none is no error.

    Args:
        where: a transport, or published messages.
        wanted: the event class.
    """
    messages = list(where.published if isinstance(where, Transport) else where)
    looks = (_look(_asking(wanted, {}), message) for message in messages)
    return [payload for payload, reason in looks if reason is None]


def _asking(wanted: Any, pattern: dict[str, Any]) -> Dispatcher:
    """A dispatcher with one subscriber that stands for what is wanted; it is never called."""
    own: dict[str, Any] = {}
    if isinstance(wanted, type) and issubclass(wanted, Event):
        base: Any = cast("Any", EventSubscriber)[wanted]
    elif pattern:
        raise ConfigurationError(f"patterns by name go with an event class, and {wanted!r} is none: leave them out")
    elif isinstance(wanted, type) and issubclass(wanted, Subscriber):
        base = wanted
    elif isinstance(wanted, Mapping | Pattern):
        base, own = MessageSubscriber, {"pattern": wanted}
    else:
        raise ConfigurationError(f"expected an event class, a subscriber class or a pattern, got {wanted!r}")
    body = {**pattern, **own, "__init__": _make, "process": _process}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PatternWarning)  # a pattern that says what the schema says is a fair assertion
        subscriber = new_class(_named(wanted, {}), (base,), exec_body=lambda namespace: namespace.update(body))
    dispatcher = Dispatcher(envelope=EnvelopeKind.RAW)
    dispatcher.register(cast("type[Subscriber[Any]]", subscriber))
    return dispatcher


def _make(_self: object) -> None:
    """In the place of a subscriber's own constructor, which may open a database."""


def _process(_self: object, _payload: object) -> None:
    raise AssertionError("never called")


def _look(asking: Dispatcher, message: PublishedMessage) -> tuple[Any, str | None]:
    """What a message holds, and why it does not match."""
    try:
        explanations = list(asking.explain(message.record))
    except DecodeError as error:
        return None, f"it is not valid: {error}"
    if not explanations:
        return None, "it is something else"
    matching = [each for each in explanations if each.matched]
    if matching:
        return matching[0].found, None
    return None, "\n".join(line for each in explanations for line in _faults(each))


def _faults(explanation: Explanation) -> Iterator[str]:
    """The parts that do not match."""
    parts = [part for part in explanation.parts if not part.matched]
    yield from (str(part) for part in parts) if parts else (str(explanation),)


def _described(message: PublishedMessage) -> str:
    try:
        content = decode(message.record.body, cast("str | None", message.record.attributes.get("content-type")))
        identity = identity_of(content) if content.kind is ContentKind.OBJECT else None
        what = str(identity) if identity is not None else f"{content.kind}: {_short(message.record.body)}"
    except DecodeError:
        what = f"undecodable: {_short(message.record.body)}"
    return f"{what}, to {message.destination}"


def _named(wanted: Any, pattern: dict[str, Any]) -> str:
    if not isinstance(wanted, type):
        return repr(wanted)
    shown = ", ".join(f"{name}={value!r}" for name, value in pattern.items())
    return f"{wanted.__name__} with {shown}" if shown else wanted.__name__


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
