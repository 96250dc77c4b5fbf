"""Events and types of shop, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .item_measured import ItemMeasured
    from .subscribers.item_measured import ItemMeasuredSubscriber

__all__ = [
    "ItemMeasured",
    "ItemMeasuredSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ItemMeasured": ".item_measured",
        "ItemMeasuredSubscriber": ".subscribers.item_measured",
    },
)
