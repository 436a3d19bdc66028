"""One job: what it costs, why that changed, its runs, what was found about it, and what it is made of."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import streamlit as st

from costpulse_app import charts, formats, parts, queries
from costpulse_app.filters import View
from costpulse_app.forecast.figures import Step, waterfall
from costpulse_app.jobs import change, figures, listing, reads, words
from costpulse_app.jobs.reads import PAGE, Facts, JobRuns, Medians, Run
from costpulse_app.jobs.state import DetailChoice, show_run, turn_to
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import GroupSpend, Selection, Windows
from costpulse_assets.periods import Period

CHART, TABLE = "runs_chart", "runs_table"
#: Pages that findings are told on.
_ANOMALIES, _RECOMMENDATIONS = "anomalies", "recommendations"


def show(made: Frame, choice: DetailChoice) -> None:
    """Draw the detail."""
    st.button("All jobs", key="back", icon=":material/arrow_back:", on_click=_all_jobs, args=[made])
    job = choice.job
    facts = reads.facts(made.version, (job,)).get(job)
    known = reads.known(job)
    if facts is None and not known.has_cost and not known.has_runs:
        # The same whether it never was or is out of the viewer's scope.
        st.info(words.NO_SUCH_JOB, icon=":material/search_off:")
        return
    selection = of_job(made, job)
    windows = listing.windows_of(made)
    spent = next(iter(queries.by_group(made.version, windows, None, "", selection, made.measure)), None)
    ran = next(iter(reads.listing(made.version, made.period, selection, made.measure)), None)
    name = words.job_names(made, [job], {job: known.run_name or (ran.name if ran else None)})[job]
    medians = (
        reads.medians(made.version, made.last_final, selection, made.measure).get(job) if made.last_final else None
    )
    heading(made, job, name, facts)
    if choice.run is not None:
        one_run(made, choice.job, choice.run)
        return
    cards(made, selection, windows, spent, ran, medians)
    explained(made, spent, ran)
    with parts.panel("change"):
        why(made, job, windows, spent)
    with parts.panel("runs"):
        all_runs(made, job, choice)
    with parts.panel("findings"):
        findings(made, job)
    with parts.panel("skus"):
        made_of(made, selection, windows)


def of_job(made: Frame, job: str) -> Selection:
    """The filters that hold here, for this job alone."""
    kept = reads.applied(made.selection)
    only = tuple((name, ids) for name, ids in kept.only if name not in ("job", "workspace"))
    return Selection((*only, ("job", (job,))), kept.tags)


def heading(made: Frame, job: str, name: str, facts: Facts | None) -> None:
    """Name, workspace, team, who it runs as, schedule, state, and the id to copy."""
    workspace, _, number = job.partition("/")
    st.subheader(formats.plain(name), anchor=False)
    bearer = reads.bearers(made.version, made.period, of_job(made, job)).get(job)
    team = words.team(made, bearer)
    with st.container(horizontal=True, gap="small", key="badges"):
        st.badge(formats.plain(made.names.one("workspace", workspace or None)), icon=":material/workspaces:")
        if team:
            st.badge(formats.plain(team), icon=":material/groups:")
        if facts is not None and facts.delete_time is not None:
            st.badge(f"Deleted {formats.day(facts.delete_time.date())}", icon=":material/delete:", color="gray")
        elif facts is not None and facts.paused:
            st.badge("Paused", icon=":material/pause:", color="gray")
    said = []
    if facts is None:
        said.append("Only the bill or its runs name this job: its settings were not collected")
    else:
        said += [f"runs as {facts.owner}"] if facts.owner else []
        said += [f"made by {facts.creator}"] if facts.creator and facts.creator != facts.owner else []
        said.append(f"schedule {facts.schedule}" if facts.schedule else "no schedule")
        said += [f"first seen {formats.day(facts.create_time.date())}"] if facts.create_time else []
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="about"):
        # As text: Markdown makes a link of an address, however it is written.
        st.text(f"{', '.join(said)[:1].upper()}{', '.join(said)[1:]}.", width="content")
        st.button(
            "Open in the cost explorer",
            key="explore",
            type="tertiary",
            icon=":material/query_stats:",
            on_click=parts.open_explorer,
            args=[made.filters.with_only("job", [job]), View(by="sku")],
        )
    with st.container(horizontal=True, gap="small", key="ids"):
        st.caption("Workspace and job id", width="content")
        st.code(f"{workspace}/{number}", language=None, width="content")


def cards(
    made: Frame,
    selection: Selection,
    windows: Windows,
    spent: GroupSpend | None,
    ran: JobRuns | None,
    medians: Medians | None,
) -> None:
    """Cost, failed and cancelled, runs, cost of a run."""
    by_day = {
        row.bin: row.amount
        for row in queries.by_bin(made.version, made.period, "day", None, (), "", selection, made.measure)
    }
    amounts = _amounts(made, spent)
    with parts.cards("cards"):
        listing.cost_card(made, "job_cost", windows, amounts, by_day)
        listing.lost_card(made, amounts[0], ran.lost if ran else Decimal(0), ran.lost_runs if ran else 0)
        listing.runs_card(
            made,
            ran.runs if ran else 0,
            ran.ended if ran else 0,
            ran.succeeded if ran else 0,
            ran.without_cost if ran else 0,
        )
        money = partial(formats.money, currency=made.currency)
        notes = [f"95 of 100 cost at most {money(ran.p95_cost)}"] if ran and ran.p95_cost is not None else []
        if medians is not None and medians.change is not None:
            notes.append(
                f"last 14 final days {money(medians.median_now)}, {formats.signed_percent(medians.change)} "
                "against the 28 before"
            )
        parts.card(
            made,
            "cost_per_run",
            formats.money(ran.median_cost if ran else None, made.currency),
            full=formats.money_to_the_cent(ran.median_cost, made.currency) if ran and ran.median_cost else None,
            days=f"Runs that began in {formats.days(made.period)}.",
            notes=notes,
        )


def explained(made: Frame, spent: GroupSpend | None, ran: JobRuns | None) -> None:
    """What is billed for runs, and what no run explains, are the cost."""
    cost = _amounts(made, spent)[0]
    billed = ran.billed if ran else Decimal(0)
    if cost is None and (ran is None or not ran.runs):
        st.caption(f"No cost and no run between {formats.day(made.period.first)} and {formats.day(made.period.last)}.")
        return
    outside = listing.to_the_cent((cost or Decimal(0)) - billed)
    said = (
        f"Cost {formats.money_to_the_cent(cost or Decimal(0), made.currency)} = "
        f"{formats.money_to_the_cent(billed, made.currency)} billed for runs + "
        f"{formats.money_to_the_cent(outside, made.currency)} outside of runs."
    )
    if ran and ran.shared:
        said += (
            f" Apart from it, {formats.money_to_the_cent(ran.shared, made.currency)} of clusters and warehouses that "
            "it shares: cost of those, by time."
        )
    if ran and ran.without_cost and cost is None and not ran.shared:
        follows = bool(made.not_final(made.period))
        said = "Its runs are known and not yet billed: cost follows." if follows else "Its runs are in no bill."
    st.caption(formats.plain(said))


def why(made: Frame, job: str, windows: Windows, spent: GroupSpend | None) -> None:
    """The change against the days before, in parts that add up to it."""
    st.subheader("Why it changed", anchor=False)
    _, now_cost, then_cost = _amounts(made, spent)
    now, then = listing.final_part(made), windows.before
    if now is None:
        st.caption("No day of the period is final: there is nothing to compare.")
        return
    if then is None:
        st.caption("There are no data of the days before to compare with.")
        return
    difference = (now_cost or Decimal(0)) - (then_cost or Decimal(0))
    selection = reads.applied(made.selection)
    before, after = reads.factors(made.version, job, then, now, selection, made.measure)
    found = change.parts_of(difference, before, after)
    # What is smaller than a cent is the rounding of single rows; it is in the table.
    drawn = [part for part in found if abs(part.amount) >= Decimal("0.005")]
    money = partial(formats.money_to_the_cent, currency=made.currency)
    st.caption(
        formats.plain(
            f"{formats.days(then)}: {money(then_cost or Decimal(0))}. {formats.days(now)}: "
            f"{money(now_cost or Decimal(0))}, {'+' if difference > 0 else ''}{money(difference)}. "
            "The parts add up to that."
        )
    )
    if not drawn:
        st.caption("Nothing changed.")
        return
    words_of = {
        part.name: f"<b>{part.name} {_signed(made, part.amount)}</b><br>{formats.no_html(part.meaning)}"
        for part in drawn
    }
    with st.container(key="bridge"):
        st.plotly_chart(
            waterfall(
                (formats.short_days(then), then_cost or Decimal(0)),
                [Step(part.name, part.amount, words_of[part.name]) for part in drawn],
                (formats.short_days(now), now_cost or Decimal(0)),
                currency=made.currency,
                look=charts.palette(st.context.theme.type),
            ),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="bridge_chart",
            alt=f"Change of cost from {formats.days(then)} to {formats.days(now)}, waterfall",
        )
    with st.expander("Show as table", key="bridge_table"):
        rows: list[dict[str, object]] = [
            {"Part": part.name, "Meaning": part.meaning, "Adds": part.amount} for part in found
        ]
        parts.table(
            rows,
            key="bridge_rows",
            alt="Parts of the change of cost",
            columns={"Meaning": st.column_config.TextColumn(width="large"), "Adds": parts.money_column(made.currency)},
        )
        _csv(rows, "job-change", "bridge_csv")


def all_runs(made: Frame, job: str, choice: DetailChoice) -> None:
    """A dot for each run, then all of them by page."""
    st.subheader("Runs", anchor=False)
    selection = reads.applied(made.selection)
    dots, total = reads.runs(made.version, job, made.period, selection, made.measure, most=reads.IN_CHART)
    if not dots:
        st.info("No run of this job is known in this period.", icon=":material/filter_alt:")
        return
    newest = "" if total <= len(dots) else f" The newest {len(dots):,} of {total:,} are drawn."
    st.caption(f"Cost and time of each run; its shape is its result. Choose a dot or a row to open the run.{newest}")
    with st.container(key="chart"):
        st.plotly_chart(
            figures.runs(dots, currency=made.currency, look=charts.palette(st.context.theme.type)),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key=CHART,
            on_select=_open_dot,
            selection_mode="points",
            alt=f"Cost of each run by its start, with a line of how long they took, {formats.days(made.period)}",
        )
    results = [name for name in words.RESULTS if any(run.result == name for run in dots)]
    results += [name for name in st.session_state["job_result"] if name not in results]
    st.multiselect("Result", results, format_func=words.result, key="job_result", placeholder="Any", width=320)
    pages = max(1, -(-total // PAGE))
    page = min(choice.page, pages) if not choice.results else choice.page
    listed, count = reads.runs(
        made.version,
        job,
        made.period,
        selection,
        made.measure,
        results=choice.results,
        skipped=(page - 1) * PAGE,
    )
    if not listed:
        st.info("No run of this list passes the filters above.", icon=":material/filter_alt:")
        return
    pages = -(-count // PAGE)
    clusters = names_of(made, "cluster", job, [run.cluster_id for run in listed])
    warehouses = names_of(made, "warehouse", job, [run.warehouse_id for run in listed])
    rows = [run_row(made, run, clusters, warehouses) for run in listed]
    st.session_state["runs_listed"] = [run.run_id for run in listed]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs_head"):
        first = (page - 1) * PAGE + 1
        st.caption(f"Runs {first:,} to {first + len(listed) - 1:,} of {count:,}, newest first.", width="content")
        if pages > 1:
            st.button(
                "Newer",
                key="newer",
                icon=":material/chevron_left:",
                disabled=page <= 1,
                on_click=turn_to,
                args=[page - 1],
            )
            st.button(
                "Older",
                key="older",
                icon=":material/chevron_right:",
                disabled=page >= pages,
                on_click=turn_to,
                args=[page + 1],
            )
        st.download_button(
            "Download CSV",
            # Asked for on click only.
            partial(_every_run, made, job, choice),
            f"costpulse-job-runs-{made.period.first}-{made.period.last}.csv",
            "text/csv",
            icon=":material/download:",
            key="runs_csv",
            on_click="ignore",
        )
    key = f"{TABLE}_{hash((made.filters, made.version, job, choice.results, page))}"
    parts.table(
        rows,
        key=key,
        alt=f"Runs with result, duration, DBUs and cost, {formats.days(made.period)}",
        columns={
            "Started (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC"),
            "DBU": st.column_config.NumberColumn(format="%,.1f"),
            "Cost": parts.money_column(made.currency, "The whole run, also on days outside of the period"),
            "In the period": parts.money_column(made.currency, "Billed on the days of the period; adds up to the cost"),
            "Seconds": None,
        },
        on_select=partial(_open_row, key),
    )


def run_row(made: Frame, run: Run, clusters: dict[str, str], warehouses: dict[str, str]) -> dict[str, object]:
    """A row of the list of runs and of the file, exact values."""
    ran_on = clusters.get(run.cluster_id or "") or warehouses.get(run.warehouse_id or "")
    return {
        "Run": run.run_id,
        "Started (UTC)": run.started_at,
        "First day": run.first_usage_date,
        "Result": words.result(run.result),
        "Duration": words.duration(run.duration_seconds),
        "DBU": run.dbu_count,
        "Cost": run.amount,
        "In the period": run.window_amount,
        "Note": words.cost_note(made, run),
        "Compute": words.COMPUTES.get(run.compute_type or ""),
        "Cluster or warehouse": ran_on,
        "Attempts": run.attempts,
        "Seconds": run.duration_seconds,
    }


def one_run(made: Frame, job: str, number: str) -> None:
    """One run: how it went, where its tasks ran, and what the bill names it for."""
    st.button("All runs of the job", key="runs_back", icon=":material/arrow_back:", on_click=show_run, args=[None])
    run = reads.run(job, number, made.measure)
    if run is None:
        st.info(words.NO_SUCH_RUN, icon=":material/search_off:")
        return
    began = formats.moment(run.started_at) if run.started_at else formats.day(run.first_usage_date)
    st.subheader(formats.plain(f"Run of {began}"), anchor=False)
    note = words.cost_note(made, run)
    cost = formats.money_to_the_cent(run.amount, made.currency) if run.amount is not None else note or formats.UNKNOWN
    with st.container(horizontal=True, gap="small", key="run_figures"):
        st.metric("Cost", cost, border=True, width="stretch")
        st.metric("Result", words.result(run.result), border=True, width="stretch")
        st.metric("Duration", words.duration(run.duration_seconds) or formats.UNKNOWN, border=True, width="stretch")
        st.metric("DBUs", formats.dbus(run.dbu_count), border=True, width="stretch")
    said = [
        f"{label} {value}"
        for label, value in (
            ("trigger", run.trigger_type),
            ("ended because", run.termination_code),
            ("queue", words.duration(run.queue_seconds)),
            ("set-up", words.duration(run.setup_seconds)),
            ("execution", words.duration(run.execution_seconds)),
            ("attempts", str(run.attempts) if run.attempts > 1 else None),
        )
        if value
    ]
    if run.amount is not None and note:
        said.insert(0, f"its cost is a share of what it ran on ({note})")
    if said:
        st.caption(formats.plain(f"{', '.join(said)[:1].upper()}{', '.join(said)[1:]}."))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run_links"):
        st.caption("Run id", width="content")
        st.code(run.run_id, language=None, width="content")
        for page, one in (("cluster", run.cluster_id), ("warehouse", run.warehouse_id)):
            if one:
                name = names_of(made, page, job, [one])[one]
                st.button(
                    formats.plain(f"Open {page} {name}"),
                    key=f"open_{page}",
                    type="tertiary",
                    icon=":material/memory:",
                    on_click=parts.open_page,
                    args=[page, made.filters.to_query() | {"id": [f"{job.partition('/')[0]}/{one}"]}],
                )
    with parts.panel("tasks"):
        _tasks(made, job, run)
    with parts.panel("records"):
        _records(made, job, run)


def _tasks(made: Frame, job: str, run: Run) -> None:
    st.subheader("Where its tasks ran", anchor=False)
    found = reads.tasks(job, run.run_id)
    if not found:
        st.caption("No time of its tasks is known.")
        return
    clusters = names_of(made, "cluster", job, [task.compute_id for task in found if task.compute_type == "cluster"])
    houses = names_of(made, "warehouse", job, [task.compute_id for task in found if task.compute_type == "warehouse"])
    rows: list[dict[str, object]] = [
        {
            "Day": task.usage_date,
            "Compute": words.COMPUTES[task.compute_type],
            "Name": {"cluster": clusters, "warehouse": houses}.get(task.compute_type, {}).get(task.compute_id or ""),
            "Time of tasks": words.duration(task.task_seconds),
            "Seconds": task.task_seconds,
        }
        for task in found
    ]
    st.caption("By UTC day; tasks side by side add up.")
    parts.table(
        rows, key="tasks_rows", alt="Time of the tasks of the run by day and compute", columns={"Seconds": None}
    )
    _csv(rows, "job-run-tasks", "tasks_csv")


def _records(made: Frame, job: str, run: Run) -> None:
    st.subheader("What the bill names it for", anchor=False)
    found = reads.records(job, run.run_id)
    if not found:
        note = words.cost_note(made, run)
        because = f": {note}" if note else ""
        st.caption(formats.plain(f"No record of the bill names this run{because}."))
        return
    rows: list[dict[str, object]] = [
        {
            "Day": one.usage_date,
            "SKU": one.sku_name,
            "Unit": one.usage_unit,
            "Quantity": one.usage_quantity,
            "List price": one.dbu_rate,
            "Your price": one.effective_rate,
            "List cost": one.list_cost_usd,
            "Cost": one.cost_usd,
        }
        for one in found
    ]
    price = st.column_config.NumberColumn(format="%.4f", help=f"{made.currency} per unit")
    money = parts.money_column(made.currency)
    parts.table(
        rows,
        key="records_rows",
        alt="Records of the bill that name the run, by day, SKU and price",
        columns={
            "SKU": st.column_config.TextColumn(width="large"),
            "Quantity": st.column_config.NumberColumn(format="%,.4f"),
            "List price": price,
            "Your price": price,
            "List cost": money,
            "Cost": money,
        },
    )
    _csv(rows, "job-run-records", "records_csv")


def findings(made: Frame, job: str) -> None:
    """Anomalies and recommendations, each a way to its page."""
    st.subheader("What was found", anchor=False)
    events, advice = reads.anomalies(job), reads.recommendations(job)
    if not events and not advice:
        st.caption("No anomaly and no open recommendation of this job.")
    for event in events:
        sign = "+" if event.impact_usd > 0 else ""
        said = (
            f"{event.kind.capitalize()} of {formats.days(Period(event.start_date, event.last_date))}: "
            f"{sign}{formats.money(event.impact_usd, made.currency)}, {event.severity}, {event.status}"
        )
        if (event.scope_type, event.scope_id) != ("job", job):
            said += f"; the main cause of an anomaly of a {event.scope_type}"
        st.button(
            formats.plain(said),
            key=f"event_{event.id}",
            type="tertiary",
            icon=":material/notification_important:",
            on_click=parts.open_page,
            args=[_ANOMALIES, made.filters.to_query() | {"id": [str(event.id)]}],
        )
    for one in advice:
        st.button(
            formats.plain(
                f"{one.title}: {formats.money(one.estimated_savings, made.currency)} per month, {one.status}"
            ),
            key=f"advice_{one.id}",
            type="tertiary",
            icon=":material/savings:",
            on_click=parts.open_page,
            args=[_RECOMMENDATIONS, made.filters.to_query() | {"id": [str(one.id)]}],
        )


def made_of(made: Frame, selection: Selection, windows: Windows) -> None:
    """Its cost by SKU."""
    groups = [
        group
        for group in queries.by_group(made.version, windows, "sku", "", selection, made.measure)
        if group.in_period or group.before_amount is not None
    ]
    if not groups:
        return
    groups.sort(key=lambda group: (-(group.amount(made.measure) or 0), group.group_id or ""))
    st.subheader("What it is made of", anchor=False)
    rows: list[dict[str, object]] = [
        {
            "SKU": group.group_id,
            "Cost": group.amount(made.measure),
            "DBU": group.dbu_count,
            "Final days": group.final_amount,
            "Before": group.before_amount,
            "Change": None
            if windows.before is None
            else (group.final_amount or Decimal(0)) - (group.before_amount or Decimal(0)),
        }
        for group in groups
    ]
    money = parts.money_column(made.currency)
    parts.table(
        rows,
        key="skus_rows",
        alt=f"Cost of the job by SKU, {formats.days(made.period)}",
        columns={
            "SKU": st.column_config.TextColumn(width="large"),
            "DBU": st.column_config.NumberColumn(format="%,.1f"),
            **dict.fromkeys(("Cost", "Final days", "Before", "Change"), money),
        },
    )
    _csv(rows, "job-skus", "skus_csv")


def names_of(made: Frame, dimension: str, job: str, ids: Sequence[str | None]) -> dict[str, str]:
    """Names of clusters or warehouses of the job's workspace by their id."""
    workspace = job.partition("/")[0]
    wanted = tuple(sorted({f"{workspace}/{one}" for one in ids if one}))
    if not wanted:
        return {}
    found = queries.resource_names(made.version, dimension, wanted)
    named = made.names.all(dimension, [(one, found.get(one)) for one in wanted])
    return {one.partition("/")[2]: named[one] for one in wanted}


def _amounts(made: Frame, spent: GroupSpend | None) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    return (
        (None, None, None) if spent is None else (spent.amount(made.measure), spent.final_amount, spent.before_amount)
    )


def _signed(made: Frame, amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{formats.money(amount, made.currency)}"


def _csv(rows: Sequence[dict[str, object]], name: str, key: str) -> None:
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        f"{name}.csv",
        "text/csv",
        icon=":material/download:",
        key=key,
        on_click="ignore",
    )


def _every_run(made: Frame, job: str, choice: DetailChoice) -> str:
    found, _ = reads.runs(
        made.version,
        job,
        made.period,
        reads.applied(made.selection),
        made.measure,
        results=choice.results,
        most=None,
    )
    clusters = names_of(made, "cluster", job, [run.cluster_id for run in found])
    warehouses = names_of(made, "warehouse", job, [run.warehouse_id for run in found])
    rows = [run_row(made, run, clusters, warehouses) for run in found]
    return formats.csv_text(rows[0], rows)


def _all_jobs(made: Frame) -> None:
    kept = st.session_state.get("jobs_choice")
    parts.open_page("jobs", made.filters.to_query() | (kept.to_query() if kept else {}))


def _open_dot() -> None:
    point = parts.clicked(CHART)
    if point is not None:
        show_run(point[0])


def _open_row(key: str) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        show_run(st.session_state["runs_listed"][rows[0]])
