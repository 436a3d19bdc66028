"""The statement that explains a cost is read by Apache Spark as it is meant, whatever the texts in it hold."""

import pytest

from costpulse_assets.resources.database import Database
from tests.allocation.test_usage_statement import HOSTILE, fill, found_by_statements
from tests.small_account import collect_days, small_account
from tests.spark.conftest import SparkSource

pytestmark = pytest.mark.spark

#: What a notebook or an editor would replace before Spark reads it, and what a terminal would obey.
REPLACED = ("${secret}", "{{ name }}", "\\'$", "\x1b[2J\x7f\x9f\x01\\u0041\u2028\u200d\U000e0041👩\u200d💻")


def test_every_key_is_found_on_spark_by_its_own_statement(database_url: str, on_spark: SparkSource) -> None:
    with small_account() as account:
        fill(account, *HOSTILE, *REPLACED)
        collect_days(Database(database_url), account)
        on_spark.load("billing.usage", account.fetch("select * from system.billing.usage").read_all())
    found = found_by_statements(Database(database_url), on_spark)
    assert len(found) == 20 + len(HOSTILE) + len(REPLACED)
    assert [there for _, there in found] == [here for here, _ in found]
