"""What is left of a list shows the same, and nothing of it can be left out."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from pytest_usersync.model.ddmin import ddmin

ITEMS = st.lists(st.integers(0, 50), max_size=30)
# What is enough to show it: all of one of these sets. So it is monotone.
ENOUGH = st.lists(st.frozensets(st.integers(0, 50), max_size=4), min_size=1, max_size=4)
SIZES = st.lists(st.integers(1, 8), max_size=3).map(lambda sizes: (*sizes, 1))


class Trials:
    """Tells whether items hold all of one of some sets, and counts how often it is asked."""

    def __init__(self, enough: list[frozenset[int]]) -> None:
        self.enough = enough
        self.count = 0

    def __call__(self, items: list[int]) -> bool:
        self.count += 1
        return any(one <= set(items) for one in self.enough)


@given(ITEMS, ENOUGH, SIZES)
def test_the_rest_holds_in_order_and_needs_each_item(
    items: list[int], enough: list[frozenset[int]], sizes: tuple[int, ...]
) -> None:
    items += enough[0]
    holds = Trials(enough)
    kept = ddmin(items, holds, sizes)
    assert holds.count <= sum(ceil(len(items) / size) for size in sizes)
    assert holds(kept)
    rest = iter(items)
    assert all(item in rest for item in kept)  # `in` moves on behind what it finds
    assert not any(holds(kept[:place] + kept[place + 1 :]) for place in range(len(kept)))


@given(ITEMS)
def test_each_item_is_tried_once_and_alone(items: list[int]) -> None:
    tried: list[list[int]] = []

    def never(fewer: list[int]) -> bool:
        tried.append(fewer)
        return False

    assert ddmin(items, never) == items
    assert tried[::-1] == [items[:place] + items[place + 1 :] for place in range(len(items))]


def test_the_last_that_can_be_left_out_goes_first() -> None:
    assert ddmin("abcd", lambda items: "a" in items or "c" in items) == ["a"]


def test_large_runs_take_fewer_trials() -> None:
    holds = Trials([frozenset({17})])
    assert ddmin(range(64), holds, (8, 1)) == [17]
    assert holds.count == 16


def test_none_of_nothing_is_left() -> None:
    assert ddmin([], lambda _: True) == []


def test_equal_items_are_different_items() -> None:
    assert ddmin([1, 1, 1], lambda items: len(items) >= 2) == [1, 1]


def test_what_is_not_monotone_takes_another_call() -> None:
    """Leaving out 3 is possible only without 1."""

    def holds(items: list[int]) -> bool:
        return items in ([1, 2, 3], [2, 3], [2])

    assert ddmin([1, 2, 3], holds) == [2, 3]
    assert ddmin([2, 3], holds) == [2]
