"""All-purpose clusters with more or larger nodes than their work needs."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="right_size_cluster",
    title="Cluster larger than its work",
    resource_type="cluster",
    acts_on="size",
    trigger=(
        "In the busy hours of an all-purpose cluster that still exists, at least minimum_busy_hours, the CPU of its "
        "workers averages less than maximum_cpu_percent or their memory less than maximum_memory_percent. Busy are "
        "hours without an idle minute. Of a cluster without workers the driver is judged instead."
    ),
    saving=(
        "In each busy hour, the workers needed so that CPU stays below target_cpu_percent and memory below "
        "target_memory_percent: workers x utilization / limit, rounded up, the larger of the two. A fixed cluster "
        "gets the median of them. One that scales gets the median as its fewest workers and the 95th percentile as "
        "its most; it saves only in hours at its fewest workers, down to what the hour needs, and above its new most. "
        "Where there is one worker or none, a node of the same family with half the cores and half the memory, if 95 "
        "% of the busy hours fit twice. Saving: of each day's cost, removed_core_hours in core_hours, the driver "
        "included."
    ),
    evidence={
        "busy_hours": "hours that were looked at",
        "cpu_percent": "average CPU in them",
        "memory_percent": "average memory used in them",
        "io_wait_percent": "average time in them that CPUs waited for disk and network",
        "p95_cpu_percent": "95th percentile of CPU over all minutes, upper edge of its 5 % bin",
        "workers": "workers now: a number, or fewest and most",
        "needed_median": "nodes that half of the busy hours need at most",
        "needed_p95": "nodes that 95 % of the busy hours need at most",
        "removed_core_hours": "hours of cores that would not have run",
        "core_hours": "hours of all cores, the driver's included",
        "days": "days with telemetry",
        "counted_from": "first day that counts (UTC): the window's, or the one after the last change of the cluster",
    },
    confidence=(
        "High with telemetry of at least 14 days, where 95 % of the busy hours need no more than is advised and the "
        "CPUs would not be full in more than 5 % of the minutes; medium where that does not hold; low where 95 % of "
        "the hours need more than one and a half times what is advised, or with fewer than 5 days. Never above medium "
        "for a cluster that scales: how it does is up to Databricks."
    ),
    change=(
        "Set num_workers, autoscale or node_type_id with POST /api/2.1/clusters/update; the cluster restarts if it is "
        "running."
    ),
    undo="Set the old value again.",
    wrong_when=(
        "The busiest hours matter more than the usual ones; work needs the disks or the network of so many nodes; "
        "caches of the workers count on their number. Half as large a node is taken to cost half as many DBUs, as "
        "within a family it does."
    ),
    silent_when=(
        "Memory is what it lacks: the need for memory decides as that for CPU does, and any swap above "
        "maximum_swap_percent silences it. CPUs wait for disk or network for more than maximum_io_wait_percent. A "
        "node has a GPU, whose load is not known, or a type of unknown size. Telemetry has gaps, or there is none. It "
        "is one of a job or pipeline: those are made for one run, and one short life is no evidence. What happened "
        "before the last change of its configuration, a new name included, does not count. Idle time is the matter of "
        "other recommendations. A cluster of a pool has the pool's node type: fewer workers are advised, never another "
        "node. The cloud provider's part is not told of it: the pool may keep the machines."
    ),
    effort="low",
    risk="medium",
    thresholds=(
        Threshold(
            "maximum_cpu_percent", Decimal(30), Decimal(1), Decimal(80), "percent",
            "CPU in busy hours below which it is looked at.",
        ),
        Threshold(
            "maximum_memory_percent", Decimal(30), Decimal(1), Decimal(80), "percent",
            "Memory in busy hours below which it is looked at.",
        ),
        Threshold(
            "target_cpu_percent", Decimal(85), Decimal(40), Decimal(100), "percent",
            "CPU that an hour may reach with fewer nodes.",
        ),
        Threshold(
            "target_memory_percent", Decimal(90), Decimal(40), Decimal(100), "percent",
            "Memory that an hour may reach with fewer nodes.",
        ),
        Threshold(
            "maximum_io_wait_percent", Decimal(10), Decimal(0), Decimal(100), "percent",
            "Time waiting for disk and network above which nothing is said.",
        ),
        Threshold(
            "maximum_swap_percent", Decimal(1), Decimal(0), Decimal(100), "percent",
            "Swap above which nothing is said.",
        ),
        Threshold(
            "minimum_busy_hours", Decimal(24), Decimal(1), Decimal(720), "hours",
            "Fewest busy hours that are evidence.",
        ),
    ),
)  # fmt: skip
