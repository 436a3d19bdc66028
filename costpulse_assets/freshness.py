"""How old a materialization may be before Dagster calls the asset stale.

This is the age of the newest run; the age of the newest usage is the check `usage_is_fresh` of cost_records.
"""

from datetime import timedelta

import dagster as dg

FRESH_EVERY_DAY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=13))
