"""Events and types of odd_names, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .subscribers.the_odd_one_v2 import TheOddOneV2Subscriber
    from .the_odd_one_v2 import Event_, TheOddOneV2, TheOddOneV2Event

__all__ = [
    "Event_",
    "TheOddOneV2",
    "TheOddOneV2Event",
    "TheOddOneV2Subscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Event_": ".the_odd_one_v2",
        "TheOddOneV2": ".the_odd_one_v2",
        "TheOddOneV2Event": ".the_odd_one_v2",
        "TheOddOneV2Subscriber": ".subscribers.the_odd_one_v2",
    },
)
