"""What every figure means: the texts behind "Why?" and docs/metrics.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A figure of the pages: its name, one sentence of definition, and which days are left out."""

    name: str
    definition: str
    days: str


METRICS = {
    "month_to_date": Metric(
        "Month to date",
        "The cost from the first of the month to the last final day, compared with the same days of the month "
        "before (cut at its length).",
        "Days that are not final are shown apart and are in no comparison.",
    ),
    "run_rate": Metric(
        "Run-rate",
        "Month to date divided by its days, times the days of the month. It carries the month on evenly and is "
        "not a forecast: weekends, month-end load and growth are not in it.",
        "Final days only. The comparison is with the whole month before.",
    ),
    "dbus": Metric(
        "DBUs",
        "The Databricks units used from the first of the month to the last final day. Usage in other units "
        "(storage, tokens, network) is not in it.",
        "Final days only, compared with the same days of the month before.",
    ),
    "last_final_day": Metric(
        "Last final day",
        "The cost of the newest day that is final and has no missing day before it, compared with the mean of "
        "the same weekday in the four weeks before.",
        "A day is final when enough of it has arrived; Databricks delivers usage over several hours, "
        "corrections later. How much of a day that is not final is in, the hours that are in say: what they have of "
        "the cost of days like it, less what usually comes late.",
    ),
    "total": Metric(
        "Total",
        "The sum of the chosen measure over all rows of the period that match the filters; the bars and the "
        "table add up to it.",
        "Days that are not final are in the total; what they hold so far is named below it.",
    ),
    "per_day": Metric(
        "Per day",
        "The total of the final days divided by their number.",
        "Final days only.",
    ),
    "change": Metric(
        "Change",
        "The final days of the period minus the same number of days it is compared with.",
        "Final days only, on both sides.",
    ),
    "share": Metric(
        "Share of account",
        "The total as a share of the same days without any filter.",
        "The same days as the total.",
    ),
    "allocated_share": Metric(
        "Allocated",
        "The share of cost from the first of the month to the last final day that has a team: by a rule, a split, a "
        "member or a tag pattern. Allocated and unallocated add up to the cost, to the last digit.",
        "Final days only, compared with the same days of the month before, in percentage points.",
    ),
    "unallocated": Metric(
        "Unallocated",
        "The cost from the first of the month to the last final day that no rule, split, member or tag pattern claims.",
        "Final days only, compared with the same days of the month before.",
    ),
    "teams_with_cost": Metric(
        "Teams with cost",
        "The number of teams that were allocated any cost from the first of the month to the last final day.",
        "Final days only.",
    ),
    "rules_without_cost": Metric(
        "Rules without cost",
        "Active rules and splits that claimed no cost in the last 30 days: they match nothing, or others come first. "
        "A simulation says which of the two.",
        "Days that are not final are in it.",
    ),
    "tag_compliant": Metric(
        "Compliant",
        "The share of the cost that tags are required of in which every required key has an allowed value. Beside it "
        "the share of resources, each counted once for each day on which it was used. Tags of the job, pipeline, "
        "warehouse or cluster count where the bill has none.",
        "The last 30 final days, compared with the 30 before, in percentage points.",
    ),
    "tagged_share": Metric(
        "Tagged share",
        "The share of the cost that tags are required of in which every required key has an allowed value: the figure "
        "Compliant of Tag compliance, for everything that the viewer may see.",
        "The last 30 final days.",
    ),
    "tag_untagged": Metric(
        "Untagged",
        "The cost in which no required key has a value; a blank value counts as none. Cost with some of the required "
        "keys, and none of them wrong, is named below it.",
        "The last 30 final days, compared with the 30 before.",
    ),
    "tag_wrong_values": Metric(
        "Wrong values",
        "The cost in which a required key has a value that is not allowed, or is written in another case where case "
        "counts.",
        "The last 30 final days, compared with the 30 before.",
    ),
    "tag_not_taggable": Metric(
        "Not taggable",
        "The cost that nobody can tag: billed to the account, network, storage, and what Databricks runs by itself. It "
        "is in no other of these figures and never counted against anyone.",
        "The last 30 final days, compared with the 30 before.",
    ),
    "known_on": Metric(
        "As known on",
        "What the usage of a month cost by the corrections, prices, adjustments, rules and names that were known at "
        "the end of a UTC day. Of a month that was closed by then: its statement, and its own adjustments up to that "
        "day.",
        "Days of usage that were collected only after that day are named: for them it shows what Databricks had "
        "recorded by then, at the prices and by the rules of today.",
    ),
    "price": Metric(
        "Price",
        "Your price is the list price with your price adjustments; list price is what Databricks publishes. "
        "Neither is the invoice: credits and taxes are not in it.",
        "Usage of an SKU without a price has no cost: it is listed by name and never guessed.",
    ),
    "change_bridge": Metric(
        "Change bridge",
        "Why the cost is not that of the period before: list prices, discounts, more or less usage, dearer or cheaper "
        "things, new and ended resources, moves between teams, corrections. The parts add up to the difference, to the "
        "last digit.",
        "Final days only; changes are valued at the mean of both periods, and usage without a price is left out.",
    ),
    "open_anomalies": Metric(
        "Open anomalies",
        "Events that nobody has resolved or called expected yet. An event is days of one scope that belong together; "
        "events of smaller scopes with the same cause are rolled up under it and not counted.",
        "Final days; days that are not final count where they are too high already.",
    ),
    "anomaly_excess": Metric(
        "Above expected",
        "What the open events that went up cost beyond what was expected: the mean of the same weekday in the four "
        "weeks before each event, days of other events left out. Events of different scopes can hold the same cost.",
        "The days of the events. Cost that is missing is named below it and not taken off.",
    ),
    "found_within": Metric(
        "Found within",
        "The median of the days from the first day of an event to the day with whose cost it was recognised. A slow "
        "drift takes days to be told from noise.",
        "Events that turned out to be nothing after a correction of the bill are left out.",
    ),
    "false_alarms": Metric(
        "Called no anomaly",
        "The share of the events about which people decided that were resolved as not an anomaly.",
        "Decisions of the last 90 days.",
    ),
    "anomaly_difference": Metric(
        "Difference",
        "The cost of the days of an event minus what was expected: the mean of the same weekday in the four weeks "
        "before it, days of other events left out.",
        "Final days; days that are not final count where they are too high already.",
    ),
    "anomaly_price_effect": Metric(
        "By price",
        "The part of the difference that comes from other rates for the same SKUs.",
        "The days of the event, with the rates of the days it is compared with.",
    ),
    "anomaly_use_effect": Metric(
        "By use",
        "The part of the difference that comes from more or less use, at the rates before. By price and by use add up "
        "to the difference.",
        "The days of the event.",
    ),
    "landing": Metric(
        "Landing",
        "What the month will cost in all: its final days as they are, and the forecast of the others. The band is "
        "meant to hold 95 of 100 months; it comes from the errors of past forecasts, and from how errors of one day go "
        "on to the next.",
        "From final days only; what is in of later days is not used. What was said on a day is never changed later.",
    ),
    "budget_used": Metric(
        "Budget used",
        "The cost of the final days of the period as a share of the budget. The pace is the share of the period that "
        "is over: above it, more is spent than an even month would.",
        "Final days only. Of several budgets for the same cost, the one with the shortest period is shown.",
    ),
    "breach_probability": Metric(
        "Breach probability",
        "How probable it is that the period costs more than the budget: the share of 500 possible futures of the "
        "forecast in which it does. The breach day is the first on which it is exceeded in half of them.",
        "From final days only. How often it was right is in the track record.",
    ),
    "forecast_error": Metric(
        "Error a week ahead",
        "The differences between forecast and cost, whatever their direction, as a share of the cost (WAPE), of the "
        "seven days after each forecast. Beside it the error of the simplest forecast: the same weekday before.",
        "Final days only.",
    ),
    "forecast_coverage": Metric(
        "Days in the band",
        "The share of days whose cost was within the band that was forecast, of the seven days after each forecast. "
        "The aim is 95%: a band that holds all days would be too wide.",
        "Final days only.",
    ),
    "month_forecast": Metric(
        "Month forecast",
        "What the month will cost in all: its final days as they are, and the forecast of the others, with a band "
        "that is meant to hold 95 of 100 months. The comparison is with the whole month before.",
        "From final days only; what is in of later days is not used.",
    ),
    "possible_saving": Metric(
        "Possible saving",
        "What the open recommendations save together per month, at your price. Savings that overlap on one resource "
        "are counted once, so the sum is never above what the resources cost. What the cloud provider charges for "
        "machines, and what was wasted once and is gone, are in no saving.",
        "A month is the last 30 final days as they were, never carried on from fewer.",
    ),
    "accepted_saving": Metric(
        "Accepted",
        "The same of the recommendations that somebody has accepted and nobody has marked as done.",
        "A month is the last 30 final days as they were.",
    ),
    "proved_saving": Metric(
        "Proved",
        "What changes saved per 30 days, compared with what the cost would have been without them, at the same prices. "
        "Only changes whose saving is above 0 in 95 of 100 cases count, each once; work that is not done any more is "
        "no saving. The ends of the intervals are added up.",
        "Changes of the last 90 days, the newest measurement of each, from at least seven final days after it.",
    ),
    "open_age": Metric(
        "Median age",
        "The median of the days since the open recommendations were found first.",
        "Days up to today.",
    ),
    "counted_saving": Metric(
        "Saving per month",
        "What it adds to the other open and accepted recommendations on the same billed resource. These add up; it is "
        "0 while another one saves the same cost.",
        "A month is the last 30 final days as they were.",
    ),
    "own_saving": Metric(
        "On its own",
        "What it saves per month if nothing but this is done. These do not add up.",
        "The last 30 final days.",
    ),
    "bearer_cost": Metric(
        "Cost of the resource",
        "What is billed and would cost less: the resource itself, or the cluster that a job runs on.",
        "The last 30 final days.",
    ),
    "wasted": Metric(
        "Wasted",
        "What of the cost brought nothing and is gone, such as that of failed runs. It is no rate and in no saving.",
        "The last 30 final days.",
    ),
    "vm_saving": Metric(
        "Machines",
        "What the cloud provider would charge less per month. Databricks does not bill it: it comes from your machine "
        "prices, or from the estimates shipped with CostPulse, and is in no other figure.",
        "The last 30 final days.",
    ),
    "measured_saving": Metric(
        "Measured",
        "What it would have cost without the change, less what it cost, per 30 days; with the ends between which it "
        "lies in 95 of 100 cases.",
        "At most the last 30 final days after the change.",
    ),
    "machine_cost": Metric(
        "Cost of machines",
        "The cost of clusters and SQL warehouses, each with its bill of the period. Serverless compute without a "
        "machine of its own (jobs, notebooks, pipelines, serving) is not in it.",
        "Days that are not final are in it; what they hold so far is named below it.",
    ),
    "machine_own_cost": Metric(
        "Cost",
        "The cost of this machine by the bill, as the cost explorer has it.",
        "Days that are not final are in it; the comparison is of final days with as many before them.",
    ),
    "machine_idle_cost": Metric(
        "Idle cost",
        "The part of the cost that brought nothing. Of a cluster: the cost of a day times its idle hours by its hours "
        "up; idle is a stretch in which every node stayed below the CPU limit of the settings and no task ran. Of a "
        "warehouse: what is left of the bill of each hour once time with statements is taken off. A machine that is "
        "shared idles for all who pay for it.",
        "Days of which telemetry was read; the cost of other days is in neither part.",
    ),
    "machine_cpu": Metric(
        "Mean CPU",
        "CPU and memory in use, all nodes together. Over several machines each day counts by its cost, over the days "
        "of one machine by its node hours.",
        "Days with telemetry: Databricks gives it of classic clusters only, for 90 days. Warehouses and serverless "
        "compute have none.",
    ),
    "machine_hours": Metric(
        "Hours up",
        "The hours in which the machine ran, of the whole machine, whoever pays for it.",
        "Days of which telemetry or events were read.",
    ),
    "machines_running": Metric(
        "Running now",
        "Clusters and warehouses that ran at the newest reading, idle ones included. Kind and workspace narrow it; "
        "other filters do not.",
        "The moment of the reading, not the period.",
    ),
    "machines_never_stopping": Metric(
        "Without auto-stop",
        "All-purpose clusters without automatic termination and warehouses whose auto-stop is off. Job and pipeline "
        "clusters end with their run and do not count.",
        "Those that exist now, not in the period.",
    ),
    "warehouse_statements": Metric(
        "Statements",
        "The statements that the warehouse received, whoever ran them.",
        "Days of which the query history was read.",
    ),
    "job_cost": Metric(
        "Job cost",
        "What the bill charges for jobs, as in the cost explorer. What jobs use of clusters and warehouses that "
        "others use too is billed to those, and is not in it. What is billed for runs, and what no run explains, add "
        "up to it.",
        "Days that are not final are in it; the change is that of the final days.",
    ),
    "lost_job_cost": Metric(
        "Failed and cancelled",
        "What is billed for runs that failed, timed out, broke off or were cancelled, and for failed attempts of runs "
        "that were repaired, by their time.",
        "Days that are not final are in it.",
    ),
    "job_runs": Metric(
        "Runs",
        "The runs that began in the period. Of those that ended, the share that succeeded; runs that were skipped or "
        "blocked never ran, and do not count as ended.",
        "Days that are not final are in it.",
    ),
    "dearer_jobs": Metric(
        "Dearer jobs",
        "Jobs of which the median cost of a run went up by more than a quarter, if that makes more than $50 over the "
        "newer runs. Runs count whole, and only those that are over.",
        "The last 14 final days against the 28 before, whatever the period.",
    ),
    "cost_per_run": Metric(
        "Cost of a run",
        "The median of what a run costs in all: half of the runs cost no more. Of a run on compute that others use "
        "too, its share of that by time.",
        "Runs that began in the period and are over.",
    ),
    "unit_cost": Metric(
        "Cost of one",
        "The cost of all job runs, successful runs, queries, warehouse hours or days of active users divided by their "
        "number, both added up first. A successful run bears the cost of failed ones, a query the idle time of its "
        "warehouse, an active user the whole bill.",
        "The last 28 final days against the 28 before; weeks that are over.",
    ),
    "data_final_to": Metric(
        "Final to",
        "The newest usage day that is final, with no missing or unfinished day before it. Judged figures of all pages "
        "end on it.",
        "A day is final when enough of it has arrived: what share usually has, so many hours after a day, is the "
        "arrival curve.",
    ),
    "late_sources": Metric(
        "Late sources",
        "Sources, counted once for each connection they are read over, whose last reading did not go through or is "
        "more than 26 hours old.",
        "What came before stays on the pages.",
    ),
    "restated_days": Metric(
        "Days restated",
        "Usage days that Databricks corrected two days after the usage or later, and what these corrections add up to "
        "at present prices. Corrections keep their own lines in the bill.",
        "Corrections issued in the last 30 days, whatever day they are about.",
    ),
    "unpriced_skus": Metric(
        "Without a price",
        "SKUs of which some usage has no price. What that usage costs is not known and in no amount; a price is never "
        "guessed.",
        "The last 30 days, those that are not final included.",
    ),
    "conservation": Metric(
        "Conservation",
        "What is allocated and Unallocated, less the cost, added up day by day without sign: it must be zero to the "
        "last digit, at your price and at list price.",
        "All collected days.",
    ),
    "control_totals": Metric(
        "Control totals",
        "Usage days whose rows and quantity are not those that the source announced when the day was read. Rows that "
        "were rejected count as read; `costpulse reconcile` holds a month against an invoice.",
        "All collected days but those that changed while they were read: they are read again.",
    ),
    "own_cost": Metric(
        "CostPulse itself",
        "What the queries of CostPulse cost on your warehouse, and its idle time where nobody else used it that day.",
        "The last 30 days; days are added as their bill comes in.",
    ),
}


def as_markdown() -> str:
    """The page docs/metrics.md."""
    lines = ["# What the figures mean", "", "The same texts stand behind “Why?” on the pages.", ""]
    lines += ["All days are UTC days. “Cost” is money spent, “price” a rate.", ""]
    for metric in METRICS.values():
        lines += [f"## {metric.name}", "", metric.definition, "", metric.days, ""]
    return "\n".join(lines)
