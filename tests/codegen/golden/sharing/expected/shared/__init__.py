"""Events and types of shared, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .shared import Audited, Money, Tree

__all__ = [
    "Audited",
    "Money",
    "Tree",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Audited": ".shared",
        "Money": ".shared",
        "Tree": ".shared",
    },
)
