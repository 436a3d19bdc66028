"""What jobs, their runs, results and computes are called."""

from collections.abc import Iterable, Mapping
from datetime import date

from costpulse_app import formats, queries
from costpulse_app.jobs.reads import Bearer, Facts, Run
from costpulse_app.parts import Frame

#: Results as Databricks names them in lower case, and what stands for those that have none; in the order of filters.
RESULTS = {
    "succeeded": "Succeeded",
    "failed": "Failed",
    "timed_out": "Timed out",
    "error": "Error",
    "cancelled": "Cancelled",
    "canceled": "Cancelled",
    "skipped": "Skipped",
    "blocked": "Blocked",
    "no end yet": "No end yet",
    "not known": "Not known",
}
COMPUTES = {
    "cluster": "Cluster",
    "serverless": "Serverless",
    "warehouse": "SQL warehouse",
    "mixed": "Mixed",
}
COST_FOLLOWS, NOT_BILLED, ON_SHARED = "cost follows", "not in the bill", "on shared compute"
NO_SUCH_JOB = "There is no such job, or it is not yours to see."
NO_SUCH_RUN = "There is no such run of this job, or it is not yours to see."


def job_names(made: Frame, ids: Iterable[str], run_names: Mapping[str, str | None]) -> dict[str, str]:
    """Names of jobs, different for different ids.

    Args:
        made: the frame.
        ids: workspace/job.
        run_names: what their runs are called, for those that nothing else names.
    """
    wanted = tuple(sorted(set(ids)))
    found = queries.resource_names(made.version, "job", wanted)
    named = made.names.all("job", [(one, found.get(one) or run_names.get(one) or nameless(one)) for one in wanted])
    return {one: named[one] for one in wanted}


def nameless(job: str) -> str:
    """A job that only the bill knows."""
    return f"(name not available) {formats.unnamed(job.partition('/')[2])}"


def result(name: str) -> str:
    """How a run went."""
    return RESULTS.get(name, name.replace("_", " ").capitalize())


def computes(names: Iterable[str]) -> str:
    """What a job runs on."""
    return ", ".join(COMPUTES[name] for name in COMPUTES if name in names)


def schedule(facts: Facts | None) -> str | None:
    """When it runs."""
    if facts is None:
        return None
    if facts.delete_time is not None:
        return "deleted"
    if facts.schedule is None:
        return None
    return f"{facts.schedule}, paused" if facts.paused else facts.schedule


def team(made: Frame, bearer: Bearer | None) -> str | None:
    """The team that bears most of it, and how many others bear a part."""
    if bearer is None:
        return None
    name = made.names.one("team", None if bearer.team_id is None else str(bearer.team_id))
    return f"{name} and {bearer.teams - 1} more" if bearer.teams > 1 else name


def cost_note(made: Frame, run: Run) -> str:
    """Why a run has the cost it has, or none."""
    if run.cost_basis == "apportioned":
        return ON_SHARED
    if run.cost_basis == "billed":
        return "" if run.amount is not None else "no price"
    return without_cost(made, run.last_usage_date, run.result)


def without_cost(made: Frame, day: date, result: str) -> str:
    """Why a run that is in no bill is in none."""
    if result in ("skipped", "blocked"):
        return "never ran"
    return NOT_BILLED if made.is_final(day) else COST_FOLLOWS


def duration(seconds: int | None) -> str | None:
    """2 h 14 min; 3 min 5 s; 12 s."""
    if seconds is None:
        return None
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"
