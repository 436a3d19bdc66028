"""Who is seen, what they cost, and which team they seem to belong to."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.derived_days import build, days_to_build
from costpulse_assets.resources.database import Connection, Database
from costpulse_assets.utilization.users import DAILY_USER_COSTS, rebuild_users, suggest_members

TODAY = date(2026, 6, 30)
ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@other.example"
ROBOT = "5f0c2a9e-6a0e-5c0f-9d60-0d3b1c1f4b11"


class Books:
    """The tables that users are made from, row by row."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database = database
        self._connection = connection
        self._keys = 0

    def bill(
        self,
        identity: str | None,
        cost: str | None,
        *,
        day: date = TODAY,
        workspace: str | None = "1001",
        tags: str = "{}",
        team_id: int | None = None,
    ) -> None:
        """An attribution key of its own with this cost on a day."""
        self._keys += 1
        key_id = f"00000000-0000-0000-0000-{self._keys:012d}"
        self._connection.execute(
            "insert into costpulse.cost_keys (key_id, workspace_id, product, user_email, tags, first_usage_date,"
            " last_usage_date) values (%s, %s, 'JOBS', %s, %s, %s, %s)",
            [key_id, workspace, identity, tags, day, day],
        )
        self._connection.execute(
            "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, usage_quantity, cost_usd,"
            " unpriced_quantity, record_count) values (%s, %s, 'SKU', 'DBU', 1, %s, 0, 1)",
            [day, key_id, cost],
        )
        self.day_was_built(day)

    def restate(self, identity: str, cost: str, *, day: date) -> None:
        """What this identity cost on a day is another sum now."""
        self._connection.execute(
            "update costpulse.daily_key_costs as d set cost_usd = %s from costpulse.cost_keys as k"
            " where d.key_id = k.key_id and k.user_email = %s and d.usage_date = %s",
            [cost, identity, day],
        )
        self.day_was_built(day)

    def day_was_built(self, day: date) -> None:
        """As the asset daily_key_costs says in its books."""
        self._connection.execute(
            "insert into costpulse.built_days (asset, usage_date, upstream_version, built_at) values"
            " ('daily_key_costs', %s, now(), clock_timestamp()) on conflict (asset, usage_date) do update set"
            " built_at = excluded.built_at",
            [day],
        )

    def queries(self, identity: str | None, executions: int, *, day: date = TODAY, workspace: str = "1001") -> None:
        """Statements begun in one hour."""
        self._connection.execute(
            "insert into costpulse.query_activity (usage_date, usage_hour, workspace_id, warehouse_id, executed_by,"
            " source_kind, is_costpulse, executions, execution_ms, task_ms, read_bytes, failed_count, cached_count,"
            " connection) values (%s, 5, %s, 'w', %s, 'other', false, %s, 1, 1, 1, 0, 0, 'here')",
            [day, workspace, identity, executions],
        )

    def owns(self, identity: str | None, table: str = "clusters", day: date = TODAY, workspace: str = "1001") -> None:
        """A resource of this identity, configured late on a day."""
        row = {
            "clusters": {"cluster_id": "1", "owner": identity},
            "warehouses": {"warehouse_id": "1", "owner": identity},
            "jobs": {"job_id": "1", "owner": identity},
            "pipelines": {"pipeline_id": "1", "owner": identity},
            "serving_endpoints": {
                "endpoint_name": "1",
                "creator": identity,
                "served_entity_count": 1,
                "entity_names": [],
            },
        }[table] | {
            "workspace_id": workspace,
            "change_time": datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC),
            "connection": "here",
        }
        self._connection.execute(
            f"insert into costpulse.{table} ({', '.join(row)}) values ({', '.join('%s' for _ in row)})".encode(),
            list(row.values()),
        )

    def workspace(self, workspace_id: str, name: str) -> None:
        self._connection.execute(
            "insert into costpulse.workspaces (workspace_id, name) values (%s, %s)", [workspace_id, name]
        )

    def team(self, name: str, *members: str, valid_from: date | None = None, valid_to: date | None = None) -> int:
        """A team with members; its id."""
        self._connection.execute("select set_config('costpulse.actor', 'test', true)")
        row = self._connection.execute("insert into costpulse.teams (name) values (%s) returning id", [name]).fetchone()
        assert row is not None
        for member in members:
            self._connection.execute(
                "insert into costpulse.team_members (team_id, email, valid_from, valid_to) values (%s, %s, %s, %s)",
                [row["id"], member, valid_from, valid_to],
            )
        return int(row["id"])

    def build_costs(self) -> None:
        """What the asset daily_user_costs does in a run for changed days."""
        self._connection.commit()
        days = days_to_build(self.database, DAILY_USER_COSTS, TODAY, TODAY, only_changed=True)
        build(self.database, DAILY_USER_COSTS, days)

    def users(self, today: date = TODAY) -> dict[str, dict[str, Any]]:
        self.build_costs()
        rebuild_users(self.database, today)
        return {row["identity"]: row for row in self._connection.execute("select * from costpulse.users").fetchall()}

    def suggestions(self) -> list[tuple[str, str, str, Decimal, Decimal]]:
        """(identity, team, evidence, share, cost) in order."""
        self.users()
        suggest_members(self.database, TODAY)
        return [
            (row["identity"], row["team_name"], row["evidence"], row["share"], row["cost_usd"])
            for row in self._connection.execute(
                "select * from costpulse.member_suggestions order by identity, evidence, team_name"
            ).fetchall()
        ]

    def suggested_team_ids(self) -> list[int | None]:
        return [
            row["team_id"]
            for row in self._connection.execute(
                "select team_id from costpulse.member_suggestions order by identity, evidence, team_name"
            ).fetchall()
        ]


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    database = Database(database_url)
    with database.transaction() as connection:
        yield Books(database, connection)


def test_cost_of_the_last_ninety_days_and_of_the_last_thirty(books):
    books.bill(ADA, "1", day=TODAY)
    books.bill(ADA, "2", day=TODAY - timedelta(days=29))
    books.bill(ADA, "4", day=TODAY - timedelta(days=30))
    books.bill(ADA, "8", day=date(2025, 1, 1))
    books.bill(BOB, None)
    users = books.users()
    assert (users[ADA]["cost_usd_90_days"], users[ADA]["cost_usd_30_days"]) == (7, 3)
    assert (users[ADA]["first_seen"], users[ADA]["last_seen"]) == (date(2025, 1, 1), TODAY)
    assert (users[BOB]["cost_usd_90_days"], users[BOB]["cost_usd_30_days"]) == (None, None)


def test_who_was_seen_long_ago_stays_known_since_then(books):
    books.queries(ADA, 1, day=TODAY - timedelta(days=89))
    assert books.users()[ADA]["first_seen"] == TODAY - timedelta(days=89)
    rebuild_users(books.database, TODAY + timedelta(days=200))
    (later,) = books._connection.execute("select first_seen, last_seen, sources from costpulse.users").fetchall()
    assert later["first_seen"] == later["last_seen"] == TODAY - timedelta(days=89)
    assert later["sources"] == ["queries"]


def test_a_build_that_reads_the_new_days_only_gives_what_a_fresh_one_does(books):
    long_ago = TODAY - timedelta(days=300)
    books.bill(ADA, "1", day=long_ago, workspace="1001")
    books.bill(ADA, "2", day=TODAY - timedelta(days=60), workspace="1002")
    books.bill(BOB, "4", day=TODAY)
    assert books.users()[ADA]["workspace_ids"] == ["1002", "1001"]
    # a row that comes late, a day that is restated, and a new one
    books.bill(EVE, "8", day=long_ago + timedelta(days=1), workspace="1003")
    books.restate(ADA, "16", day=TODAY - timedelta(days=60))
    books.bill(BOB, "32", day=TODAY + timedelta(days=1))
    later = books.users(TODAY + timedelta(days=1))
    assert (later[EVE]["first_seen"], later[EVE]["cost_usd_90_days"]) == (long_ago + timedelta(days=1), None)
    assert (later[ADA]["first_seen"], later[ADA]["cost_usd_90_days"]) == (long_ago, 16)
    assert (later[BOB]["last_seen"], later[BOB]["cost_usd_30_days"]) == (TODAY + timedelta(days=1), 36)
    books._connection.execute("delete from costpulse.users")
    books._connection.execute("delete from costpulse.built_days where asset = 'users'")
    fresh = books.users(TODAY + timedelta(days=1))
    for row in (*later.values(), *fresh.values()):
        row.pop("updated_at")
    assert later == fresh


def test_days_that_were_read_once_are_not_read_again(books):
    books.bill(ADA, "1", day=TODAY - timedelta(days=300), workspace="1001")
    before = books.users()[ADA]
    books._connection.execute("delete from costpulse.daily_user_costs")
    after = books.users()[ADA]
    assert {**before, "updated_at": None} == {**after, "updated_at": None}
    assert after["workspace_ids"] == ["1001"]


def test_the_costs_of_all_users_are_the_cost_of_all_keys_with_an_identity(books):
    for number, identity in enumerate([ADA, " Ada@Example.com", BOB, ROBOT, "group", None, ""]):
        books.bill(identity, f"0.{number + 1}00000000000000001")
    total = sum(user["cost_usd_90_days"] for user in books.users().values())
    assert total == Decimal("1.500000000000000005")


def test_spellings_of_one_address_are_one_user_called_as_in_the_bill(books):
    books.bill("Ada@Example.com", "1", day=TODAY - timedelta(days=3))
    books.queries("ada@example.com", 5)
    books.owns(" ADA@example.com ")
    users = books.users()
    assert list(users) == ["Ada@Example.com"]
    assert users["Ada@Example.com"]["sources"] == ["billing", "owner", "queries"]
    assert users["Ada@Example.com"]["domain"] == "example.com"
    assert users["Ada@Example.com"]["executions_30_days"] == 5


def test_other_identities_are_told_apart_by_case(books):
    books.bill("Data Engineers", "1")
    books.bill("data engineers", "1")
    assert len(books.users()) == 2


@pytest.mark.parametrize(
    ("identity", "kind", "domain"),
    [
        (ADA, "person", "example.com"),
        ("ana.silva+oncall@Northwind.example", "person", "northwind.example"),
        (ROBOT, "service principal", None),
        (ROBOT.upper(), "service principal", None),
        ("ci@project.iam.gserviceaccount.com", "service principal", "project.iam.gserviceaccount.com"),
        ("data engineers", "other", None),
        ("team @ home", "other", None),
        ("0123456789abcdef01234567@northwind.example", "person", "northwind.example"),
        ("__REDACTED__", "other", None),
    ],
)
def test_people_and_service_principals_are_told_apart(books, identity, kind, domain):
    books.bill(identity, "1")
    assert (books.users()[identity]["kind"], books.users()[identity]["domain"]) == (kind, domain)


def test_workspaces_are_named_most_expensive_first(books):
    books.workspace("1001", "prod")
    books.bill(ADA, "1", workspace="1001")
    books.bill(ADA, "5", workspace="1002")
    books.bill(ADA, "3", workspace=None)
    books.queries(ADA, 1, workspace="1003")
    users = books.users()
    assert users[ADA]["workspace_ids"] == ["1002", "1001", "1003"]
    assert users[ADA]["workspace_names"] == ["1002", "prod", "1003"]


def test_who_only_asks_or_owns_is_a_user_too(books):
    books.queries(ADA, 7, day=TODAY - timedelta(days=29))
    books.queries(ADA, 9, day=TODAY - timedelta(days=30))
    tables = ("clusters", "warehouses", "jobs", "pipelines", "serving_endpoints")
    for table in tables:
        books.owns(f"owner.of.{table}@example.com", table, TODAY - timedelta(days=100))
        books.owns(None, table, workspace="1002")
    users = books.users()
    assert users[ADA]["executions_30_days"] == 7
    assert users[ADA]["sources"] == ["queries"]
    assert len(users) == 1 + len(tables)
    for table in tables:
        owner = users[f"owner.of.{table}@example.com"]
        assert (owner["sources"], owner["first_seen"]) == (["owner"], TODAY - timedelta(days=100))
        assert (owner["cost_usd_90_days"], owner["executions_30_days"]) == (None, 0)


def test_a_cent_that_is_lost_on_the_way_to_users_is_found(books):
    books.bill(ADA, "1", tags='{"team": "growth"}')
    books.bill(ADA, "2", workspace=None)
    books.bill(None, "4")
    books.build_costs()
    assert books.database.rows(DAILY_USER_COSTS.check, {"days": [TODAY]}) == []
    books._connection.execute("update costpulse.daily_user_costs set cost_usd = cost_usd + 0.01 where team_tag is null")
    books._connection.commit()
    (found,) = books.database.rows(DAILY_USER_COSTS.check, {"days": [TODAY]})
    assert (found["billed_cost_usd"], found["derived_cost_usd"]) == (3, Decimal("3.01"))


# Suggestions


def test_a_team_tag_on_most_of_what_somebody_runs_suggests_the_team(books):
    books.bill(ADA, "6", tags='{"team": "growth"}')
    books.bill(ADA, "4")
    books.bill(BOB, "5.9", tags='{"team": "growth"}')
    books.bill(BOB, "4.1")
    books.bill(ROBOT, "1", tags='{"TEAM": "growth", "owner": "x"}')
    assert books.suggestions() == [
        (ROBOT, "growth", "tag", 1, 1),
        (ADA, "growth", "tag", Decimal("0.6"), 6),
    ]
    assert books.suggested_team_ids() == [None, None]


def test_spellings_of_a_team_are_one_and_the_name_of_the_team_wins(books):
    books.bill(ADA, "3", tags='{"team": "data-platform"}')
    books.bill(ADA, "2", tags='{"Team": "Data Platform"}')
    books.bill(ADA, "2", tags='{"team": "finance"}')
    assert books.suggestions() == [(ADA, "data-platform", "tag", Decimal("0.714286"), 5)]
    team = books.team("Data_Platform")
    assert books.suggestions() == [(ADA, "Data_Platform", "tag", Decimal("0.714286"), 5)]
    assert books.suggested_team_ids() == [team]


def test_cost_older_than_ninety_days_says_nothing(books):
    books.bill(ADA, "1", tags='{"team": "new"}', day=TODAY - timedelta(days=89))
    books.bill(ADA, "100", tags='{"team": "old"}', day=TODAY - timedelta(days=90))
    assert books.suggestions() == [(ADA, "new", "tag", 1, 1)]


def test_somebody_whose_cost_was_taken_back_is_not_suggested(books):
    books.bill(ADA, "-1", tags='{"team": "growth"}')
    books.bill(BOB, "0", tags='{"team": "growth"}')
    books.bill(EVE, None, tags='{"team": "growth"}')
    assert books.suggestions() == []


def test_members_are_left_out_whatever_the_case_of_their_address(books):
    books.bill("Ada@Example.com", "1", tags='{"team": "growth"}')
    books.team("finance", "ada@example.com")
    assert books.suggestions() == []


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "is_member"),
    [
        (TODAY, None, True),
        (TODAY + timedelta(days=1), None, False),
        (None, TODAY, False),
        (None, TODAY + timedelta(days=1), True),
    ],
)
def test_membership_counts_while_it_is_valid(books, valid_from, valid_to, is_member):
    books.bill(ADA, "1", tags='{"team": "growth"}')
    books.team("growth", ADA, valid_from=valid_from, valid_to=valid_to)
    assert (books.suggestions() == []) == is_member


def test_a_domain_suggests_the_team_that_most_of_its_people_are_in(books):
    books.bill(ADA, "1")
    books.bill(BOB, "2")
    books.bill(EVE, "4")
    books.team("consultants", ADA, "Never.Seen@example.com")
    books.team("finance", "somebody@other.example")
    # two of three at example.com, one of two at other.example
    assert books.suggestions() == [(BOB, "consultants", "domain", Decimal("0.666667"), 2)]


def test_a_domain_says_nothing_about_service_principals_and_groups(books):
    books.bill("ci@example.iam.gserviceaccount.com", "1")
    books.bill("group", "1")
    books.team("finance", ADA, "x@example.iam.gserviceaccount.com")
    assert books.suggestions() == []


def test_a_workspace_of_a_team_suggests_it_to_whoever_works_mostly_there(books):
    books.bill(ADA, "10", workspace="1001")
    books.bill(EVE, "7", workspace="1001")
    books.bill(EVE, "3", workspace="1002")
    books.bill("guest@third.example", "1", workspace="1001")
    books.bill("guest@third.example", "9", workspace="1002")
    books.team("growth", ADA)
    assert books.suggestions() == [(EVE, "growth", "workspace", Decimal("0.7"), 7)]


def test_a_workspace_that_several_teams_share_suggests_none(books):
    books.bill(ADA, "5", workspace="1001")
    books.bill(BOB, "5", workspace="1001")
    books.bill(EVE, "1", workspace="1001")
    books.team("growth", ADA)
    books.team("finance", BOB)
    assert books.suggestions() == []


def test_suggestions_are_replaced(books):
    books.bill(ADA, "1", tags='{"team": "growth"}')
    assert len(books.suggestions()) == len(books.suggestions()) == 1
    books.team("growth", ADA)
    assert books.suggestions() == []
