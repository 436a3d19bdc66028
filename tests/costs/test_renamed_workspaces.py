"""A rule that names a workspace goes by what it was called on the day of the usage."""

from datetime import date, timedelta

import pytest

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.collectors.workspaces import collect_workspaces
from costpulse_assets.costs.assets import DAILY_COSTS
from costpulse_assets.derived_days import build, days_to_build
from costpulse_assets.resources.database import Database
from tests.small_account import MONDAY, SmallAccount, collect_days, small_account

DAYS = [MONDAY + timedelta(days=number) for number in range(5)]
RENAMED = DAYS[3]


class Account:
    """A workspace 1001 used every day, which Data owns by its first name and Web by its second one."""

    def __init__(self, database: Database, source: SmallAccount) -> None:
        self.database, self.source = database, source
        for day in DAYS:
            source.add_usage("10", day=day)
        with database.transaction() as connection:
            connection.execute("insert into costpulse.teams (name) values ('Data'), ('Web')")
            connection.execute(
                "insert into costpulse.allocation_rules (name, team_id, rule_type, conditions) values "
                """('old', 1, 'workspace_match', '{"workspaces": ["north*"]}'), """
                """('new', 2, 'workspace_match', '{"workspaces": ["south*"]}')"""
            )

    def call(self, name: str, today: date, workspace: str = "1001") -> None:
        self.source.change(f"delete from access.workspaces_latest where workspace_id = '{workspace}'")
        self.source.add_workspace(workspace, name)
        collect_workspaces(self.database, self.source, today)

    def collect(self) -> None:
        collect_days(self.database, self.source, *DAYS)

    def due(self) -> list[date]:
        return days_to_build(self.database, KEY_ALLOCATIONS, DAYS[0], DAYS[-1], only_changed=True)

    def allocate(self, days: list[date] | None = None) -> None:
        for table in (KEY_ALLOCATIONS, DAILY_COSTS):
            build(self.database, table, self.due() if days is None and table is KEY_ALLOCATIONS else days or DAYS)

    def owners(self) -> list[int | None]:
        with self.database.transaction() as connection:
            rows = connection.execute("select team_id from costpulse.daily_costs order by usage_date").fetchall()
        return [row["team_id"] for row in rows]


@pytest.fixture
def account(database_url: str):
    with small_account() as source:
        yield Account(Database(database_url), source)


def test_usage_before_a_rename_stays_with_who_the_old_name_gave_it_to(account):
    account.call("northwind", DAYS[0])
    account.collect()
    account.allocate()
    assert account.owners() == [1] * 5
    account.call("southwind", RENAMED)
    # Those days went by a name that counted no more on them; the days before are as they should be.
    assert account.due() == [RENAMED, DAYS[4]]
    account.allocate()
    assert account.owners() == [1, 1, 1, 2, 2]
    # However often they are allocated again, and however often the workspaces are read.
    account.call("southwind", DAYS[4])
    assert account.due() == []
    account.allocate(DAYS)
    assert account.owners() == [1, 1, 1, 2, 2]


def test_a_name_that_comes_after_the_bill_counts_for_all_days(account):
    account.collect()
    account.allocate()
    assert account.owners() == [None] * 5
    account.call("northwind", DAYS[4])
    assert account.due() == DAYS
    account.allocate()
    assert account.owners() == [1] * 5


def test_of_two_names_on_one_day_the_last_counts(account):
    account.call("northwind", DAYS[0])
    account.collect()
    account.allocate()
    account.call("eastwind", RENAMED)
    account.call("southwind", RENAMED)
    account.allocate()
    assert account.owners() == [1, 1, 1, 2, 2]
    # Back to the first name on the same day: as if nothing had been.
    account.call("northwind", RENAMED)
    assert account.due() == [RENAMED, DAYS[4]]
    account.allocate()
    assert account.owners() == [1] * 5


def test_the_first_name_put_right_on_the_day_it_was_seen_counts_for_all_days(account):
    account.call("northwynd", DAYS[4])
    account.collect()
    account.allocate()
    account.call("southwind", DAYS[4])
    assert account.due() == DAYS
    account.allocate()
    assert account.owners() == [2] * 5


def test_another_workspace_moves_no_day_of_this_one(account):
    account.call("northwind", DAYS[0])
    account.collect()
    account.allocate()
    account.call("southwind", RENAMED, workspace="2002")
    assert account.due() == []
    account.source.change("delete from access.workspaces_latest")
    collect_workspaces(account.database, account.source, DAYS[4])
    # One that vanished is called what it was called last.
    assert account.due() == []
    account.allocate(DAYS)
    assert account.owners() == [1] * 5
