"""The list: what machines cost and how much of it was idle, as figures, marks, bars and a table."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial

import streamlit as st

from costpulse_app import charts, formats, parts, queries
from costpulse_app.compute import figures, reads, state, words
from costpulse_app.compute.reads import Facts, Further, Machine, Question
from costpulse_app.compute.state import Choice
from costpulse_app.parts import Frame

Names = Mapping[tuple[str, str], str]

_BARS = 15
#: Marks that can still be told from each other.
_MARKS = 300
#: What the page is made of besides the bill.
_SOURCES = frozenset(
    {"clusters", "node_utilization", "cluster_task_hours", "warehouses", "warehouse_uptime", "warehouse_queries"}
)


def show(made: Frame, choice: Choice) -> None:
    """Draw the list."""
    question = asked(made, choice)
    controls()
    found, rest = reads.machines(made.version, question)
    now = reads.now(made.version, made.newest, made.filters.ids("workspace"), choice.kinds)
    what_is_not_read(made)
    if not found:
        nothing(made, choice)
        return
    names = names_of(made, found)
    headline(made, found, rest, now)
    left, right = st.columns(2, gap="large")
    with left:
        marks(made, found, names)
    with right:
        bars(made, found, names)
    table(made, question, found, rest, names)


def asked(made: Frame, choice: Choice) -> Question:
    """The machines that filters and choice ask for."""
    return Question(
        made.period,
        made.last_final,
        made.selection,
        made.filters.basis == "list",
        choice.kinds,
        choice.states,
        choice.is_mostly_idle,
    )


def names_of(made: Frame, shown: Sequence[Facts]) -> dict[tuple[str, str], str]:
    """What machines are called; names that were collected earlier stand in for missing ones."""
    known: dict[tuple[str, str], str] = {}
    for machine_type in state.DETAILS:
        unnamed = tuple(one.id for one in shown if one.machine_type == machine_type and not one.name)
        if unnamed:
            found = queries.resource_names(made.version, machine_type, unnamed)
            known |= {(machine_type, group): name for group, name in found.items()}
    return words.names(made, shown, known)


def controls() -> None:
    """Kind, state, and whether only what is mostly idle is listed."""
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom", gap="small"):
        st.multiselect(
            "Kind", list(words.KINDS), format_func=words.KINDS.__getitem__, key="c_kinds", placeholder="All", width=260
        )
        st.multiselect(
            "State now",
            list(words.STATES),
            format_func=words.STATES.__getitem__,
            key="c_states",
            placeholder="All",
            width=260,
        )
        st.toggle(
            "Mostly idle only", key="c_idle", help="At least half of the cost whose idle part is known brought nothing."
        )


def headline(made: Frame, found: Sequence[Machine], rest: Further | None, now: reads.Now) -> None:
    """Cost, idle cost, mean CPU and memory, what runs now, and what never stops by itself."""
    cost, idle, measured = (
        _total(found, rest, name) or Decimal(0) for name in ("amount", "idle_amount", "measured_amount")
    )
    weighed = _total(found, rest, "weighed_amount")
    count = len(found) + (rest.count if rest else 0)
    days = f"{formats.days(made.period)}."
    with parts.cards("cards"):
        parts.card(
            made,
            "machine_cost",
            formats.money(cost, made.currency),
            full=formats.money_to_the_cent(cost, made.currency),
            days=days,
            notes=[f"{count:,} clusters and warehouses", *not_final(made, _total(found, rest, "open_amount"))],
        )
        parts.card(
            made,
            "machine_idle_cost",
            formats.money(idle, made.currency) if measured else formats.UNKNOWN,
            full=formats.money_to_the_cent(idle, made.currency) if measured else None,
            days=days,
            notes=[
                f"{formats.percent(idle / measured)} of the {formats.percent(measured / cost)} of the cost "
                "whose idle part is known"
            ]
            if measured and cost
            else ["no idle time is known"],
        )
        means = [
            None if not weighed else (_total(found, rest, name) or Decimal(0)) / weighed
            for name in ("cpu_amount", "mem_amount")
        ]
        parts.card(
            made,
            "machine_cpu",
            words.percent(means[0]),
            days=days,
            notes=[
                f"memory {words.percent(means[1])}; weighted by cost, of {formats.percent(weighed / cost)} of it"
                if weighed and cost
                else "nothing was measured"
            ],
        )
        as_of = f"as of {formats.moment(now.state_as_of)}" if now.state_as_of else "no state is known"
        parts.card(
            made,
            "machines_running",
            f"{now.running:,}" if now.known else formats.UNKNOWN,
            days="Now, whatever the period.",
            notes=[f"{now.idle:,} of them idle", as_of] if now.known else [as_of],
        )
        parts.card(
            made,
            "machines_never_stopping",
            f"{now.never_stopping:,}" if now.known else formats.UNKNOWN,
            days="Now, whatever the period.",
            notes=["clusters and warehouses that never end by themselves"],
        )


def not_final(made: Frame, amount: Decimal | None) -> list[str]:
    """How much of an amount is of days that are not final."""
    days = made.not_final(made.period)
    if not days:
        return []
    return [
        f"{formats.money(amount or Decimal(0), made.currency)} of it on {formats.count(len(days), 'day')} not final"
    ]


def marks(made: Frame, found: Sequence[Machine], names: Names) -> None:
    """CPU against cost."""
    st.subheader("CPU and cost", anchor=False)
    shown = [one for one in found if one.cpu_percent is not None and one.amount is not None and one.amount > 0][:_MARKS]
    if not shown:
        st.caption("No CPU was measured in this period: Databricks gives it of classic clusters, for 90 days.")
        return
    st.caption(f"{formats.count(len(shown), 'cluster')} with telemetry; choose one to open it.")
    st.plotly_chart(
        figures.use_against_cost(shown, names, currency=made.currency, look=charts.palette(st.context.theme.type)),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="marks",
        on_select=_open_mark("marks"),
        selection_mode="points",
        alt=f"Clusters by mean CPU and cost, {formats.days(made.period)}",
    )


def bars(made: Frame, found: Sequence[Machine], names: Names) -> None:
    """The dearest, used and idle."""
    st.subheader("Used and idle", anchor=False)
    shown = [one for one in found if one.amount is not None][:_BARS]
    if not shown:
        st.caption("Nothing of these has a price.")
        return
    st.caption(f"The {len(shown)} dearest; choose one to open it.")
    st.plotly_chart(
        figures.used_and_idle(shown, names, currency=made.currency, look=charts.palette(st.context.theme.type)),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="bars",
        on_select=_open_mark("bars"),
        selection_mode="points",
        alt=f"Cost of the {len(shown)} dearest machines, used and idle, bars, {formats.days(made.period)}",
    )


def table(made: Frame, question: Question, found: Sequence[Machine], rest: Further | None, names: Names) -> None:
    """Every machine with what is known of it, the smallest in one row when they are many; as CSV every one."""
    st.subheader("All machines", anchor=False)
    total = _total(found, rest, "amount")
    count = len(found) + (rest.count if rest else 0)
    rows = [table_row(made, one, names[one.machine_type, one.id]) for one in found]
    if rest:
        further = dict.fromkeys(rows[0]) | {
            "Name": f"{rest.count:,} further machines",
            "Hours": rest.up_hours,
            "Cost": rest.amount,
            "Idle cost": rest.idle_amount,
        }
        rows.append(further)
    st.session_state["machines_shown"] = [(one.machine_type, one.id) for one in found]
    with st.container(horizontal=True, vertical_alignment="center", key="table_head"):
        st.caption(
            formats.plain(
                f"{count:,} machines, total {formats.money_to_the_cent(total, made.currency)}. Choose a row to open it."
            )
        )
        st.download_button(
            "Download CSV",
            # Asked for on click only.
            partial(csv_file, made, question),
            f"costpulse-machines-{made.period.first}-{made.period.last}.csv",
            "text/csv",
            icon=":material/download:",
            key="csv",
            on_click="ignore",
        )
    trends = [list(_trend(made, one)) for one in found] + ([None] if rest else [])
    money = parts.money_column(made.currency)
    percent = st.column_config.NumberColumn(format="%.1f%%")
    parts.table(
        [row | {"Trend": trend} for row, trend in zip(rows, trends, strict=True)],
        key="machines",
        alt=f"Clusters and warehouses with cost, idle cost and use, {formats.days(made.period)}",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            "Id": None,
            "Hours": st.column_config.NumberColumn(format="%,.1f", help="Hours up, of the whole machine."),
            "Cost": money,
            "Idle cost": money,
            "CPU %": percent,
            "Memory %": percent,
            "Last used": st.column_config.DateColumn(format="YYYY-MM-DD"),
            "Trend": st.column_config.AreaChartColumn(
                "Trend", help=f"Cost by day, the last {reads.TREND_DAYS} days of the period.", y_min=0
            ),
        },
        on_select=_open_row,
    )
    st.caption(words.NOT_MEASURED)


def table_row(made: Frame, one: Machine, name: str) -> dict[str, object]:
    """One row of the table and of the CSV, exact values."""
    used = one.last_used_at.date() if one.last_used_at else one.last_billed
    return {
        "Name": words.titled(name, one),
        "Cost": one.amount,
        "Idle cost": one.idle_amount,
        "Kind": words.KINDS[one.kind],
        "CPU %": one.cpu_percent,
        "Memory %": one.mem_percent,
        "Hours": one.up_hours,
        "State": words.STATES[one.state],
        "Auto-stop": words.auto_stop(one),
        "Workspace": made.names.one("workspace", one.workspace_id),
        "Owner": one.owner,
        "Node type": words.node(one),
        "Workers": words.size(one),
        "Photon": words.yes(one.photon_enabled),
        "Policy": one.policy_id,
        "Last used": used,
        "Id": one.machine_id,
    }


def csv_file(made: Frame, question: Question) -> str:
    """The rows of the table with every machine."""
    found = reads.every_machine(question)
    names = names_of(made, found)
    rows = [table_row(made, one, names[one.machine_type, one.id]) for one in found]
    return formats.csv_text(rows[0], rows) if rows else ""


def what_is_not_read(made: Frame) -> None:
    """Sources of this page that were not read, each with the next step, such as the grant that is missing."""
    for one in queries.sources_not_read(made.version):
        if one.source in _SOURCES:
            st.info(
                formats.plain(f"{one.source} of {one.connection}: {one.message or one.state} {one.next_step or ''}"),
                icon=":material/cloud_off:",
            )


def nothing(made: Frame, choice: Choice) -> None:
    """No machine matches: said in words."""
    if choice == Choice():
        parts.nothing_matches(made)
        return
    st.info("No cluster or warehouse of this kind and state has a bill in this period.", icon=":material/filter_alt:")
    st.button("Show all machines", key="show_all", type="primary", on_click=state.put, args=[Choice()])


def _total(found: Sequence[Machine], rest: Further | None, name: str) -> Decimal | None:
    amounts = [amount for one in (*found, *([rest] if rest else [])) if (amount := getattr(one, name)) is not None]
    return sum(amounts, Decimal(0)) if amounts else None


def _trend(made: Frame, one: Machine) -> list[float]:
    days = list(made.period)[-reads.TREND_DAYS :]
    return [one.trend.get(day.isoformat()) or 0.0 for day in days]


def _open_mark(key: str) -> Callable[[], None]:
    def follow() -> None:
        told = parts.clicked(key)
        if told is not None:
            state.open_machine(told[0], told[1])

    return follow


def _open_row() -> None:
    rows = st.session_state["machines"].selection.rows
    shown: list[tuple[str, str]] = st.session_state["machines_shown"]
    # The last row may be all further ones.
    if rows and rows[0] < len(shown):
        state.open_machine(*shown[rows[0]])
