"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        ("shop", "order.paid", 1): "shop.order_paid:OrderPaid",
        ("shop", "order.returned", 1): "shop.order_returned:OrderReturned",
        ("shop", "order.shipped", 1): "shop.order_shipped:OrderShipped",
    },
)
