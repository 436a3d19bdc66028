"""CostPulse's own pipeline: a job of Dagster that fails, as long as it does."""

from datetime import datetime

from pydantic import Field

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding
from costpulse_assets.alerts.message import Figure, Message

#: What Dagster calls runs of assets that were chosen by hand.
_CHOSEN_ASSETS = "__ASSET_JOB"


class Options(AlertOptions):
    """Which jobs."""

    jobs: tuple[str, ...] = Field(
        (), title="Jobs", description="Names of jobs of the pipeline in Dagster, such as cost_cycle; none: all."
    )


def message(finding: Finding) -> Message:
    """Which job fails, where and why, since when, and what to do; or that it works again."""
    told = finding.evidence
    job = "Materialization of chosen assets" if told["job"] == _CHOSEN_ASSETS else f"Job {told['job']}"
    since, failed_runs = _moment(told["since"]), int(told["failed_runs"])
    runs = "1 run has" if failed_runs == 1 else f"{failed_runs} runs have"
    figures = [Figure(label="Job", text=told["job"]), Figure(label="Failing since", text=since)]
    if finding.phase == "ended":
        return Message(
            title=f"Pipeline: {job[:1].lower()}{job[1:]} works again",
            text=f"{job} succeeded at {_moment(told['ended_at'])}. It had failed since {since}; {runs} failed.",
            severity="info",
            figures=(*figures, Figure(label="Failed runs", text=f"{failed_runs}")),
            notes=(f"Run in Dagster: {told['run_url']}",),
        )
    step = f"step {told['step']}" if told["step"] else "the run itself"
    still = f", for {finding.reminder} day{'' if finding.reminder == 1 else 's'} now" if finding.reminder else ""
    return Message(
        title=f"Pipeline: {job[:1].lower()}{job[1:]} fails{still}",
        text=(
            f"{job} failed in {step}: {told['error']} It fails since {since}; {runs} failed since it succeeded last, "
            f"and costs are as old as that. Next step: {told['next_step']}"
        ),
        severity="warning",
        figures=(
            *figures[:1],
            Figure(label="Failed in", text=told["step"] or "the run itself"),
            *figures[1:],
            Figure(label="Failed runs", text=f"{failed_runs}"),
        ),
        notes=(f"Run in Dagster: {told['run_url']}",),
    )


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{words.day(moment.date())} {moment:%H:%M} UTC"


ALERT_TYPE = AlertType(
    name="pipeline_failed",
    title="Pipeline failed",
    fires="A run of a job of CostPulse's own pipeline in Dagster failed, and no run of the job has succeeded since.",
    silent=(
        "The run was cancelled by a person; Dagster itself tries it again (the last try counts); Dagster's daemon, "
        "which looks for failed runs, does not run."
    ),
    once=(
        "Each job once from its first failed run on, again every day (24 hours after that run) as long as it fails, "
        "and once more when a run of it succeeds."
    ),
    scopes=("everything",),
    severity="warning",
    value_unit="runs",
    message=message,
    evidence={
        "job": "name of the job in Dagster",
        "run_id": "the newest failed run; once it is over, the run that succeeded",
        "run_url": "that run in Dagster's UI",
        "first_run_id": "first run that failed since the job succeeded last",
        "failed_runs": "how many failed since",
        "since": "when the first one failed",
        "step": "step that failed, an asset's name; null: the run failed outside of steps",
        "error": "first line of the error",
        "next_step": "what to do about it",
        "ended_at": "when a run succeeded; null: none has",
    },
    options=Options,
    watched_by="clock",
    has_statement=False,
    no_dry_run="How runs of the pipeline ended is kept by Dagster, and not for 90 days.",
)
