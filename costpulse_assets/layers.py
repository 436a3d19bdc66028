"""Names shared by all assets: layers (Dagster groups), owner, pools, the tag that limits a run to changed days."""

from enum import StrEnum

#: Owner shown in the Dagster UI for every asset.
OWNER = "team:finops"


class Layer(StrEnum):
    """Dagster groups, in the order in which data flows."""

    SETTINGS = "settings"
    COLLECTORS = "collectors"
    ALLOCATION = "allocation"
    COSTS = "costs"


class Pool(StrEnum):
    """Dagster concurrency pools."""

    #: Statements that run on the customer's warehouse.
    DATABRICKS_SQL = "databricks_sql"
    #: Assets that rewrite days in the database.
    DATABASE_WRITES = "database_writes"


#: A run with this tag takes only the days that changed; without it every day of its partitions is taken.
ONLY_CHANGED_TAG = "costpulse/only_changed"
