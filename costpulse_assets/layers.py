"""Names shared by all assets: layers (Dagster groups), owner, pools, the tag that limits a run to changed days."""

from typing import Final

#: Owner shown in the Dagster UI for every asset.
OWNER: Final = "team:finops"


class Layer:
    """Dagster groups, in the order in which data flows."""

    SETTINGS: Final = "settings"
    COLLECTORS: Final = "collectors"
    ALLOCATION: Final = "allocation"
    COSTS: Final = "costs"
    ANALYSIS: Final = "analysis"
    UTILIZATION: Final = "utilization"
    ALERTS: Final = "alerts"
    REPORTS: Final = "reports"


class Pool:
    """Dagster concurrency pools."""

    #: Statements that run on the customer's warehouse.
    DATABRICKS_SQL: Final = "databricks_sql"
    #: Fits of Prophet, which take all of a core.
    FORECASTS: Final = "forecasts"
    #: Assets that rewrite days in the database.
    DATABASE_WRITES: Final = "database_writes"


#: A run with this tag takes only the days that changed; without it every day of its partitions is taken.
ONLY_CHANGED_TAG: Final = "costpulse/only_changed"
