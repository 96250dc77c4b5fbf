"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        ("shop", "item.measured", 1): "shop.item_measured:ItemMeasured",
    },
)
