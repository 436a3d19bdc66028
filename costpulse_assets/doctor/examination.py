"""What the checks find, one row each, whatever happens inside a check."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from costpulse_assets.errors import CostPulseError

#: A clock that differs by more makes signatures and "today" wrong.
_TOLERATED_SKEW = timedelta(seconds=60)


@dataclass(frozen=True)
class Verdict:
    """What one check says; a warning or a failure has a fix."""

    result: Literal["ok", "warning", "failed", "skipped"]
    found: str
    fix: str = ""


@dataclass(frozen=True)
class Finding:
    """A row of the report."""

    area: str
    check: str
    result: Literal["ok", "warning", "failed", "skipped"]
    found: str
    fix: str


class Examination:
    """Runs checks and keeps what they find; a check that breaks is a failed row, and the next one is run."""

    def __init__(self, announce: Callable[[str], None] = lambda step: None) -> None:
        """Start without findings.

        Args:
            announce: told what is looked at next.
        """
        self.findings: list[Finding] = []
        self.announce = announce

    def check(self, area: str, name: str, look: Callable[[], Verdict]) -> bool:
        """Run one check; True if what builds on it can be checked as well."""
        self.announce(f"{area}: {name}")
        try:
            verdict = look()
        except CostPulseError as error:
            verdict = Verdict("failed", error.message, error.next_step)
        except Exception as error:  # its text may quote anything, a password included
            verdict = Verdict(
                "failed",
                f"The check itself broke ({type(error).__name__}).",
                "Run `costpulse doctor` again; if it repeats, report this line.",
            )
        self.add(area, name, verdict)
        return verdict.result in ("ok", "warning")

    def add(self, area: str, name: str, verdict: Verdict) -> None:
        """Keep what was found without running a check."""
        self.findings.append(Finding(area, name, verdict.result, verdict.found, verdict.fix))

    def skip(self, area: str, names: Iterable[str], because: str) -> None:
        """Rows for checks that make no sense now."""
        for name in names:
            self.add(area, name, Verdict("skipped", because))


def clock_verdict(theirs: datetime, before: datetime, after: datetime, *, whose: str) -> Verdict:
    """Compare a clock with ours.

    Args:
        theirs: what it said, somewhen between `before` and `after` by our clock.
        before: our time when it was asked.
        after: our time when the answer was here.
        whose: "the database", "the warehouse".
    """
    skew = max(before - theirs, theirs - after, timedelta(0))
    if skew <= _TOLERATED_SKEW:
        return Verdict("ok", f"This machine and {whose} agree on the time.")
    direction = "behind" if theirs < before else "ahead of"
    return Verdict(
        "warning",
        f"The clock of {whose} is {skew.total_seconds():,.0f} s {direction} this machine's.",
        "Set both clocks by NTP: tokens, the days in progress and ages of data go by them.",
    )
