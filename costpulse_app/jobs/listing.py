"""The list of jobs: four figures, the table by cost, the largest side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import streamlit as st

from costpulse_app import charts, formats, parts, queries
from costpulse_app.jobs import figures, reads, words
from costpulse_app.jobs.reads import Bearer, Facts, JobRuns, Medians
from costpulse_app.jobs.state import ListChoice
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import NONE, Bin, Windows
from costpulse_assets.periods import Period, preceding

#: Dearer is what costs so much more per run, and so much more in all.
DEARER_BY, DEARER_USD = Decimal("0.25"), Decimal(50)
_SIDE_BY_SIDE = 12
#: A small chart in each of several hundred rows is more than anybody looks at, and most of what is sent.
_WITH_TREND = 100
#: Longer periods are drawn by week.
_DAYS_DRAWN = 92
_CENT = Decimal("0.005")
TABLE, CHART = "jobs_table", "jobs_chart"
#: Cost by job and bin; no entry where there is none.
Trends = Mapping[str, Mapping[date, Decimal]]


@dataclass(frozen=True)
class Line:
    """A job with all that is known of it."""

    id: str
    name: str
    cost: Decimal | None
    runs: JobRuns | None
    facts: Facts | None
    bearer: Bearer | None
    medians: Medians | None

    @property
    def outside(self) -> Decimal | None:
        """What of its cost no run explains; None: nothing to speak of, as both are rounded row by row."""
        rest = (self.cost or Decimal(0)) - (self.runs.billed if self.runs else Decimal(0))
        return to_the_cent(rest) or None

    @property
    def is_dearer(self) -> bool:
        """A run costs much more than it did, and that is real money."""
        change = self.medians.change if self.medians else None
        return (
            self.medians is not None and change is not None and change > DEARER_BY and self.medians.added > DEARER_USD
        )

    def takes(self, choice: ListChoice) -> bool:
        """Whether the page's own filters let it through."""
        owner = self.facts.owner if self.facts else None
        ran = self.runs
        return (
            (not choice.results or bool(ran and set(choice.results) & set(ran.results)))
            and (not choice.owners or owner in choice.owners)
            and (not choice.computes or bool(ran and set(choice.computes) & set(ran.compute_types)))
        )


@dataclass(frozen=True)
class Listing:
    """All jobs of the period, the most expensive first, and what runs that name no job did."""

    lines: list[Line]
    windows: Windows
    cost: Decimal | None
    final_cost: Decimal | None
    before_cost: Decimal | None
    jobless: JobRuns | None

    @property
    def billed(self) -> Decimal:
        """What the bill names runs for."""
        return _sum(line.runs.billed for line in self.lines if line.runs)

    @property
    def lost(self) -> Decimal:
        """Of that, what brought nothing."""
        return _sum(line.runs.lost for line in self.lines if line.runs)

    @property
    def outside(self) -> Decimal:
        """What no run explains, exactly."""
        return (self.cost or Decimal(0)) - self.billed


def read(made: Frame) -> Listing:
    """Everything the page shows."""
    selection = reads.applied(made.selection)
    windows = windows_of(made)
    spent = {
        group.group_id: group
        for group in queries.by_group(made.version, windows, "job", "", selection, made.measure)
        if group.group_id is not None
    }
    ran = reads.listing(made.version, made.period, selection, made.measure)
    by_job = {one.id: one for one in ran if one.id is not None}
    ids = [job for job, group in spent.items() if group.in_period] + [job for job in by_job if job not in spent]
    ids += [job for job in by_job if job in spent and not spent[job].in_period]
    names = words.job_names(made, ids, {job: one.name for job, one in by_job.items()})
    facts = reads.facts(made.version, tuple(sorted(ids)))
    bearers = reads.bearers(made.version, made.period, selection)
    medians = reads.medians(made.version, made.last_final, selection, made.measure) if made.last_final else {}
    lines = [
        Line(
            job,
            names[job],
            spent[job].amount(made.measure) if job in spent and spent[job].in_period else None,
            by_job.get(job),
            facts.get(job),
            bearers.get(job),
            medians.get(job),
        )
        for job in ids
    ]
    lines.sort(key=lambda line: (line.cost is None, -(line.cost or 0), line.name))
    return Listing(
        lines,
        windows,
        _total(group.amount(made.measure) for group in spent.values()),
        _total(group.final_amount for group in spent.values()),
        _total(group.before_amount for group in spent.values()),
        next((one for one in ran if one.id is None and one.runs), None),
    )


def windows_of(made: Frame) -> Windows:
    """The period, its final days, and as many days before it, where all of those have data."""
    final = final_part(made)
    if final is None:
        return Windows(made.period, made.last_final)
    before = preceding(made.period)
    if before.first < min(made.days):
        # Days without data would count as days without cost.
        return Windows(made.period, made.last_final)
    cut = Period(before.first, before.first + timedelta(days=len(final) - 1))
    return Windows(made.period, made.last_final, cut)


def final_part(made: Frame) -> Period | None:
    """The final days of the period."""
    if made.last_final is None or made.last_final < made.period.first:
        return None
    return Period(made.period.first, min(made.period.last, made.last_final))


def headline(made: Frame, found: Listing) -> None:
    """Job cost, failed and cancelled, runs, dearer jobs."""
    runs = sum(line.runs.runs for line in found.lines if line.runs)
    ended = sum(line.runs.ended for line in found.lines if line.runs)
    succeeded = sum(line.runs.succeeded for line in found.lines if line.runs)
    lost_runs = sum(line.runs.lost_runs for line in found.lines if line.runs)
    open_runs = sum(line.runs.without_cost for line in found.lines if line.runs)
    dearer = sorted((line for line in found.lines if line.is_dearer), key=lambda line: -_added(line))
    with parts.cards("cards"):
        cost_card(made, "job_cost", found.windows, (found.cost, found.final_cost, found.before_cost), _by_day(made))
        lost_card(made, found.cost, found.lost, lost_runs)
        runs_card(made, runs, ended, succeeded, open_runs)
        parts.card(
            made,
            "dearer_jobs",
            f"{len(dearer):,}" if made.last_final else formats.UNKNOWN,
            days=f"To {formats.day(made.last_final)}." if made.last_final else "No day is final.",
            notes=[
                f"{line.name}: {formats.signed_percent(line.medians.change)} per run, "
                f"+{formats.money(line.medians.added, made.currency)}"
                for line in dearer[:2]
                if line.medians
            ]
            or ["last 14 final days vs the 28 before"],
        )


def cost_card(
    made: Frame,
    metric: str,
    windows: Windows,
    amounts: tuple[Decimal | None, Decimal | None, Decimal | None],
    by_day: Mapping[date, Decimal | None],
) -> None:
    """Cost of the period with its change: (whole, of final days, of the days before)."""
    whole, final, before = amounts
    days = final_part(made)
    said = parts.not_final_note(made, made.period, by_day, made.measure).removeprefix("+ ")
    parts.card(
        made,
        metric,
        formats.money(whole, made.currency),
        full=formats.money_to_the_cent(whole, made.currency),
        days=f"{formats.days(made.period)}.",
        delta=formats.delta(final, before, "cost", made.currency) if windows.before and before is not None else "",
        against=f"vs {formats.short_days(windows.before)}" if windows.before else "",
        spark=[float(by_day.get(day) or 0) for day in days] if days else None,
        notes=[f"of which {said}"] if said else [formats.days(made.period)],
    )


def lost_card(made: Frame, cost: Decimal | None, lost: Decimal, runs: int) -> None:
    """What runs without success cost, and its share."""
    share = lost / cost if cost else None
    parts.card(
        made,
        "lost_job_cost",
        formats.money(lost, made.currency),
        full=formats.money_to_the_cent(lost, made.currency),
        days=f"{formats.days(made.period)}.",
        notes=[
            f"{formats.percent(share)} of the cost of jobs" if share is not None else "no cost to compare with",
            f"{formats.count(runs, 'run')} without success"
            if runs or not lost
            else "attempts that failed before a repair",
        ],
    )


def runs_card(made: Frame, runs: int, ended: int, succeeded: int, open_runs: int) -> None:
    """Runs, and how many succeeded."""
    notes = [
        f"{formats.percent(Decimal(succeeded) / ended)} of {ended:,} that ended succeeded" if ended else "None ended"
    ]
    if open_runs:
        notes.append(f"{open_runs:,} not in the bill yet, or on compute that is not billed to jobs")
    parts.card(made, "job_runs", f"{runs:,}", days=f"{formats.days(made.period)}.", notes=notes)


def controls(lines: Sequence[Line]) -> None:
    """Result, run as, compute."""
    owners = sorted({line.facts.owner for line in lines if line.facts and line.facts.owner})
    results = {name for line in lines if line.runs for name in line.runs.results}
    computes = {name for line in lines if line.runs for name in line.runs.compute_types}
    options = {
        "j_result": [name for name in words.RESULTS if name in results],
        "j_owner": owners,
        "j_compute": [name for name in words.COMPUTES if name in computes],
    }
    for key, known in options.items():
        # What a link names stays, also where no job has it now: the list is empty then, and says so.
        options[key] = [*known, *(chosen for chosen in st.session_state[key] if chosen not in known)]
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom", gap="small"):
        st.multiselect(
            "Has runs with result", options["j_result"], format_func=words.result, key="j_result", placeholder="Any"
        )
        st.multiselect("Runs as", options["j_owner"], key="j_owner", placeholder="Anybody")
        st.multiselect(
            "Compute",
            options["j_compute"],
            format_func=words.COMPUTES.__getitem__,
            key="j_compute",
            placeholder="Any",
        )


def shown_of(lines: Sequence[Line]) -> list[Line]:
    """Those that get a row of the table."""
    return list(lines[: queries.LARGEST])


def trends_of(made: Frame, lines: Sequence[Line]) -> Trends:
    """Cost by job and bin, of the most expensive."""
    return by_job_and_bin(made, [line.id for line in lines if line.cost is not None][:_WITH_TREND])


def table(made: Frame, lines: Sequence[Line], trends: Trends) -> None:
    """All of them by cost; a row opens the job."""
    shown = shown_of(lines)
    bins = _bins(made)
    rows: list[dict[str, object]] = []
    for line in shown:
        row = table_row(made, line)
        row["Trend"] = [float(trends[line.id].get(day, 0)) for day in bins] if line.id in trends else None
        rows.append(row)
    hidden = lines[queries.LARGEST :]
    if hidden:
        rest = dict.fromkeys(rows[0]) | {
            "Job": f"{len(hidden):,} further jobs",
            "Cost": _total(line.cost for line in hidden),
            "Runs": sum(line.runs.runs for line in hidden if line.runs),
            "Failed": _sum(line.runs.lost for line in hidden if line.runs),
        }
        rows.append(rest)
    st.session_state["jobs_listed"] = [line.id for line in shown]
    total = _total(line.cost for line in lines)
    with st.container(horizontal=True, vertical_alignment="center", key="table_head"):
        st.caption(
            formats.plain(
                f"{formats.count(len(lines), 'job')}, total {formats.money_to_the_cent(total, made.currency)}. "
                "Choose a row to open the job."
            )
        )
        everything = [table_row(made, line) for line in lines]
        st.download_button(
            "Download CSV",
            formats.csv_text(everything[0], everything),
            f"costpulse-jobs-{made.period.first}-{made.period.last}.csv",
            "text/csv",
            icon=":material/download:",
            key="jobs_csv",
            on_click="ignore",
        )
    money = parts.money_column(made.currency)
    final = made.last_final
    key = _key(TABLE, made, shown)
    parts.table(
        rows,
        key=key,
        alt=f"Jobs by cost with their runs, {formats.days(made.period)}",
        columns={
            "Job": st.column_config.TextColumn(width="medium"),
            "Cost": money,
            "Succeeded %": st.column_config.NumberColumn(format="%.1f%%", help="Of the runs that ended"),
            "Per run": parts.money_column(made.currency, "Median cost of a run that began in the period and is over"),
            "Per run, 95%": parts.money_column(made.currency, "95 of 100 runs cost no more"),
            "Change %": st.column_config.NumberColumn(
                format="%.1f%%",
                help="Median cost of a run: 14 days"
                + (f" to {formats.day(final)} against the 28 before" if final else ""),
            ),
            "Failed": parts.money_column(made.currency, "Cost of runs, and of attempts, without success"),
            "Outside of runs": parts.money_column(made.currency, "Cost of the job that no run explains"),
            "Shared compute": parts.money_column(
                made.currency, "Share of clusters and warehouses it does not have alone; in no other figure"
            ),
            "Trend": st.column_config.AreaChartColumn(
                y_min=0, help=f"Cost per {_bin(made)}, of the {_WITH_TREND} most expensive"
            ),
            "Id": None,
        },
        on_select=partial(_open_row, key),
    )


def table_row(made: Frame, line: Line) -> dict[str, object]:
    """A row of the table and of the file, exact values."""
    ran, medians = line.runs, line.medians
    change = medians.change if medians else None
    return {
        "Job": line.name,
        "Workspace": made.names.one("workspace", line.id.partition("/")[0] or None),
        "Team": words.team(made, line.bearer),
        "Run as": line.facts.owner if line.facts else None,
        "Cost": line.cost,
        "Runs": ran.runs if ran else None,
        "Succeeded %": Decimal(100 * ran.succeeded) / ran.ended if ran and ran.ended else None,
        "Per run": ran.median_cost if ran else None,
        "Per run, 95%": ran.p95_cost if ran else None,
        "Change %": None if change is None else change * 100,
        "Failed": ran.lost if ran else None,
        "Outside of runs": line.outside,
        "Shared compute": ran.shared if ran else None,
        "Compute": words.computes(ran.compute_types) if ran else None,
        "Schedule": words.schedule(line.facts),
        "Note": note(made, line),
        "Id": line.id,
    }


def note(made: Frame, line: Line) -> str:
    """What a reader would ask about a row with gaps."""
    ran = line.runs
    if ran is None or not ran.runs:
        return "no run known" if line.facts is None else "no run began"
    if ran.without_cost and line.cost is None and ran.shared is None:
        return words.COST_FOLLOWS if made.not_final(made.period) else words.NOT_BILLED
    if line.cost is None:
        return words.ON_SHARED if ran.shared is not None else "never ran"
    return f"{ran.without_cost:,} of its runs: cost follows" if ran.without_cost and made.not_final(made.period) else ""


def adds_up(made: Frame, found: Listing) -> None:
    """What is billed for runs and what is not are the cost; what is in no figure is named."""
    said = [
        f"Cost of jobs {formats.money_to_the_cent(found.cost, made.currency)} = "
        f"{formats.money_to_the_cent(found.billed, made.currency)} billed for runs + "
        f"{formats.money_to_the_cent(to_the_cent(found.outside), made.currency)} outside of runs."
    ]
    shared = _total(line.runs.shared for line in found.lines if line.runs)
    if shared:
        said.append(
            f"Apart from it, runs used {formats.money_to_the_cent(shared, made.currency)} of clusters and warehouses "
            "that are not theirs alone: that is cost of those, by time."
        )
    if found.jobless:
        said.append(f"{formats.count(found.jobless.runs, 'run')} name no job and are in no row.")
    st.caption(formats.plain(" ".join(said)))


def side_by_side(made: Frame, lines: Sequence[Line], amounts: Trends) -> None:
    """The largest, on one scale."""
    largest = [line for line in lines if line.cost is not None][:_SIDE_BY_SIDE]
    if not largest:
        return
    bins, width = _bins(made), _bin(made)
    st.subheader(
        f"The {len(largest)} most expensive, per {width}" if len(largest) > 1 else f"Per {width}", anchor=False
    )
    st.caption("All on one scale. Choose a bar to open the job.")
    figure = figures.small_multiples(
        [figures.Trend(line.id, line.name, amounts.get(line.id, {})) for line in largest],
        bins,
        not_final=_not_final_bins(made),
        currency=made.currency,
        look=charts.palette(st.context.theme.type),
    )
    with st.container(key="chart"):
        st.plotly_chart(
            figure,
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key=CHART,
            on_select=_open_bar,
            selection_mode="points",
            alt=f"Cost of the most expensive jobs per {width}, small bars, {formats.days(made.period)}",
        )
    with st.expander("Show as table", key="multiples_table"):
        rows: list[dict[str, object]] = [
            {"First day" if width == "week" else "Day": day}
            | {line.name: amounts.get(line.id, {}).get(day) for line in largest}
            for day in bins
        ]
        parts.table(
            rows,
            key="multiples_rows",
            alt=f"Cost of the most expensive jobs per {width}",
            columns={line.name: parts.money_column(made.currency) for line in largest},
        )
        st.download_button(
            "Download CSV",
            formats.csv_text(rows[0], rows),
            "costpulse-largest-jobs.csv",
            "text/csv",
            icon=":material/download:",
            key="multiples_csv",
            on_click="ignore",
        )


def by_job_and_bin(made: Frame, jobs: Sequence[str]) -> Trends:
    """Cost by job and bin."""
    if not jobs:
        return {}
    found: dict[str, dict[date, Decimal]] = {}
    rows = queries.by_bin(
        made.version,
        made.period,
        _bin(made),
        "job",
        tuple(jobs),
        "",
        reads.applied(made.selection),
        made.measure,
    )
    for row in rows:
        if row.group_id is not None and row.amount is not None:
            found.setdefault(row.group_id, {})[row.bin] = row.amount
    return found


def to_the_cent(amount: Decimal) -> Decimal:
    """Nothing instead of less than half a cent: rows of the bill and of runs are rounded each for itself."""
    return amount if abs(amount) >= _CENT else Decimal(0)


def _by_day(made: Frame) -> dict[date, Decimal | None]:
    """Cost of all jobs by day: what is left when rows without a job are named."""
    rows = queries.by_bin(
        made.version, made.period, "day", "job", (NONE,), "", reads.applied(made.selection), made.measure
    )
    return {row.bin: row.amount for row in rows if row.group_id is None}


def _bin(made: Frame) -> Bin:
    return "day" if len(made.period) <= _DAYS_DRAWN else "week"


def _bins(made: Frame) -> list[date]:
    return charts.bins_of(made.period.first, made.period.last, _bin(made))


def _not_final_bins(made: Frame) -> dict[date, str]:
    return {
        charts.bins_of(day, day, _bin(made))[0]: f"not final, {made.share_in(day)}"
        for day in made.not_final(made.period)
    }


def _added(line: Line) -> Decimal:
    return line.medians.added if line.medians else Decimal(0)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _key(name: str, made: Frame, lines: Sequence[Line]) -> str:
    """Other rows are another table: what was chosen in it is not chosen in this one."""
    return f"{name}_{hash((made.filters, made.version, tuple(line.id for line in lines)))}"


def _open_row(key: str) -> None:
    made = parts.frame()
    rows = st.session_state[key].selection.rows
    if not rows:
        return
    listed: Sequence[str] = st.session_state["jobs_listed"]
    if rows[0] >= len(listed):
        st.toast("That row is many jobs: filter to fewer of them, or find them in the CSV.")
        return
    open_job(made, listed[rows[0]])


def _open_bar() -> None:
    point = parts.clicked(CHART)
    if point is not None:
        open_job(parts.frame(), point[0])


def open_job(made: Frame, job: str) -> None:
    """From a callback: show the job, for the same days."""
    parts.open_page("job", made.filters.to_query() | {"id": [job]})
