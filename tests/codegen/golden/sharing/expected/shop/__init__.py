"""Events and types of shop, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from ..crm.buyer import Line, Order
    from .day_closed import DayClosed
    from .order_placed import OrderPlaced, OrderPlacedAudit
    from .subscribers.day_closed import DayClosedSubscriber
    from .subscribers.order_placed import OrderPlacedSubscriber

__all__ = [
    "DayClosed",
    "DayClosedSubscriber",
    "Line",
    "Order",
    "OrderPlaced",
    "OrderPlacedAudit",
    "OrderPlacedSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "DayClosed": ".day_closed",
        "DayClosedSubscriber": ".subscribers.day_closed",
        "Line": "..crm.buyer",
        "Order": "..crm.buyer",
        "OrderPlaced": ".order_placed",
        "OrderPlacedAudit": ".order_placed",
        "OrderPlacedSubscriber": ".subscribers.order_placed",
    },
)
