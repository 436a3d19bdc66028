"""The page about recommendations, made from the declarations of their types.

Written by `python -m costpulse_assets.analysis.recommendation_docs > docs/recommendations.md`.
"""

import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal

from costpulse_assets.analysis.recommendation_run import WINDOW_DAYS
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES, RecommendationType
from costpulse_assets.analysis.vm_prices import COLUMNS, estimated_vm_prices
from costpulse_assets.markdown import anchor, bullets, paragraph, table
from costpulse_assets.settings import SEVERITY_THRESHOLDS, Settings

_ACTS_ON = {
    "idle time": "time in which nothing runs",
    "size": "how large it is while it runs",
    "price": "what a unit costs",
    "failures": "work that brings nothing",
    "existence": "that it is there at all",
}


def documentation(types: Mapping[str, RecommendationType] = RECOMMENDATION_TYPES) -> str:
    """The text of docs/recommendations.md.

    Args:
        types: what is described, in this order.
    """
    minimum = Settings.model_fields["recommendation_minimum_saving"].default
    parts = [
        "# Recommendations",
        paragraph(
            "What to change, exactly, and what that saves. This page is made from the declarations in "
            "`costpulse_assets/analysis/recommendation_types/`; the statement of each type is "
            "`sql/transform/recommend_<type>.sql`. CostPulse never changes anything in your account: every "
            "recommendation has the command that does."
        ),
        table(
            ("type", "about", "acts on", "effort", "risk"),
            (
                (
                    f"[{kind.title}](#{anchor(kind.title)}), `{kind.name}`",
                    kind.resource_type,
                    kind.acts_on,
                    kind.effort,
                    kind.risk,
                )
                for kind in types.values()
            ),
        ),
        "## What a saving is",
        paragraph(
            f"All figures are of the last {WINDOW_DAYS} final days (`window_first` to `window_last`, UTC), at your "
            f"effective prices; *per month* means per {WINDOW_DAYS} days, and is what those days hold, never carried "
            "on from a shorter life: a cluster that ran twice saves what it wasted in those two runs."
        ),
        bullets(
            "`standalone_savings`: if nothing but this is done. Never more than what is billed cost in the window "
            "(`resource_cost_usd`). These do not add up.",
            "`estimated_savings`: what it adds to all others on the same billed resource. These add up, and their sum "
            "over what is open and accepted is never above what was spent.",
            "`wasted_usd`: what of the window brought nothing and is gone, such as the cost of failed runs. It is no "
            "rate and in neither of the two.",
            "`vm_savings`: what the cloud provider would charge less, where the price of the machine is known and no "
            "pool keeps it; in neither of the two. Databricks bills DBUs only.",
        ),
        "## How savings combine",
        paragraph(
            "What is billed is the *bearer*: the resource itself, but for a job on an all-purpose cluster, whose cost "
            "is the cluster's. A type acts on one thing of the bearer's cost:"
        ),
        table(("acts on", "what of the cost"), _ACTS_ON.items()),
        bullets(
            "One type about several resources of one bearer, such as jobs on one cluster, saves the sum of them, at "
            "most all of the cost.",
            "Of several types that act on the same, only the one that saves most counts: an idle hour is saved once. "
            "The others have estimated savings of 0 until it is done, dismissed or gone.",
            "What acts on different things multiplies, because the second saves a share of what the first leaves. With "
            "the cost C and the savings s1, s2, ... of each thing acted on, together they save "
            "C × (1 − (1 − s1 / C) × (1 − s2 / C) × ...).",
            "The largest comes first and counts in full; each next one counts with what it lowers the rest by. "
            "Products are exact, each step is rounded once, at 18 digits behind the point.",
        ),
        paragraph(
            "Example: a cluster costs 1,000 USD. Ending it when idle saves 600, a smaller size 300. Together they save "
            "1,000 × (1 − 0.4 × 0.7) = 720: 600 count for the first and 120 for the second."
        ),
        "## Severity",
        paragraph("Both must be reached by `estimated_savings`. Setting: `COSTPULSE_SEVERITY_THRESHOLDS`."),
        table(
            ("severity", "USD per month", "share of what the resource costs"),
            (
                *((name, f"{level.usd:,f}", f"{level.percent:f} %") for name, level in SEVERITY_THRESHOLDS.items()),
                ("low", "less", "or less"),
            ),
        ),
        "## Life cycle",
        paragraph(
            "A recommendation is known by its type, workspace and resource: it keeps its number and what people "
            "decided, whatever the resource is called and however often it is found. Every change of status is in "
            "`audit_log`, with who made it; `pipeline` stands for a run."
        ),
        table(
            ("status", "means", "what a run does"),
            (
                ("open", "nobody has decided", "not found any more: expired"),
                ("accepted", "it will be done, by whom and by when", "not found any more: expired"),
                (
                    "done",
                    "it was done on a day",
                    "its figures stay as they were; found when the window lies wholly behind the day after that day: "
                    "open, with the reason",
                ),
                (
                    "dismissed",
                    "not wanted, with a reason and perhaps a last day",
                    "found when the last day has passed, or with a saving at least twice that of the day it was "
                    "dismissed: open, with the reason",
                ),
                ("expired", "the condition is gone, or the resource", "found again: open"),
            ),
        ),
        paragraph(
            "The team is the one that most of the bearer's cost was allocated to in the window; a person sees the "
            "recommendations of teams in their scope."
        ),
        "## What it really saved",
        paragraph(
            "A recommendation is done when somebody says so, or when its setting is seen to change the way it asked "
            "for while it was made: the history of settings is in `resource_settings`. Changes of such settings that "
            "nobody recommended are measured as well. For 90 days after the change every run adds a row to "
            "`recommendation_outcomes`: what the last 30 final days after it cost, what they would have cost without "
            "the change, and the difference, with an interval that holds in 95 of 100 cases."
        ),
        bullets(
            "Without the change it would have cost what the days before say: the profile of its week from up to 56 "
            "days, at the level of the newest 28, days that are not typical cut off. That is scaled by how the cost of "
            "resources of the same kind moved that nobody changed, of the same workspace where there are 5 or more.",
            "All of that is at the prices paid in the days measured: a new price is no saving.",
            "The interval is what the same method errs where nothing was changed: on those resources, and on days "
            "before. With few of them it is wider.",
            "Work that was not done is no saving either. Where busy hours, query hours or runs fell by more than a "
            "tenth below what was to be expected, that share is taken off.",
        ),
        table(
            ("verdict", "means"),
            (
                ("measuring", "fewer than 7 final days since the change"),
                ("proved", "the lower end of the saving is above 0, and it is known how much was worked"),
                ("workload shrank", "it costs less, but no less than the work that was not done"),
                ("evaporated", "it was proved before, and is not any more, such as when the setting was changed back"),
                ("not proved", "anything else, fewer than 14 days before the change included"),
            ),
        ),
        paragraph(
            "Only what is proved counts as saved, and a change of what is billed counts once, however many "
            "recommendations asked for it. Days of the change itself are neither before nor after. The next change of "
            "another kind ends the days that are measured: it has a saving of its own."
        ),
        "## When nothing is said",
        bullets(
            "No day is final yet, or the bill has no price for what is used: there is nothing to compute a saving at.",
            f"The saving is below `COSTPULSE_RECOMMENDATION_MINIMUM_SAVING`, {minimum:f} USD per month.",
            "The resource, or what is billed for it, was deleted, whatever it cost before.",
            "What a type rests on was not measured: serverless compute and nodes that live for minutes have no "
            "utilization, and unknown is not idle.",
            "What else keeps a type silent stands with it below.",
        ),
        "## Thresholds",
        paragraph(
            "`COSTPULSE_RECOMMENDATION_THRESHOLDS` is JSON by type and name, such as "
            '`{"right_size_cluster": {"maximum_cpu_percent": 20}}`; what is left out keeps its default. A value out of '
            "its bounds, a type or a name that does not exist is refused at start."
        ),
        "## Prices of machines",
        paragraph(
            "Databricks does not tell what the cloud provider charges. `COSTPULSE_VM_PRICES` is the path of a CSV file "
            f"with the columns {_names(COLUMNS)}; `region` (empty: every region) and `valid_from` (empty: always) may "
            "be left out. `cloud` is AWS, AZURE or GCP, `node_type` the name of the machine, `usd_per_hour` the price "
            "of one machine without Databricks. A line that is wrong refuses the file, with line, column, value and "
            "reason; the prices before it stay."
        ),
        "\n".join(
            (
                "```csv",
                ",".join(COLUMNS),
                "AWS,eu-central-1,i3.xlarge,0.372,2026-01-01",
                "AZURE,,Standard_DS3_v2,0.25,",
                "```",
            )
        ),
        paragraph(
            f"For {len(estimated_vm_prices())} common machines an estimate is shipped: about what they cost on demand "
            "with Linux in us-east-1 and East US. Figures that rest on it say so (`vm_savings_source` is `estimate`). "
            "A price of yours goes before an estimate, one of the region before one of every region."
        ),
        *(part for kind in types.values() for part in _type(kind)),
    ]
    return "\n\n".join(parts) + "\n"


def _type(kind: RecommendationType) -> Iterable[str]:
    yield f"## {kind.title}"
    yield f"Type `{kind.name}`, about a {kind.resource_type}, acts on {kind.acts_on}: `sql/{kind.statement}.sql`."
    yield from (
        paragraph(f"**{heading}** {text}")
        for heading, text in (
            ("Says something when", kind.trigger),
            ("Saving.", kind.saving),
            ("Confidence.", kind.confidence),
            ("Change.", kind.change),
            ("Undo.", kind.undo),
            ("Wrong when", kind.wrong_when),
            ("Silent when", kind.silent_when),
        )
    )
    yield table(("evidence", "meaning"), ((f"`{name}`", meaning) for name, meaning in kind.evidence.items()))
    if kind.thresholds:
        yield table(
            ("threshold", "default", "bounds", "decides"),
            (
                (
                    f"`{each.name}`",
                    f"{_number(each.default)} {each.unit}",
                    f"{_number(each.minimum)} to {_number(each.maximum)}",
                    each.description,
                )
                for each in kind.thresholds
            ),
        )


def _number(value: Decimal) -> str:
    return f"{value:,f}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(documentation())
