"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        ("odd-names", "the:odd-one", 2): "odd_names.the_odd_one_v2:TheOddOneV2",
    },
)
