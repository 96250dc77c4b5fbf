"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        (None, "pinged", 1): "shared.pinged:Pinged",
    },
)
