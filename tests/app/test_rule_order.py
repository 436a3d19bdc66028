"""A rule that is moved is asked one place earlier or later, and nothing else changes its place."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from costpulse_app.allocation.order import asked, moved
from costpulse_assets.allocation.documents import RuleDocument


def rules(*priorities: int) -> list[RuleDocument]:
    """Named by their age: r0 is the oldest."""
    return [
        RuleDocument(name=f"r{age}", team="Etl", rule_type="sku_match", conditions={"skus": ["*"]}, priority=priority)
        for age, priority in enumerate(priorities)
    ]


def ids(documents: list[RuleDocument], stored: int) -> dict[str, int]:
    """The first ones are stored, the others are new."""
    return {document.name: 10 + age for age, document in enumerate(documents[:stored])}


def line(documents: list[RuleDocument] | tuple[RuleDocument, ...], known: dict[str, int]) -> list[str]:
    return [document.name for document in asked(documents, known)]


@given(
    priorities=st.lists(st.sampled_from([0, 1, 2, 10, 11, 99, 100, 100, 100]), min_size=2, max_size=9),
    choice=st.integers(0, 100),
    step=st.sampled_from([-1, 1]),
    stored=st.integers(0, 9),
    shuffled=st.randoms(use_true_random=False),
)
def test_one_rule_changes_place_with_its_neighbour(
    priorities: list[int], choice: int, step: int, stored: int, shuffled: Random
) -> None:
    documents = rules(*priorities)
    known = ids(documents, stored)
    # Those that are stored come in any order, the new ones in that of their age.
    old = documents[:stored]
    shuffled.shuffle(old)
    documents = [*old, *documents[stored:]]
    before = line(documents, known)
    place = choice % (len(before) - 1) + (step < 0)
    wanted = list(before)
    wanted.insert(place + step, wanted.pop(place))
    after = moved(documents, known, before[place], step)
    assert line(after, known) == wanted
    assert [document.name for document in after] == [document.name for document in documents]
    assert all(document.priority >= 0 for document in after)
    # Back again is the order of before.
    assert line(moved(after, known, before[place], -step), known) == before


def test_only_the_rule_that_is_moved_changes_where_there_is_room() -> None:
    documents = rules(100, 200, 300)
    known = ids(documents, 3)

    def priorities(name: str, step: int) -> list[int]:
        return [document.priority for document in moved(documents, known, name, step)]

    assert priorities("r1", -1) == [100, 90, 300]
    assert priorities("r2", -1) == [100, 200, 150]
    assert priorities("r0", 1) == [250, 200, 300]
    assert priorities("r1", 1) == [100, 310, 300]


def test_without_room_those_after_it_make_some() -> None:
    documents = rules(100, 100, 100, 100, 900)
    after = moved(documents, ids(documents, 5), "r2", -1)
    assert [document.priority for document in after] == [100, 101, 100, 101, 900]
    first = moved(rules(0, 0), {"r0": 1, "r1": 2}, "r1", -1)
    assert [document.priority for document in first] == [1, 0]
