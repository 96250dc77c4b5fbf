"""Events and types of crm, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .buyer import Buyer, BuyerContactOption1, BuyerContactOption2

__all__ = [
    "Buyer",
    "BuyerContactOption1",
    "BuyerContactOption2",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Buyer": ".buyer",
        "BuyerContactOption1": ".buyer",
        "BuyerContactOption2": ".buyer",
    },
)
