"""Events and types of shop, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .order_paid import OrderPaid
    from .order_returned import OrderReturned
    from .order_shipped import OrderShipped
    from .subscribers.order_paid import OrderPaidSubscriber
    from .subscribers.order_returned import OrderReturnedSubscriber
    from .subscribers.order_shipped import OrderShippedSubscriber

__all__ = [
    "OrderPaid",
    "OrderPaidSubscriber",
    "OrderReturned",
    "OrderReturnedSubscriber",
    "OrderShipped",
    "OrderShippedSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "OrderPaid": ".order_paid",
        "OrderPaidSubscriber": ".subscribers.order_paid",
        "OrderReturned": ".order_returned",
        "OrderReturnedSubscriber": ".subscribers.order_returned",
        "OrderShipped": ".order_shipped",
        "OrderShippedSubscriber": ".subscribers.order_shipped",
    },
)
