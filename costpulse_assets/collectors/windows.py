"""Days and runs of days: which days a collection takes, in which pieces."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Window:
    """Days from `first` to `last`, both included, UTC."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        day = self.first
        while day <= self.last:
            yield day
            day += ONE_DAY

    def __len__(self) -> int:
        return max(0, (self.last - self.first).days + 1)

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


def newest_first(days: Iterable[date], *, at_most: int) -> list[Window]:
    """Contiguous windows that cover exactly these days, each of at most so many days, newest first."""
    windows: list[Window] = []
    for day in sorted(set(days), reverse=True):
        newest = windows[-1] if windows else None
        if newest is not None and newest.first - ONE_DAY == day and len(newest) < at_most:
            windows[-1] = Window(day, newest.last)
        else:
            windows.append(Window(day, day))
    return windows
