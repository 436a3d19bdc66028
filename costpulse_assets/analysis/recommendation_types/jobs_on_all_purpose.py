"""Jobs whose runs take their time on all-purpose clusters, where a DBU costs more than on job compute."""

from decimal import Decimal

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

RECOMMENDATION_TYPE = RecommendationType(
    name="jobs_on_all_purpose",
    title="Job on all-purpose compute",
    resource_type="job",
    acts_on="price",
    trigger=(
        "Runs of a job that exists and is not paused took minimum_run_minutes or more each, on average, on an "
        "all-purpose cluster that still exists; tasks of jobs ran in at least minimum_job_percent of the time in "
        "which that cluster did anything; and the newest runs are there still."
    ),
    saving=(
        "apportioned_cost_usd x (1 - jobs_rate / all_purpose_rate): the runs' share of the cluster's cost by time, "
        "and the customer's prices, on the last day of the window, of the SKUs the cluster is billed under and of the "
        "SKUs for jobs with the same plan and engine on the same cloud. A job on several clusters: the dearest one."
    ),
    evidence={
        "cluster_id": "the all-purpose cluster",
        "cluster_name": "its name",
        "runs": "runs on it",
        "days": "days with a run on it",
        "task_hours": "hours of their tasks, side by side ones added up",
        "minutes_per_run": "minutes of tasks per run",
        "apportioned_cost_usd": "USD of the cluster's cost by task time",
        "all_purpose_rate": "USD per DBU now",
        "jobs_rate": "USD per DBU on job compute",
        "jobs_sku_name": "SKU that would be billed",
        "share_of_jobs_percent": "time with a task of any job, of the time in which the cluster did anything",
    },
    confidence=(
        "High where jobs take 80 % of the time in which the cluster does anything and runs are on at least 14 days: "
        "then it is up for less time without them. Else medium. Low with fewer than 5 days of runs or less than 10 "
        "minutes per run, of which starting a cluster each time takes much."
    ),
    change=(
        "Give the job a job cluster of the same size (job_clusters, and job_cluster_key in its tasks instead of "
        "existing_cluster_id) with POST /api/2.1/jobs/update."
    ),
    undo="Put existing_cluster_id back into its tasks.",
    wrong_when=(
        "People keep the cluster up in the same hours anyway: then only the price of the job's own time is saved once "
        "they stop, and the job costs extra until then. Runs share data through the cluster's memory. Each run waits "
        "some minutes for its cluster."
    ),
    silent_when=(
        "The job runs on job compute, serverless or a warehouse, is deleted or paused, or has moved since. Runs that "
        "are submitted from outside belong to no job that could be changed: whoever submits them chooses the cluster. "
        "No SKU for jobs has a price on that cloud and plan; the cloud of the workspace is not known. Runs are "
        "shorter than minimum_run_minutes; people's own work outweighs that of jobs on the cluster."
    ),
    effort="medium",
    risk="low",
    thresholds=(
        Threshold(
            "minimum_job_percent", Decimal(20), Decimal(0), Decimal(100), "percent",
            "Smallest share of jobs in what the cluster does.",
        ),
        Threshold(
            "minimum_run_minutes", Decimal(5), Decimal(0), Decimal(1440), "minutes",
            "Shortest run that is worth a cluster of its own.",
        ),
    ),
)  # fmt: skip
