"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        ("till", "order.paid", 1): "till.order_paid:OrderPaid",
        ("till", "payer.changed", 1): "till.payer_changed:PayerChanged",
    },
)
