"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        ("shopping_cart", "checkout", 1): "shopping_cart.checkout:Checkout",
        ("shopping_cart", "item.added", 1): "shopping_cart.item_added:ItemAdded",
        ("shopping_cart", "item.added", 2): "shopping_cart.item_added_v2:ItemAddedV2",
        ("shopping_cart", "item.removed", 1): "shopping_cart.item_removed:ItemRemoved",
        ("user", "user.created", 1): "user.user_created:UserCreated",
        ("user", "user.login.app", 1): "user.user_login_app:UserLoginApp",
        ("user", "user.login.web", 1): "user.user_login_web:UserLoginWeb",
    },
)
