"""Wrong subscribers, one a class. What each checker must report stands behind the line; "-" where it is known to be blind."""

from datetime import date, datetime
from typing import ClassVar

from generated.shopping_cart import (
    CheckoutSubscriber,
    ItemAdded,
    ItemAddedSubscriber,
    ItemAddedV2,
    ItemAddedV2Subscriber,
    ItemRemoved,
    ItemRemovedSubscriber,
)
from generated.shopping_cart.subscribers.item_added import ItemAddedAttributes
from generated.user import UserCreatedSubscriber

from mega_typed import EventSubscriber, ProcessStatus
from mega_typed.match import (
    all_items,
    and_,
    any_item,
    between,
    contains,
    empty,
    eq,
    exists,
    gt,
    ignore_case,
    in_,
    length,
    lt,
    match,
    neq,
    not_,
    one_of,
    or_,
    prefix,
)


class W00(ItemAddedSubscriber):
    attributes = {"quantiy": 5}  # mypy: typeddict-unknown-key; pyright: reportAssignmentType


class W01(ItemAddedSubscriber):
    attributes = {"name": "x"}  # mypy: typeddict-unknown-key; pyright: reportAssignmentType


class W02(UserCreatedSubscriber):
    attributes = {"class": "member"}  # mypy: typeddict-unknown-key; pyright: reportAssignmentType


class W03(ItemAddedSubscriber):
    attributes = {"quantity": "5"}  # mypy: typeddict-item; pyright: reportAssignmentType


class W04(ItemAddedSubscriber):
    attributes = {"quantity": gt("5")}  # mypy: arg-type; pyright: reportAssignmentType


class W05(ItemAddedSubscriber):
    attributes = {"quantity": gt(5.5)}  # mypy: arg-type; pyright: reportAssignmentType


class W06(ItemAddedSubscriber):
    attributes = {"quantity": between(1, "9")}  # mypy: arg-type; pyright: reportAssignmentType


class W07(ItemAddedSubscriber):
    attributes = {"quantity": one_of(1, "2")}  # mypy: arg-type; pyright: reportAssignmentType


class W08(ItemAddedSubscriber):
    attributes = {"quantity": in_(["1"])}  # mypy: list-item; pyright: reportAssignmentType


class W09(ItemAddedSubscriber):
    attributes = {"quantity": match("5")}  # mypy: typeddict-item; pyright: reportAssignmentType


class W10(ItemAddedSubscriber):
    attributes = {"quantity": prefix("5")}  # mypy: typeddict-item; pyright: reportAssignmentType


class W11(ItemAddedSubscriber):
    attributes = {"quantity": ignore_case("5")}  # mypy: typeddict-item; pyright: reportAssignmentType


class W12(ItemAddedSubscriber):
    attributes = {"quantity": contains(5)}  # mypy: typeddict-item; pyright: reportAssignmentType


class W13(ItemAddedSubscriber):
    attributes = {"quantity": any_item(5)}  # mypy: typeddict-item; pyright: reportAssignmentType


class W14(ItemAddedSubscriber):
    attributes = {"quantity": eq("5")}  # mypy: arg-type; pyright: reportAssignmentType


class W15(ItemAddedSubscriber):
    attributes = {"quantity": neq("5")}  # mypy: arg-type; pyright: reportAssignmentType


class W16(ItemAddedSubscriber):
    attributes = {"quantity": not_("5")}  # mypy: arg-type; pyright: reportAssignmentType


class W17(ItemAddedSubscriber):
    attributes = {"quantity": and_(gt(5), lt("9"))}  # mypy: arg-type; pyright: reportArgumentType


class W18(ItemAddedSubscriber):
    attributes = {"quantity": or_(gt(5), not_(lt("9")))}  # mypy: arg-type; pyright: reportArgumentType


class W19(ItemAddedSubscriber):
    attributes = {"quantity": None}  # mypy: typeddict-item; pyright: reportAssignmentType


class W20(ItemAddedSubscriber):
    attributes = {"quantity": [1, 2]}  # mypy: typeddict-item; pyright: reportAssignmentType


class W21(ItemAddedSubscriber):
    attributes = {"quantity": {"x": 1}}  # mypy: typeddict-item; pyright: reportAssignmentType


class W22(ItemAddedSubscriber):
    attributes = {"quantity": lambda quantity: quantity.upper() == "X"}  # mypy: attr-defined; pyright: reportAttributeAccessIssue reportUnknownLambdaType reportUnknownMemberType


class W23(ItemAddedSubscriber):
    attributes = {"price": 5}  # mypy: typeddict-item; pyright: reportAssignmentType


class W24(ItemAddedSubscriber):
    attributes = {"price": gt(5)}  # mypy: arg-type; pyright: reportAssignmentType


class W25(ItemAddedSubscriber):
    attributes = {"price": "5"}  # mypy: typeddict-item; pyright: reportAssignmentType


class W26(ItemAddedSubscriber):
    attributes = {"item_id": "61fcc874"}  # mypy: typeddict-item; pyright: reportAssignmentType


class W27(ItemAddedSubscriber):
    attributes = {"item_id": match("61")}  # mypy: typeddict-item; pyright: reportAssignmentType


class W28(ItemAddedSubscriber):
    attributes = {"item_id": one_of("a", "b")}  # mypy: arg-type; pyright: reportAssignmentType


class W29(ItemAddedV2Subscriber):
    attributes = {"currency": "XXX"}  # mypy: typeddict-item; pyright: reportAssignmentType


class W30(ItemAddedV2Subscriber):
    attributes = {"currency": one_of("USD", "XXX")}  # mypy: arg-type; pyright: reportAssignmentType


class W31(ItemAddedV2Subscriber):
    attributes = {"currency": or_("USD", "XXX")}  # mypy: arg-type; pyright: reportAssignmentType


class W32(ItemAddedV2Subscriber):
    attributes = {"currency": or_("USD", one_of("XXX"))}  # mypy: arg-type; pyright: reportAssignmentType


class W33(ItemAddedV2Subscriber):
    attributes = {"currency": and_("USD", match("U"))}  # mypy: arg-type; pyright: reportAssignmentType


class W34(ItemAddedV2Subscriber):
    attributes = {"currency": not_(one_of(1))}  # mypy: arg-type; pyright: reportAssignmentType


class W35(ItemAddedV2Subscriber):
    attributes = {"currency": match("U")}  # mypy: typeddict-item; pyright: reportAssignmentType


class W36(ItemAddedV2Subscriber):
    attributes = {"currency": in_(["XXX"])}  # mypy: list-item; pyright: reportAssignmentType


class W37(ItemAddedV2Subscriber):
    attributes = {"currency": lambda currency: currency.nope}  # mypy: attr-defined; pyright: reportAttributeAccessIssue reportUnknownLambdaType reportUnknownMemberType


class W38(ItemAddedV2Subscriber):
    attributes = {"source": {"pge": "search"}}  # mypy: typeddict-item; pyright: reportAssignmentType


class W39(ItemAddedV2Subscriber):
    attributes = {"source": {"page": "serch"}}  # mypy: typeddict-item; pyright: reportAssignmentType


class W40(ItemAddedV2Subscriber):
    attributes = {"source": {"position": gt("3")}}  # mypy: typeddict-item; pyright: reportAssignmentType


class W41(ItemAddedV2Subscriber):
    attributes = {"source": or_({"page": "search"}, {"pge": "search"})}  # mypy: arg-type; pyright: reportAssignmentType


class W42(ItemAddedV2Subscriber):
    attributes = {"source": "search"}  # mypy: typeddict-item; pyright: reportAssignmentType


class W43(ItemAddedV2Subscriber):
    attributes = {"source": not_({"pge": "search"})}  # mypy: arg-type; pyright: reportAssignmentType


class W44(ItemAddedSubscriber):
    attributes = {"quantity": length(3)}  # mypy: typeddict-item; pyright: reportAssignmentType


class W45(ItemAddedSubscriber):
    object_current = {"items": any_item(lambda item: item.quantty > 5)}  # mypy: assignment; pyright: reportAttributeAccessIssue reportUnknownLambdaType reportUnknownMemberType


class W46(ItemAddedV2Subscriber):
    attributes = {"source": lambda source: source.pge == "x"}  # mypy: attr-defined; pyright: reportAttributeAccessIssue reportUnknownLambdaType reportUnknownMemberType


class W47(ItemAddedV2Subscriber):
    attributes = {"note": 5}  # mypy: typeddict-item; pyright: reportAssignmentType


class W48(CheckoutSubscriber):
    attributes = {"shipping": {"street": length("1")}}  # mypy: arg-type typeddict-item; pyright: reportArgumentType reportAssignmentType


class W49(CheckoutSubscriber):
    attributes = {"gift_messages": {"x": 5}}  # mypy: dict-item; pyright: reportAssignmentType


class W50(CheckoutSubscriber):
    attributes = {"deliver_on": gt("2020-01-01")}  # mypy: arg-type; pyright: reportAssignmentType


class W51(CheckoutSubscriber):
    attributes = {"channel": "app"}  # mypy: typeddict-item; pyright: reportAssignmentType


class W52(ItemAddedSubscriber):
    object_current = {"curency": "USD"}  # mypy: assignment; pyright: reportAssignmentType


class W53(ItemAddedSubscriber):
    object_current = {"currency": "XXX"}  # mypy: assignment; pyright: reportAssignmentType


class W54(ItemAddedSubscriber):
    object_current = {"currency": one_of("XXX")}  # mypy: assignment; pyright: reportAssignmentType


class W55(ItemAddedSubscriber):
    object_current = {"items": any_item({"quantty": 5})}  # mypy: assignment; pyright: reportAssignmentType


class W56(ItemAddedSubscriber):
    object_current = {"items": any_item({"quantity": "5"})}  # mypy: assignment; pyright: reportAssignmentType


class W57(ItemAddedSubscriber):
    object_current = {"items": any_item({"tags": contains(5)})}  # mypy: assignment; pyright: reportAssignmentType


class W58(ItemAddedSubscriber):
    object_current = {"items": and_(length(gt(1)), any_item({"quantity": "5"}))}  # mypy: assignment; pyright: reportArgumentType reportAssignmentType


class W59(ItemAddedSubscriber):
    object_current = {"items": all_items(gt(5))}  # mypy: assignment; pyright: reportAssignmentType


class W60(ItemAddedSubscriber):
    object_current = {"items": length("3")}  # mypy: arg-type assignment; pyright: reportArgumentType reportAssignmentType


class W61(ItemAddedSubscriber):
    object_current = {"items": {"quantity": 5}}  # mypy: assignment; pyright: reportAssignmentType


class W62(ItemAddedSubscriber):
    object_current = {"created_at": gt(date(2020, 1, 1))}  # mypy: assignment; pyright: reportAssignmentType


class W63(ItemAddedSubscriber):
    object_current = {"value": gt(5)}  # mypy: assignment; pyright: reportAssignmentType


class W64(ItemAddedSubscriber):
    object_current = "USD"  # mypy: assignment; pyright: reportAssignmentType


class W65(ItemAddedSubscriber):
    object_current = or_({"currency": "USD"}, {"currency": "XXX"})  # mypy: arg-type; pyright: reportAssignmentType


class W66(ItemAddedSubscriber):
    object_previous = {"curency": "USD"}  # mypy: assignment; pyright: reportAssignmentType


class W67(ItemAddedSubscriber):
    subject = 5  # mypy: assignment; pyright: reportAssignmentType


class W68(ItemAddedSubscriber):
    subject = gt(5)  # mypy: arg-type; pyright: reportAssignmentType


class W69(ItemAddedSubscriber):
    publisher = one_of(1)  # mypy: arg-type; pyright: reportAssignmentType


class W70(ItemAddedSubscriber):
    timestamp = "2020-01-01"  # mypy: assignment; pyright: reportAssignmentType


class W71(ItemAddedSubscriber):
    timestamp = gt("2020-01-01")  # mypy: arg-type; pyright: reportAssignmentType


class W72(ItemAddedSubscriber):
    timestamp = None  # mypy: assignment; pyright: reportAssignmentType


class W73(ItemAddedSubscriber):
    object_id = 5  # mypy: assignment; pyright: reportAssignmentType


class W74(ItemAddedSubscriber):
    name = "item.removed"  # mypy: assignment; pyright: reportAssignmentType


class W75(ItemAddedSubscriber):
    domain = "user"  # mypy: assignment; pyright: reportAssignmentType


class W76(ItemAddedSubscriber):
    version = 2  # mypy: assignment; pyright: reportAssignmentType


class W77(ItemAddedSubscriber):
    version = gt(1)  # mypy: assignment; pyright: reportAssignmentType


class W78(ItemAddedSubscriber):
    attributes = gt(5)  # mypy: assignment; pyright: reportAssignmentType


class W79(ItemAddedSubscriber):
    attributes = None  # mypy: assignment; pyright: reportAssignmentType


class W80(ItemAddedV2Subscriber):
    attributes = {"currency": gt("USD")}  # mypy: typeddict-item; pyright: reportAssignmentType


class W81(ItemAddedV2Subscriber):
    attributes = {"currency": not_("XXX")}  # mypy: arg-type; pyright: reportAssignmentType


class W82(ItemAddedV2Subscriber):
    attributes = {"source": not_(lambda source: source.pge == "x")}  # mypy: attr-defined; pyright: reportAttributeAccessIssue reportUnknownLambdaType reportUnknownMemberType


class W83(ItemAddedSubscriber):
    object_current = or_({"currency": "USD"}, lambda cart: cart.curency == "USD")  # mypy: attr-defined; pyright: reportAttributeAccessIssue reportUnknownLambdaType reportUnknownMemberType


class W84(ItemAddedSubscriber):
    object_current = {"items": any_item({"tags": any_item(lambda tag: tag.isuper())})}  # mypy: assignment; pyright: reportAttributeAccessIssue reportUnknownLambdaType reportUnknownMemberType


class W85(ItemAddedSubscriber):
    attributes = {"quantity": gt(True)}  # mypy: typeddict-item; pyright: reportAssignmentType


class W86(ItemAddedSubscriber):
    object_current = {"delivery_date": lt(datetime(2020, 1, 1))}  # mypy: assignment; pyright: reportAssignmentType


class W87(UserCreatedSubscriber):
    attributes = {"preferences": {"newsletter": gt(False)}}  # mypy: dict-item; pyright: reportAssignmentType


class W88(CheckoutSubscriber):
    attributes = {"gift_messages": not_({"x": 5})}  # mypy: dict-item; pyright: reportAssignmentType


class W89(ItemAddedSubscriber):
    attributes = {"quantity": True}  # mypy: -; pyright: -


class W90(ItemAddedSubscriber):
    attributes = {"quantity": or_(None, 5)}  # mypy: -; pyright: -


class W91(EventSubscriber[ItemAdded | ItemAddedV2]):
    attributes: ClassVar[ItemAddedAttributes] = {"quantiy": gt(5)}  # mypy: typeddict-unknown-key; pyright: reportAssignmentType


class W92(EventSubscriber[ItemAdded | ItemAddedV2]):
    attributes = {"currency": "USD"}  # mypy: -; pyright: -


class W93(ItemAddedSubscriber):
    attributes = dict(quantity="5")  # mypy: typeddict-item; pyright: reportAssignmentType


class W94(ItemAddedSubscriber):
    attributes = {"quantity": and_(exists(), gt("5"))}  # mypy: arg-type; pyright: reportAssignmentType


class W95(ItemAddedSubscriber):
    attributes = {"price": or_(empty(), 5)}  # mypy: arg-type; pyright: reportAssignmentType


class W96(ItemAddedSubscriber):
    object_current = and_(not_(None), {"curency": "USD"})  # mypy: arg-type; pyright: reportAssignmentType


class W97(ItemAddedSubscriber):
    object_current = {"items": any_item({"tags": gt(["a"])})}  # mypy: assignment; pyright: reportAssignmentType


class W98(ItemAddedSubscriber):
    object_type = "shopping_card"  # mypy: assignment; pyright: reportAssignmentType


class W99(ItemAddedSubscriber):
    object_version = gt("1")  # mypy: arg-type; pyright: reportAssignmentType


class P1(ItemAddedSubscriber):
    def process(self, event: ItemRemoved) -> ProcessStatus:  # mypy: override; pyright: reportIncompatibleMethodOverride
        return ProcessStatus.DONE


class P2(ItemAddedSubscriber):
    def process(self, event: ItemAdded) -> str:  # mypy: override; pyright: reportIncompatibleMethodOverride
        return "done"


class P3(ItemAddedSubscriber):
    def process(self, event: ItemAdded) -> None:
        event.quantiy  # mypy: attr-defined; pyright: reportAttributeAccessIssue reportUnknownMemberType


class P5(EventSubscriber[ItemAdded | ItemAddedV2]):
    def process(self, event: ItemAdded) -> None: ...  # mypy: override; pyright: reportIncompatibleMethodOverride


class P6(EventSubscriber[ItemAdded | ItemAddedV2]):
    def process(self, event: ItemAdded | ItemAddedV2) -> None:
        event.currency  # mypy: union-attr; pyright: reportAttributeAccessIssue reportUnknownMemberType


class P7(ItemAddedSubscriber):
    attributes: ClassVar[ItemAddedAttributes] = {"quantity": gt(5)}


class P8(P7):
    attributes = {"quantiy": gt(5)}  # mypy: typeddict-unknown-key; pyright: reportAssignmentType


class P4(EventSubscriber[str]):  # mypy: type-var; pyright: reportInvalidTypeArguments
    pass


ItemAdded(quantity=5)  # mypy: call-arg; pyright: reportCallIssue
ItemAdded(item_id="x", quantity=5)  # mypy: arg-type; pyright: reportArgumentType
ItemAdded(item_id=None, quantity=5, nope=1)  # mypy: arg-type call-arg; pyright: reportCallIssue
ItemRemovedSubscriber.nope  # mypy: attr-defined; pyright: reportAttributeAccessIssue reportUnknownMemberType
