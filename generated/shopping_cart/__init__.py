"""Events and types of shopping_cart, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .cart import Cart, CartItem
    from .checkout import Address, Checkout
    from .item_added import ItemAdded
    from .item_added_v2 import ItemAddedV2, ItemAddedV2Source
    from .item_removed import ItemRemoved
    from .subscribers.checkout import CheckoutSubscriber
    from .subscribers.item_added import ItemAddedSubscriber
    from .subscribers.item_added_v2 import ItemAddedV2Subscriber
    from .subscribers.item_removed import ItemRemovedSubscriber

__all__ = [
    "Address",
    "Cart",
    "CartItem",
    "Checkout",
    "CheckoutSubscriber",
    "ItemAdded",
    "ItemAddedSubscriber",
    "ItemAddedV2",
    "ItemAddedV2Source",
    "ItemAddedV2Subscriber",
    "ItemRemoved",
    "ItemRemovedSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Address": ".checkout",
        "Cart": ".cart",
        "CartItem": ".cart",
        "Checkout": ".checkout",
        "CheckoutSubscriber": ".subscribers.checkout",
        "ItemAdded": ".item_added",
        "ItemAddedSubscriber": ".subscribers.item_added",
        "ItemAddedV2": ".item_added_v2",
        "ItemAddedV2Source": ".item_added_v2",
        "ItemAddedV2Subscriber": ".subscribers.item_added_v2",
        "ItemRemoved": ".item_removed",
        "ItemRemovedSubscriber": ".subscribers.item_removed",
    },
)
