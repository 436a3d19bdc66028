"""What the routes say is what the database says, to the last digit."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.api.client import Client
from tests.api.conftest import FINAL, FIRST, TODAY

ALL = {"from_": FIRST.isoformat(), "to": TODAY.isoformat()}
NOVEMBER = {"from_": "2026-11-01", "to": "2026-11-22"}


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def exact(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


@pytest.mark.parametrize(
    ("by", "column"),
    [
        ("product", "k.product"),
        ("workspace", "k.workspace_id"),
        ("team", "d.team_id::text"),
        ("sku", "d.sku_name"),
        ("user", "k.user_email"),
        ("job", "k.workspace_id || '/' || k.job_id"),
        ("tag:env", "k.tags ->> 'env'"),
    ],
)
def test_costs_by_anything_are_those_of_the_bill(api: Client, url: str, by: str, column: str) -> None:
    expected = {
        row["id"]: (exact(row["cost"]), exact(row["list"]), exact(row["dbu"]))
        for row in rows(
            url,
            f"select {column} as id, sum(cost_usd) as cost, sum(list_cost_usd) as list, sum(dbu_count) as dbu "
            "from costpulse.daily_key_costs as d join costpulse.cost_keys as k using (key_id) "
            "where usage_date between %s and %s group by 1",
            "2026-11-01",
            "2026-11-22",
        )
    }
    found = api.get("/api/v1/costs", by=by, **NOVEMBER)
    assert {row["id"]: (row["cost_usd"], row["list_cost_usd"], row["dbu_count"]) for row in found.data} == expected
    (total,) = rows(
        url,
        "select sum(cost_usd) as cost from costpulse.daily_costs where usage_date between %s and %s",
        "2026-11-01",
        "2026-11-22",
    )
    assert found.json["total"]["cost_usd"] == exact(total["cost"])


def test_costs_name_what_has_no_price_instead_of_counting_it_as_nothing(api: Client) -> None:
    found = api.get("/api/v1/costs", by="sku", **ALL)
    (priceless,) = [row for row in found.data if row["id"] == "PRICELESS_SKU"]
    assert priceless["cost_usd"] is None
    assert [(each["sku_name"], Decimal(each["quantity"])) for each in found.json["unpriced"]] == [
        ("PRICELESS_SKU", Decimal(250))
    ]


def test_costs_are_narrowed_by_any_filter(api: Client, url: str) -> None:
    found = api.get("/api/v1/costs", by="product", workspace=["200", "~"], tag=["a%3Db=+1", "env="], **ALL)
    assert {row["id"] for row in found.data} == set()  # both keys must match
    found = api.get("/api/v1/costs", by="product", workspace=["200", "~"], tag="a%3Db=+1", **ALL)
    (sql,) = found.data
    assert (sql["id"], Decimal(sql["cost_usd"])) == ("SQL", Decimal(350))
    assert Decimal(found.json["total"]["list_cost_usd"]) == Decimal(450)


def test_the_most_expensive_come_first_where_that_is_asked_for(api: Client) -> None:
    found = [
        row for page in api.pages("/api/v1/costs", by="product", order="cost", limit=2, **ALL) for row in page.data
    ]
    costs = [Decimal(row["cost_usd"] or 0) for row in found]
    assert costs == sorted(costs, reverse=True)
    assert len({row["id"] for row in found}) == len(found) == 6


def test_a_period_says_which_of_its_days_are_not_final(api: Client) -> None:
    shown = api.get("/api/v1/costs", **ALL).json["period"]
    assert shown == {
        "from": FIRST.isoformat(),
        "to": TODAY.isoformat(),
        "last_final_day": FINAL.isoformat(),
        "is_provisional": True,
    }
    assert not api.get("/api/v1/costs", **NOVEMBER).json["period"]["is_provisional"]
    assert api.get("/api/v1/costs").json["period"]["from"] == "2026-10-26"


@pytest.mark.parametrize("bin", ["day", "week", "month"])
def test_a_trend_adds_up_to_the_bill_of_its_steps(api: Client, url: str, bin: str) -> None:
    found = [row for page in api.pages("/api/v1/costs/trend", bin=bin, limit=7, **ALL) for row in page.data]
    expected = rows(
        url,
        "select date_trunc(%s, usage_date)::date as start, sum(cost_usd) as cost from costpulse.daily_costs group by 1",
        bin,
    )
    assert {row["start"]: row["amount"] for row in found} == {
        row["start"].isoformat(): exact(row["cost"]) for row in expected
    }
    assert {row["start"] for row in found if row["is_provisional"]} == {
        "day": {"2026-11-23", "2026-11-24"},
        "week": {"2026-11-23"},
        "month": {"2026-11-01"},
    }[bin]


def test_a_trend_by_group_names_the_largest_and_adds_the_others_up(api: Client, url: str) -> None:
    found = api.get("/api/v1/costs/trend", by="team", top=1, bin="month", measure="list", **ALL)
    assert found.json["measure"] == "list"
    november = {row["name"]: row["amount"] for row in found.data if row["start"] == "2026-11-01"}
    (total,) = rows(
        url, "select sum(list_cost_usd) as cost from costpulse.daily_costs where usage_date >= '2026-11-01'"
    )
    assert set(november) == {"Data platform", "Unallocated", "All others"}
    assert sum(map(Decimal, november.values())) == total["cost"]
    assert [row["is_rest"] for row in found.data if row["name"] == "All others"] == [True, True]


def test_allocations_add_up_to_the_whole_cost_with_unallocated(api: Client, url: str) -> None:
    found = api.get("/api/v1/allocations", **NOVEMBER)
    expected = rows(
        url,
        "select team_id, method, sum(total_cost) as cost from costpulse.cost_allocations "
        "where usage_date between %s and %s group by 1, 2",
        "2026-11-01",
        "2026-11-22",
    )
    assert {(row["team_id"], row["method"]): row["cost_usd"] for row in found.data} == {
        (row["team_id"], row["method"]): exact(row["cost"]) for row in expected
    }
    assert sum(Decimal(row["cost_usd"]) for row in found.data) == Decimal(found.json["total"]["cost_usd"])
    assert found.data[-1]["team"] == "Unallocated"


def test_unallocated_is_there_although_nothing_is(api: Client) -> None:
    found = api.get("/api/v1/allocations", from_="2026-01-01", to="2026-01-02")
    assert [(row["team"], row["cost_usd"]) for row in found.data] == [("Unallocated", "0")]


def test_teams_are_those_of_the_database(api: Client) -> None:
    assert [(row["id"], row["name"], row["parent_team_id"]) for row in api.get("/api/v1/teams").data] == [
        (1, "Data platform", None),
        (2, "Risk", None),
        (3, "Streaming", 1),
    ]


def test_anomalies_are_those_that_are_rolled_up_under_none(api: Client, url: str) -> None:
    found = api.get("/api/v1/anomalies", severity=["high", "critical"], from_="2026-11-03", to="2026-11-08")
    expected = rows(
        url,
        "select id, impact_usd from costpulse.anomalies where parent_id is null and severity <> 'medium' "
        "and start_date between '2026-11-03' and '2026-11-08' order by id desc",
    )
    assert expected
    assert [(row["id"], row["impact_usd"]) for row in found.data] == [
        (row["id"], exact(row["impact_usd"])) for row in expected
    ]
    assert {row["id"]: row["below"] for row in api.get("/api/v1/anomalies").data}[1] == 1


def test_recommendations_are_those_of_the_database(api: Client, url: str) -> None:
    found = api.get("/api/v1/recommendations", team="2", status="open")
    expected = rows(url, "select id, estimated_savings from costpulse.recommendations where team_id = 2 order by id")
    assert len(expected) == 4
    assert [(row["id"], row["estimated_savings"]) for row in found.data] == [
        (row["id"], exact(row["estimated_savings"])) for row in expected
    ]
    assert api.get("/api/v1/recommendations", status="done").data == []


def test_forecasts_are_the_newest_by_month_and_by_day(api: Client) -> None:
    landing, _ = api.get("/api/v1/forecasts").data
    assert (landing["start"], landing["predicted_cost"]) == ("2026-11-01", "4500.000000000000000001")
    assert {row["scope_id"] for row in api.get("/api/v1/forecasts", scope_type="team").data} == {"1", "2"}
    days = api.get("/api/v1/forecasts", grain="day", scope_type="team", scope_id="1").data
    assert [Decimal(row["predicted_cost"]) for row in days] == [Decimal(150 + n) for n in range(1, 21)]
    assert days[0]["start"] == "2026-11-23"
    assert days[0]["spent_usd"] is None


def test_budgets_stand_where_the_database_says(api: Client) -> None:
    current = api.get("/api/v1/budgets").data
    assert [(row["budget_name"], row["period_start"], Decimal(row["spent_usd"])) for row in current] == [
        ("All", "2026-11-01", Decimal("3000.5")),
        ("Data", "2026-11-01", Decimal("3000.5")),
    ]
    assert [row["state"] for row in api.get("/api/v1/budgets", periods="all").data] == ["running", "ended"] * 2


def test_clusters_are_those_of_the_database(api: Client, url: str) -> None:
    found = api.get("/api/v1/clusters", workspace=["100", "~"], is_idle="true")
    expected = rows(
        url,
        "select workspace_id, cluster_id, total_cost_usd as cost from costpulse.cluster_info "
        "where workspace_id is distinct from '200' and is_idle order by coalesce(workspace_id, ''), cluster_id",
    )
    assert expected
    assert [(row["workspace_id"], row["cluster_id"], row["total_cost_usd"]) for row in found.data] == [
        (row["workspace_id"], row["cluster_id"], exact(row["cost"])) for row in expected
    ]


def test_tag_compliance_is_scored_as_on_the_page(api: Client, url: str) -> None:
    found = api.get("/api/v1/tags/compliance", **NOVEMBER)
    (row,) = found.data
    (sums,) = rows(
        url,
        "select sum(compliant_cost_usd) as compliant, sum(taggable_cost_usd - exempt_cost_usd) as judged "
        "from costpulse.tag_compliance",
    )
    assert row["compliant_cost_usd"] == exact(sums["compliant"])
    assert Decimal(row["score"]) == sums["compliant"] / sums["judged"]
    assert [(key["tag_key"], Decimal(key["missing_cost_usd"])) for key in found.json["keys"]] == [("env", Decimal(220))]
    by_team = api.get("/api/v1/tags/compliance", by="team", team=["~", "1"], **NOVEMBER).data
    assert [row["id"] for row in by_team] == ["1", None]
    assert len(api.get("/api/v1/tags/compliance", by="day", **NOVEMBER).data) == 22


def test_the_status_says_how_fresh_everything_is(api: Client) -> None:
    found = api.get("/api/v1/status").json
    assert (found["first_day"], found["newest_day"]) == (FIRST.isoformat(), TODAY.isoformat())
    assert found["provisional_days"] == ["2026-11-23", "2026-11-24"]
    assert [(row["source"], row["state"]) for row in found["data"]] == [("clusters", "failed")]


def test_an_account_without_data_is_answered(empty: Client) -> None:
    assert empty.get("/api/v1/costs").data == []
    assert empty.get("/api/v1/costs").json["total"]["cost_usd"] is None
    assert empty.get("/api/v1/costs/trend").data == []
    assert empty.get("/api/v1/status").json["newest_day"] is None
    assert empty.get("/api/v1/tags/compliance").data == []
