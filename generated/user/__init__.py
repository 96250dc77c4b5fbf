"""Events and types of user, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .logins import Device
    from .subscribers.user_created import UserCreatedSubscriber
    from .subscribers.user_login_app import UserLoginAppSubscriber
    from .subscribers.user_login_web import UserLoginWebSubscriber
    from .user_created import UserCreated
    from .user_login_app import UserLoginApp
    from .user_login_web import UserLoginWeb

__all__ = [
    "Device",
    "UserCreated",
    "UserCreatedSubscriber",
    "UserLoginApp",
    "UserLoginAppSubscriber",
    "UserLoginWeb",
    "UserLoginWebSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Device": ".logins",
        "UserCreated": ".user_created",
        "UserCreatedSubscriber": ".subscribers.user_created",
        "UserLoginApp": ".user_login_app",
        "UserLoginAppSubscriber": ".subscribers.user_login_app",
        "UserLoginWeb": ".user_login_web",
        "UserLoginWebSubscriber": ".subscribers.user_login_web",
    },
)
