"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        ("shop", "day.closed", 1): "shop.day_closed:DayClosed",
        ("shop", "order.placed", 1): "shop.order_placed:OrderPlaced",
    },
)
