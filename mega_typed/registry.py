"""What a generated package calls when it is imported: events by name, loaded when they are first asked for.

Nothing here imports an event; a registry of a thousand events costs a dictionary of a thousand strings. This file knows
how to name an event type and how to import a module, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from mega_typed.errors import RegistrationError
from mega_typed.payload import EventType

_locations: dict[EventType, str] = {}


def register_events(package: str, events: Mapping[tuple[str | None, str, int], str]) -> None:
    """Make the events of a generated package known, without importing them.

    Args:
        package: the package that the locations are relative to, its ``__name__``.
        events: ``(domain, name, version)`` to ``"module:Class"``, relative to the package.

    Raises:
        RegistrationError: an event type is already registered at another location. Nothing is registered then.
    """
    located = {EventType(*key): f"{package}.{location}" for key, location in events.items()}
    for event_type, location in located.items():
        known = _locations.get(event_type, location)
        if known != location:
            raise RegistrationError(
                f"{event_type} is defined twice: at {known} and at {location}. Give one another version or domain."
            )
    _locations.update(located)


def registered_events() -> Iterator[EventType]:
    """All event types that imported packages have registered."""
    return iter(tuple(_locations))


def registered_class(event_type: EventType) -> type[Any] | None:
    """The class of an event type, imported now if need be; ``None`` when no imported package defines it."""
    location = _locations.get(event_type)
    if location is None:
        return None
    module, _, name = location.partition(":")
    found: type[Any] = getattr(import_module(module), name)
    return found


def lazy_exports(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__`` (PEP 562) that import a submodule when one of its names is used.

    Args:
        package: the package's ``__name__``.
        names: exported name to relative module, such as ``{"ItemAdded": ".item_added"}``.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807
        module = names.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(module, package), name)
        vars(import_module(package))[name] = value
        return value

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*vars(import_module(package)), *names})

    return __getattr__, __dir__
