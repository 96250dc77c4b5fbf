"""Right subscribers: both type checkers, and the class definition, accept every one without a message."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal
from uuid import UUID

from mega_typed import (
    DataSubscriber,
    Event,
    EventSubscriber,
    MegaPayload,
    MessageSubscriber,
    ObjectState,
    ProcessStatus,
)
from mega_typed.match import (
    Pattern,
    all_items,
    and_,
    any_,
    any_item,
    between,
    contains,
    empty,
    eq,
    exists,
    gt,
    gte,
    ignore_case,
    in_,
    length,
    lt,
    lte,
    match,
    neq,
    not_,
    one_of,
    or_,
    prefix,
    suffix,
)

from generated.shopping_cart import (
    Cart,
    CartItem,
    Checkout,
    CheckoutSubscriber,
    ItemAdded,
    ItemAddedSubscriber,
    ItemAddedV2,
    ItemAddedV2Subscriber,
    ItemRemoved,
    ItemRemovedSubscriber,
)
from generated.shopping_cart.subscribers.item_added import ItemAddedAttributes
from generated.user import UserCreated, UserCreatedSubscriber, UserLoginApp, UserLoginAppSubscriber

ITEM = UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8")


class Tour(ItemAddedSubscriber):
    subject = match(r"^\d+$")
    attributes = {"quantity": and_(gt(5), not_(gt(100))), "item_id": not_(empty())}
    object_current = {"currency": one_of("USD", "EUR")}

    def process(self, event: ItemAdded) -> ProcessStatus:
        amount: int = event.quantity
        price: Decimal | None = event.price
        state: ObjectState[Cart] | None = event.object
        return ProcessStatus.DONE if amount and price and state else ProcessStatus.RETRY_LATER


class ReturnsNothing(ItemAddedSubscriber):
    def process(self, event: ItemAdded) -> None:
        del event


class Identity(ItemAddedSubscriber):
    domain = "shopping_cart"
    name = "item.added"
    version = 1


class Envelope(ItemAddedSubscriber):
    timestamp = gte(datetime(2020, 1, 1, tzinfo=UTC))
    subject = or_(None, "x", prefix("y"))
    publisher = not_(one_of("a", "b"))
    object_id = any_()
    object_previous = None


class EnvelopePredicate(ItemAddedSubscriber):
    subject = lambda subject: subject.isdigit()
    object_current = lambda cart: cart.currency == "USD" and len(cart.items) > 1


class Numbers(ItemAddedV2Subscriber):
    attributes = {"quantity": or_(1, between(5, 10), in_([20, 30]), lambda q: q > 100), "price": gte(Decimal("1.5"))}


class Equality(ItemAddedV2Subscriber):
    attributes = {"quantity": eq(5), "price": neq(Decimal(5)), "item_id": in_({ITEM})}


class Enum(ItemAddedV2Subscriber):
    attributes = {"currency": not_(one_of("EUR", "USD"))}


class EnumOr(ItemAddedV2Subscriber):
    attributes = {"currency": or_("USD", one_of("EUR", "GBP"))}


class EnumIn(ItemAddedV2Subscriber):
    attributes = {"currency": in_(["USD", "EUR"])}


class EnumNotIn(ItemAddedV2Subscriber):
    attributes = {"currency": not_(in_(["USD", "EUR"]))}


class EnumLambda(ItemAddedV2Subscriber):
    attributes = {"currency": lambda currency: currency == "USD"}


class EnumNegated(ItemAddedV2Subscriber):
    attributes = {"currency": and_(not_("USD"), not_("EUR"))}


class EnumExists(ItemRemovedSubscriber):
    attributes = {"reason": or_(None, "changed_mind", one_of("out_of_stock")), "quantity": exists(False)}


class Nested(ItemAddedV2Subscriber):
    attributes = {"source": {"page": "search", "position": lte(3), "campaign": None}}


class NestedChoice(ItemAddedV2Subscriber):
    attributes = {"source": or_({"page": "search"}, {"page": one_of("product", "wishlist")})}


class NestedNegation(ItemAddedV2Subscriber):
    attributes = {"source": not_({"page": "search"})}


class NestedPredicate(ItemAddedV2Subscriber):
    attributes = {"source": lambda source: source.position is not None and source.position < 5}


class NestedOptional(ItemAddedV2Subscriber):
    attributes = {"source": or_(None, {"campaign": exists()}), "note": or_(empty(), match("gift"))}


class Items(ItemAddedSubscriber):
    object_current = {"items": any_item({"quantity": gt(5), "tags": contains("gift")})}


class ItemsAll(ItemAddedSubscriber):
    object_current = {"items": all_items({"price": lt(Decimal(10)), "tags": or_(None, all_items(prefix("x")))})}


class ItemsPredicate(ItemAddedSubscriber):
    object_current = {"items": any_item(lambda item: item.quantity > 5)}


class ItemsCombined(ItemAddedSubscriber):
    object_current = {"items": and_(length(gt(1)), any_item({"quantity": 5}), not_(any_item({"quantity": 6})))}


class ItemsWhole(ItemAddedSubscriber):
    object_current = {"items": lambda items: sum(item.quantity for item in items) > 10}


class ItemsEmpty(ItemAddedSubscriber):
    object_current = {"items": not_(empty())}


class Tags(ItemAddedSubscriber):
    object_current = {"items": any_item({"tags": ["a", "b"]})}


class TagsLength(ItemAddedSubscriber):
    object_current = {"items": any_item({"tags": and_(length(between(1, 3)), contains("a"), any_item(suffix("b")))})}


class EntityChoice(ItemAddedSubscriber):
    object_current = or_({"currency": "USD"}, {"currency": "EUR", "coupon": length(6)})


class EntityDates(ItemAddedSubscriber):
    object_current = {"delivery_date": gt(date(2020, 1, 1)), "created_at": lt(datetime(2030, 1, 1, tzinfo=UTC))}


class RequiredEntity(CheckoutSubscriber):
    attributes = {
        "payment_method": one_of("credit_card", "voucher"),
        "installments": or_(None, lt(3)),
        "shipping": {"country": "DE", "street": length(1)},
        "billing": None,
        "gift_messages": {"any item": match("love")},
        "channel": "web",
    }

    def process(self, event: Checkout) -> ProcessStatus | None:
        state: ObjectState[Cart] = event.object
        return None if state.current else ProcessStatus.FATAL_ERROR


class TakenNames(UserCreatedSubscriber):
    attributes = {"class_": not_("guest"), "name": ignore_case("john doe"), "preferences": {"newsletter": True}}

    def process(self, event: UserCreated) -> None:
        name: str | None = event.name
        kind: str = event.class_
        del name, kind


class NameInParts(UserLoginAppSubscriber):
    attributes = {"device": {"model": prefix("Pixel")}, "app_version": match(r"4\.")}

    def process(self, event: UserLoginApp) -> None:
        model: str = event.device.model
        del model


class NoneNegated(ItemAddedSubscriber):
    subject = not_(None)
    attributes = {"price": not_(None)}


class MappingAbsent(CheckoutSubscriber):
    attributes = {"gift_messages": {"any item": None, "other": or_("a", prefix("b"))}}


class Untyped(EventSubscriber):
    event_domain = "shopping_cart"
    name = match("item")
    attributes = {"quantity": gt(5), "deep": {"er": not_(empty())}}

    def process(self, payload: MegaPayload) -> ProcessStatus:
        return ProcessStatus.DONE if payload.event.quantity else ProcessStatus.RETRY_LATER


class UntypedOperators(EventSubscriber):
    attributes = {
        "a": not_(None),
        "b": one_of("x", 5),
        "c": and_(gt(5), lambda c: c % 2 == 0),
        "d": [gt(5), prefix("x")],
        "e": or_({"x": length(3)}, {"y": not_({"z": None})}, "y", 5),
        "f": in_(["x", 5, None]),
        "g": contains("x"),
        "h": between(1, 5.5),
    }


class UntypedAliases(EventSubscriber):
    event_attributes = {"a": 1}
    current_object = {"b": 2}


class Data(DataSubscriber):
    pattern = {"type": match("user"), "price": gt(10)}

    def process(self, data: dict[str, Any]) -> None:
        del data


class Message(MessageSubscriber):
    pattern = match("ERROR")

    def process(self, payload: object) -> None:
        del payload


class NestedPredicates(ItemAddedV2Subscriber):
    attributes = {"source": or_({"page": "search"}, not_(lambda source: source.campaign == "x"))}


class EntityPredicates(ItemAddedSubscriber):
    object_current = and_({"currency": "USD"}, lambda cart: len(cart.items) > 1, not_(lambda cart: cart.user_id == 1))


class ItemPredicates(ItemAddedSubscriber):
    object_current = {"items": or_(all_items(or_({"quantity": 5}, lambda item: item.quantity % 2 == 0)), length(1))}


class TagPredicates(ItemAddedSubscriber):
    object_current = {"items": any_item({"tags": any_item(and_(prefix("x"), lambda tag: tag.isupper()))})}


class Mapping(CheckoutSubscriber):
    attributes = {"gift_messages": not_({"any item": prefix("x")})}


class MappingPredicate(CheckoutSubscriber):
    attributes = {"gift_messages": and_(length(2), lambda messages: messages["x"].isupper())}


class OfEveryType(ItemAddedV2Subscriber):
    attributes = {"quantity": and_(exists(), gt(5)), "note": and_(not_(empty()), prefix("x"))}
    object_current = or_(empty(), not_(None), {"currency": "USD"})


class OfEveryTypeUntyped(EventSubscriber):
    attributes = {"a": or_(exists(False), 5, "x"), "b": and_(not_(None), gt(5)), "c": or_(empty(), {"d": 5})}


NAMES = ["a", "b"]


class Comprehensions(ItemAddedV2Subscriber):
    attributes = {"note": and_(*(not_(prefix(name)) for name in NAMES)), "quantity": or_(*(gt(n) for n in (1, 2)))}


class NoneAmongValues(ItemAddedV2Subscriber):
    attributes = {"note": one_of("x", None), "source": or_(eq(None), {"campaign": in_([None, "x"])})}


class ChoicesOfATuple(ItemAddedV2Subscriber):
    attributes = {"currency": in_(("USD", "EUR"))}


class Kinds(ItemAddedSubscriber):
    object_type = or_(None, "shopping_cart")
    object_version = lambda version: version > 1


BIG: Pattern[int] = and_(gt(5), lt(9))
CURRENCY: Pattern[Literal["USD", "EUR", "GBP", "BRL"], str] = one_of("USD", "EUR")


class InVariables(ItemAddedV2Subscriber):
    attributes = {"quantity": or_(BIG, 20), "currency": not_(CURRENCY)}


class Versions(EventSubscriber[ItemAdded | ItemAddedV2]):
    attributes = {"quantity": gt(5), "price": not_(None)}

    def process(self, event: ItemAdded | ItemAddedV2) -> None:
        price: Decimal | None = event.price
        if isinstance(event, ItemAddedV2):
            price = event.price
            currency: str = event.currency
            del currency
        del price


class VersionsWider(EventSubscriber[ItemAdded | ItemAddedV2]):
    def process(self, event: Event) -> None:
        del event


class VersionsTyped(EventSubscriber[ItemAdded | ItemAddedV2]):
    attributes: ClassVar[ItemAddedAttributes] = {"quantity": gt(5)}


class TypedByHand(EventSubscriber[ItemRemoved]):
    def process(self, event: ItemRemoved) -> None:
        reason: str | None = event.reason
        del reason


def construct() -> list[Event]:
    item = CartItem(id=ITEM, price=Decimal("1.5"), quantity=1, tags=["a"])
    now = datetime.now(UTC)
    cart = Cart(id=ITEM, user_id=1, items=[item], currency="USD", value=Decimal(1), created_at=now, updated_at=now)
    return [
        ItemAdded(item_id=ITEM, quantity=1),
        ItemAdded(item_id=ITEM, quantity=1, price=None, subject="1", publisher="x", timestamp=now, extra={"a": [1]}),
        ItemAdded(item_id=ITEM, quantity=1, object=ObjectState(id="1", current=cart, previous=None)),
        ItemAddedV2(item_id=ITEM, quantity=1, price=Decimal(1), currency="EUR", note=None),
        UserCreated(username="john", class_="member"),
    ]
