"""Events and types of till, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .order_paid import OrderPaid
    from .orders import Card
    from .payer_changed import PayerChanged
    from .subscribers.order_paid import OrderPaidSubscriber
    from .subscribers.payer_changed import PayerChangedSubscriber

__all__ = [
    "Card",
    "OrderPaid",
    "OrderPaidSubscriber",
    "PayerChanged",
    "PayerChangedSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Card": ".orders",
        "OrderPaid": ".order_paid",
        "OrderPaidSubscriber": ".subscribers.order_paid",
        "PayerChanged": ".payer_changed",
        "PayerChangedSubscriber": ".subscribers.payer_changed",
    },
)
