"""The order within FIFO groups, as a pure scheduler."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from mega_typed.lanes import Lanes


@given(steps=st.lists(st.tuples(st.sampled_from(["add", "start", "done", "fail", "drain"]), st.sampled_from("abc-"))))
def test_each_group_keeps_its_order_and_nothing_is_lost(steps: list[tuple[str, str]]) -> None:
    """Whatever happens in whatever order: one of a group runs at a time, in order; each message starts or goes back."""
    lanes: Lanes[int] = Lanes()
    group_of: dict[int, str | None] = {}
    running: list[tuple[str | None, int]] = []
    started: list[int] = []
    back: list[int] = []
    for step, name in steps:
        if step == "add":
            number = len(group_of)
            group_of[number] = None if name == "-" else name
            lanes.add(group_of[number], number)
        elif step == "start":
            taken = lanes.start()
            if taken is not None:
                group, number = taken
                assert group == group_of[number]
                assert group is None or group not in [each for each, _ in running]
                running.append((group_of[number], number))
                started.append(number)
        elif step == "drain":
            back += lanes.drain()
        elif running:
            group, number = running.pop(0)
            halted = lanes.finish(group, halt=step == "fail")
            assert step == "fail" or not halted
            assert all(group_of[each] == group and each > number for each in halted)
            assert halted == sorted(halted)
            back += halted
    assert lanes.running == len(running)
    assert len(lanes) == len(group_of) - len(started) - len(back)
    for group in "abc":
        assert [n for n in started if group_of[n] == group] == sorted(n for n in started if group_of[n] == group)
    assert sorted([*started, *back, *lanes.drain()]) == list(group_of)


def test_other_groups_go_on_while_one_is_halted() -> None:
    """A failure hands back those behind it, of later receives too; another group starts."""
    lanes: Lanes[str] = Lanes()
    for name in ("a1", "a2", "b1", "a3"):
        lanes.add(name[0], name)
    assert [lanes.start(), lanes.start(), lanes.start()] == [("a", "a1"), ("b", "b1"), None]
    lanes.add("a", "a4")
    assert lanes.finish("a", halt=True) == ["a2", "a3", "a4"]
    assert lanes.finish("b") == []
    assert (len(lanes), lanes.running) == (0, 0)
