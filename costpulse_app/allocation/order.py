"""The order in which rules, or splits, are asked, and what has to change to ask one of them earlier or later."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import TypeVar

from costpulse_assets.allocation.documents import RuleDocument, SplitDocument

Claim = TypeVar("Claim", RuleDocument, SplitDocument)

#: Room that is left for others where there is nothing to fit in between.
_STEP = 10


def asked(documents: Sequence[Claim], ids: Mapping[str, int]) -> list[Claim]:
    """First asked first: the lowest priority, among equals the older one.

    Args:
        documents: of a draft.
        ids: by name, of those that are stored; the others are younger, in the order in which they come.
    """
    ages = _ages(documents, ids)
    return sorted(documents, key=lambda document: (document.priority, ages[document.name]))


def moved(documents: Sequence[Claim], ids: Mapping[str, int], name: str, step: int) -> tuple[Claim, ...]:
    """The documents with new priorities, so that one of them is asked one place earlier (step -1) or later (step 1).

    It gets a priority between its new neighbours. Where there is none, those after it get a higher one, as few of them
    and as little as it takes.
    """
    line = asked(documents, ids)
    place = next(place for place, document in enumerate(line) if document.name == name)
    line.insert(place + step, line.pop(place))
    ages = [_ages(documents, ids)[document.name] for document in line]
    priorities = [document.priority for document in line]
    place += step
    before = priorities[place - 1] if place else None
    after = priorities[place + 1] if place + 1 < len(line) else None
    priorities[place] = _between(before, after)
    for later in range(max(place, 1), len(line)):
        lowest = priorities[later - 1] + (ages[later - 1] > ages[later])
        priorities[later] = max(priorities[later], lowest)
    wanted = {document.name: priority for document, priority in zip(line, priorities, strict=True)}
    return tuple(document.model_copy(update={"priority": wanted[document.name]}) for document in documents)


def _between(before: int | None, after: int | None) -> int:
    """A priority after one and before the other; the first one itself where there is no room."""
    if after is None:
        return (before or 0) + _STEP
    if before is None:
        return max(after - _STEP, (after - 1) // 2, 0)
    return (before + after) // 2


def _ages(documents: Iterable[Claim], ids: Mapping[str, int]) -> dict[str, int]:
    younger = count(1 + max(ids.values(), default=0))
    return {document.name: ids[document.name] if document.name in ids else next(younger) for document in documents}
