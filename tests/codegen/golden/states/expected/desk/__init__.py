"""Events and types of desk, imported when they are first used."""

from typing import TYPE_CHECKING

from mega_typed import lazy_exports

if TYPE_CHECKING:
    from .subscribers.ticket_deleted import TicketDeletedSubscriber
    from .subscribers.ticket_merged import TicketMergedSubscriber
    from .subscribers.ticket_moved import TicketMovedSubscriber
    from .subscribers.ticket_opened import TicketOpenedSubscriber
    from .ticket import Ticket
    from .ticket_deleted import TicketDeleted
    from .ticket_merged import TicketMerged, TicketMergedPrevious
    from .ticket_moved import TicketMoved
    from .ticket_opened import TicketOpened

__all__ = [
    "Ticket",
    "TicketDeleted",
    "TicketDeletedSubscriber",
    "TicketMerged",
    "TicketMergedPrevious",
    "TicketMergedSubscriber",
    "TicketMoved",
    "TicketMovedSubscriber",
    "TicketOpened",
    "TicketOpenedSubscriber",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Ticket": ".ticket",
        "TicketDeleted": ".ticket_deleted",
        "TicketDeletedSubscriber": ".subscribers.ticket_deleted",
        "TicketMerged": ".ticket_merged",
        "TicketMergedPrevious": ".ticket_merged",
        "TicketMergedSubscriber": ".subscribers.ticket_merged",
        "TicketMoved": ".ticket_moved",
        "TicketMovedSubscriber": ".subscribers.ticket_moved",
        "TicketOpened": ".ticket_opened",
        "TicketOpenedSubscriber": ".subscribers.ticket_opened",
    },
)
