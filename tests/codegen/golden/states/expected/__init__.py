"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""

from mega_typed import register_events

register_events(
    __name__,
    {
        ("desk", "ticket.deleted", 1): "desk.ticket_deleted:TicketDeleted",
        ("desk", "ticket.merged", 1): "desk.ticket_merged:TicketMerged",
        ("desk", "ticket.moved", 1): "desk.ticket_moved:TicketMoved",
        ("desk", "ticket.opened", 1): "desk.ticket_opened:TicketOpened",
    },
)
