"""The second row of figures: what is open, what could be saved, what carries its tags, what is nobody's."""

from collections.abc import Sequence
from decimal import Decimal

from costpulse_app import formats, parts, queries
from costpulse_app.anomalies.reads import Event
from costpulse_app.parts import Frame
from costpulse_app.recommendations.reads import Recommendation
from costpulse_app.tags import headline as tag_headline
from costpulse_app.tags import reads as tag_reads
from costpulse_assets.costs.spend import Selection, Windows


def show(whole: Frame, windows: Windows, *, events: Sequence[Event], open_savings: Sequence[Recommendation]) -> None:
    """Draw the row.

    Args:
        whole: everything that the viewer may see, at their price.
        windows: the month to date and what it is compared with.
        events: all that are open.
        open_savings: recommendations that are open.
    """
    currency = whole.currency
    with parts.cards("small_cards"):
        above = sum((one.impact_usd for one in events if one.impact_usd > 0), Decimal(0))
        parts.card(
            whole,
            "open_anomalies",
            f"{len(events):,}",
            days="Of all days.",
            notes=[f"{formats.money(above, currency)} above expected"],
        )
        saving = sum((one.estimated_savings for one in open_savings), Decimal(0))
        parts.card(
            whole,
            "possible_saving",
            formats.money(saving, currency),
            full=formats.money_to_the_cent(saving, currency),
            days="The last 30 final days.",
            notes=[f"per month, {formats.count(len(open_savings), 'recommendation')}"],
        )
        _tagged(whole)
        _unallocated(whole, windows)


def _tagged(whole: Frame) -> None:
    window = tag_headline.window(whole)
    known = tag_reads.state()
    if window is None or known.judged_to is None:
        parts.card(whole, "tagged_share", formats.UNKNOWN, days="", notes=["No tag is required yet"])
        return
    version = tag_reads.version(whole.version, known)
    scores = tag_reads.scores(version, "team", window, tag_reads.Where())
    score = tag_reads.added(scores.values())
    parts.card(
        whole,
        "tagged_share",
        formats.percent(score.by_cost),
        days=f"{formats.days(window)}.",
        notes=[f"of {formats.money(score.judged_cost_usd, whole.currency)} that tags are required of"],
    )


def _unallocated(whole: Frame, windows: Windows) -> None:
    groups = queries.by_group(whole.version, windows, "team", "", Selection(), "cost")
    nobodys = next((group for group in groups if group.group_id is None), None)
    now = (nobodys and nobodys.final_amount) or Decimal(0)
    then = (nobodys and nobodys.before_amount) or Decimal(0)
    total: Decimal = sum((group.final_amount or Decimal(0) for group in groups), Decimal(0))
    share = f"{formats.percent(now / total)} of the month to date" if total > 0 else "of nothing yet"
    parts.card(
        whole,
        "unallocated",
        formats.money(now, whole.currency),
        full=formats.money_to_the_cent(now, whole.currency),
        days=f"{formats.days(windows.period)}.",
        delta=formats.delta(now, then, "cost", whole.currency),
        against=f"vs {formats.short_days(windows.before)}" if windows.before else "",
        notes=[share],
    )
