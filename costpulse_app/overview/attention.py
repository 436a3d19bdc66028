"""What needs attention: at most six lines, each a sentence with an amount and a link that opens the thing.

All of it is about everything that the viewer may see, whatever the filters, and at their price.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import filters, formats, queries
from costpulse_app.alerts import headline as alert_words
from costpulse_app.alerts.reads import Summary
from costpulse_app.anomalies import words as anomaly_words
from costpulse_app.anomalies.reads import Event
from costpulse_app.filters import Filters, View
from costpulse_app.forecast import reads as forecast_reads
from costpulse_app.forecast import scopes
from costpulse_app.overview import lines as lines_drawn
from costpulse_app.overview.cards import SPARK_DAYS
from costpulse_app.parts import Frame
from costpulse_app.recommendations.reads import Recommendation
from costpulse_assets.analysis.series import Scope
from costpulse_assets.costs.spend import GroupSpend, Selection, Windows
from costpulse_assets.periods import Period

LINES = 6
#: Lines of one kind that are looked at; those beyond are counted.
_OF_A_KIND = 3
#: A budget that will rather break than hold.
_LIKELY = 0.5
#: A source that has not been read for so long is late.
_LATE = timedelta(hours=26)
_WEEK = 7
_BILL = "cost_records"


@dataclass(frozen=True)
class Line:
    """Something to look at.

    Attributes:
        kind: of what it is one.
        words: the sentence.
        amount: the money it is about, in USD; None: nobody knows.
        page: the file of the page that shows it.
        query: and its parameters there.
    """

    kind: str
    words: str
    amount: Decimal | None
    page: str
    query: filters.Query


#: One and several of a kind, for those that are left out, and its icon.
KINDS: Mapping[str, tuple[str, str, str]] = {
    "source": ("source not read", "sources not read", ":material/cloud_off:"),
    "anomaly": ("open anomaly", "open anomalies", ":material/notification_important:"),
    "budget": ("budget at risk", "budgets at risk", ":material/savings:"),
    "saving": ("open saving", "open savings", ":material/content_cut:"),
    "unallocated": ("growth of unallocated cost", "growths of unallocated cost", ":material/groups:"),
    "unpriced": ("price missing", "prices missing", ":material/money_off:"),
    "alert": ("alert not delivered", "alerts not delivered", ":material/mark_email_unread:"),
}


def everything(made: Frame) -> Frame:
    """The same frame without filters, at the customer's price."""
    return replace(made, filters=Filters())


def show(made: Frame, found: Sequence[Line]) -> None:
    """Draw the panel."""
    st.subheader("Needs attention", anchor=False)
    shown, left_out = chosen(found)
    if not shown:
        st.success(
            "Nothing needs attention: no open anomaly, no budget that is likely to break, no open saving, and every "
            "source was read.",
            icon=":material/check_circle:",
        )
        return
    with st.container(key="attention", gap="xxsmall"):
        for number, line in enumerate(shown):
            lines_drawn.draw(f"attention_{number}", line.words, KINDS[line.kind][2], line.page, line.query)
    if left_out:
        st.caption(formats.plain(f"And {', '.join(left_out)}."))
    if made.filters.selection != Filters().selection:
        st.caption("About everything you may see: filters do not apply to these lines.")


def chosen(found: Sequence[Line]) -> tuple[list[Line], list[str]]:
    """The lines that are shown, in their order, and the others in words.

    Sources that were not read come first; of the others each kind has its largest line before any has its second, in
    the order of money.
    """

    def size(line: Line) -> Decimal:
        return Decimal(-1) if line.amount is None else abs(line.amount)

    ranked = []
    for kind in KINDS:
        of_kind = sorted((line for line in found if line.kind == kind), key=lambda line: -size(line))
        ranked += [(rank, line) for rank, line in enumerate(of_kind)]
    ranked.sort(key=lambda each: (each[1].kind != "source", each[0], -size(each[1])))
    taken = [line for rank, line in ranked if rank < _OF_A_KIND][:LINES]
    taken.sort(key=lambda line: (line.kind != "source", -size(line)))
    left_out = []
    for kind, (one, several, _) in KINDS.items():
        more = sum(line.kind == kind for line in found) - sum(line.kind == kind for line in taken)
        if more:
            left_out.append(f"{more:,} more {several if more > 1 else one}")
    return taken, left_out


def lines(
    whole: Frame,
    windows: Windows,
    *,
    events: Sequence[Event],
    open_savings: Sequence[Recommendation],
    messages: Summary,
) -> list[Line]:
    """Everything there is to look at.

    Args:
        whole: see `everything`.
        windows: the month to date and what it is compared with.
        events: all that are open.
        open_savings: recommendations that are open.
        messages: what became of alerts.
    """
    return [
        *sources(whole, windows),
        *anomalies(whole, events),
        *budgets(whole),
        *savings(whole, open_savings),
        *unallocated(whole, windows),
        *unpriced(whole, windows),
        *alerts(messages),
    ]


def sources(whole: Frame, windows: Windows) -> Iterator[Line]:
    """What was not read, or not for too long; the bill says how much money is not here yet."""
    failed = queries.sources_not_read(whole.version)
    final = windows.last_final
    age = None if whole.loaded_at is None else datetime.now(UTC) - whole.loaded_at
    if age is None or age > _LATE:
        when = "never" if age is None else f"last {formats.age(age)} ago"
        missing = None if age is None or final is None else _usual_day(whole, final) * Decimal(int(age.days))
        about = f": about {formats.money(missing, whole.currency)} of cost is not here yet" if missing else ""
        yield Line("source", f"The bill was read {when}{about}.", missing, "health", {"source": [_BILL]})
        failed = [one for one in failed if one.source != _BILL]
    if not failed:
        return
    named = [
        f"{one.source.replace('_', ' ')} ({one.message or one.state})"
        if len(failed) == 1
        else f"{one.source.replace('_', ' ')}"
        for one in failed[:_OF_A_KIND]
    ]
    more = f" and {len(failed) - _OF_A_KIND} more" if len(failed) > _OF_A_KIND else ""
    said = f"{formats.count(len(failed), 'source')} not read: {', '.join(named)}{more}."
    yield Line("source", said, None, "health", {"source": [failed[0].source]} if len(failed) == 1 else {})


def anomalies(whole: Frame, events: Sequence[Event]) -> Iterator[Line]:
    """Open events, largest first."""
    shown = events[:_OF_A_KIND]
    names = anomaly_words.scope_names(whole, [(one.scope_type, one.scope_id) for one in shown])
    for number, one in enumerate(events):
        said = "" if number >= _OF_A_KIND else f"{names.titled(one)}: {_event_in_words(whole, one)}"
        yield Line("anomaly", said, one.impact_usd, "anomalies", {"id": [str(one.id)]})


def _event_in_words(whole: Frame, one: Event) -> str:
    return (
        f"{anomaly_words.signed(one.impact_usd, whole.currency)} "
        f"{'above' if one.direction == 'up' else 'below'} what was expected, {one.kind}, "
        f"{anomaly_words.when(one)[:1].lower()}{anomaly_words.when(one)[1:]}."
    )


def budgets(whole: Frame) -> Iterator[Line]:
    """Budgets that will rather break than hold, or are broken."""
    version = forecast_reads.version(whole.version)
    current = forecast_reads.current(forecast_reads.budget_periods(version))
    for budget in forecast_reads.budgets(version):
        status = current.get(budget.id)
        if status is None or not budget.document.is_active or status.state != "running":
            continue
        broken = status.spent_usd - status.amount
        if broken <= 0 and (status.probability_exceeded or 0) < _LIKELY:
            continue
        if broken > 0:
            said, amount = f"is exceeded by {formats.money(broken, whole.currency)}", broken
        else:
            amount = max((status.projected_usd or Decimal(0)) - status.amount, Decimal(0))
            said = (
                f"will be exceeded with a probability of {scopes.probability(status.probability_exceeded)}, by "
                f"{formats.money(amount, whole.currency)}"
            )
        scope = Scope(budget.document.scope_type, budget.scope_id)
        query = scopes.narrowed(Filters(), scope).to_query() | {"tab": ["budgets"]}
        yield Line(
            "budget",
            f"Budget {budget.document.name} of {formats.money(status.amount, whole.currency)} {said}.",
            amount,
            "forecast",
            query,
        )


def savings(whole: Frame, found: Sequence[Recommendation]) -> Iterator[Line]:
    """Open recommendations that save anything, largest first."""
    for one in found:
        if one.estimated_savings > 0:
            saving = formats.money(one.estimated_savings, whole.currency)
            said = f"{one.title.rstrip('.')}: saves {saving} per month."
            yield Line("saving", said, one.estimated_savings, "recommendations", {"id": [str(one.id)]})


def unallocated(whole: Frame, windows: Windows) -> Iterator[Line]:
    """Cost of nobody, where it grew faster than the rest."""
    groups = queries.by_group(whole.version, windows, "team", "", Selection(), "cost")
    nobodys = next((group for group in groups if group.group_id is None), None)
    if nobodys is None or nobodys.final_amount is None or nobodys.before_amount is None:
        return
    growth = nobodys.final_amount - nobodys.before_amount
    now, then = (_share(groups, nobodys, field) for field in ("final_amount", "before_amount"))
    if growth <= 0 or now is None or then is None or now <= then:
        return
    yield Line(
        "unallocated",
        f"Unallocated cost grew by {formats.money(growth, whole.currency)} to "
        f"{formats.money(nobodys.final_amount, whole.currency)}: {formats.percent(now)} of the month to date, before "
        f"{formats.percent(then)}.",
        growth,
        "allocation",
        {},
    )


def unpriced(whole: Frame, windows: Windows) -> Iterator[Line]:
    """Usage that is in no amount, for want of a price."""
    period = Period(windows.period.first, whole.newest)
    found = queries.without_price(whole.version, period, Selection())
    if not found:
        return
    skus = sorted({one.sku_name for one in found})
    named = ", ".join(skus[:2]) + (f" and {len(skus) - 2} more" if len(skus) > 2 else "")
    query = Filters().on(period).with_only("sku", skus).to_query() | View(by="sku", measure="dbu").to_query()
    yield Line(
        "unpriced",
        f"{formats.count(len(skus), 'SKU')} without a price, in no amount: {named}.",
        None,
        "explorer",
        query,
    )


def alerts(messages: Summary) -> Iterator[Line]:
    """Messages that did not arrive."""
    said = alert_words.sentences(messages)
    if said:
        problems = {"tab": ["history"], "status": ["problems" if messages.problems else "waiting"]}
        yield Line("alert", " ".join(said), None, "alerts", problems)


def _usual_day(whole: Frame, final: date) -> Decimal:
    """What a day cost in the mean of the last final week."""
    recent = Period(final - timedelta(days=SPARK_DAYS - 1), whole.newest)
    rows = queries.by_bin(whole.version, recent, "day", None, (), "", Selection(), "cost")
    week = Period(final - timedelta(days=_WEEK - 1), final)
    return sum((row.amount or Decimal(0) for row in rows if row.bin in week), Decimal(0)) / _WEEK


def _share(groups: Sequence[GroupSpend], one: GroupSpend, field: str) -> Decimal | None:
    whole: Decimal = sum((getattr(group, field) or Decimal(0) for group in groups), Decimal(0))
    return getattr(one, field) / whole if whole > 0 else None
