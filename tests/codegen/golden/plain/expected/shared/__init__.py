"""Events and types of shared, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .pinged import Pinged
    from .subscribers.pinged import PingedSubscriber

__all__ = [
    "Pinged",
    "PingedSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Pinged": ".pinged",
        "PingedSubscriber": ".subscribers.pinged",
    },
)
