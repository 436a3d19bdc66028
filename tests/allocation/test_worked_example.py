"""docs/allocation.md: its worked example is recomputed by the code that allocates the real bill."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.rules_as_code import apply_rules, read_rules
from costpulse_assets.costs.assets import DAILY_KEY_COSTS
from costpulse_assets.derived_days import build
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.small_account import MONDAY, SmallAccount, collect_days

PAGE = (Path(__file__).parents[2] / "docs" / "allocation.md").read_text()


def table(first_column: str, second_column: str) -> list[dict[str, str]]:
    """The rows of the table with these first columns, without the marks of code."""
    lines = iter(PAGE.splitlines())
    for line in lines:
        header = cells(line)
        if header[:2] == [first_column, second_column]:
            next(lines)
            rows = []
            while (line := next(lines)).startswith("|"):
                rows.append(dict(zip(header, cells(line), strict=True)))
            return rows
    raise AssertionError(f"no table | {first_column} | {second_column} |")


def cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


BILL = table("usage", "job")


@pytest.fixture(scope="module")
def account() -> Iterator[SmallAccount]:
    """The bill of the page."""
    with SmallAccount() as account:
        prices = {}
        for row in BILL:
            quantity, unit = row["quantity"].split()
            prices[row["SKU"], unit] = row["price in USD"]
            ids = {
                field: row[column]
                for field, column in (("job_id", "job"), ("job_name", "job"), ("warehouse_id", "warehouse"))
                if row[column]
            }
            tags = {"team": row["tag team"]} if row["tag team"] else None
            account.add_usage(quantity, unit=unit, sku=row["SKU"], run_as=row["user"] or None, tags=tags, **ids)
        for (sku, unit), price in prices.items():
            if price:
                account.add_price(price, sku=sku, unit=unit)
        yield account


@pytest.fixture
def allocated(database_url: str, account: SmallAccount) -> Database:
    """The day, allocated as the assets do it, with the rules of the page."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    database = Database(database_url)
    with database.transaction() as connection:
        apply_rules(connection, read_rules(block.encode(), "allocation.md"), "docs", identities=Identities(None))
    collect_days(database, account)
    build(database, KEY_ALLOCATIONS, [MONDAY])
    build(database, DAILY_KEY_COSTS, [MONDAY])
    return database


def usage_of(row: dict[str, Any]) -> str:
    """The number of a row of the page by what its key says."""
    (number,) = (
        line["usage"]
        for line in BILL
        if (line["job"], line["warehouse"], line["user"], line["tag team"], line["SKU"])
        == tuple(row[name] or "" for name in ("job_id", "warehouse_id", "user_email", "team", "sku_name"))
    )
    return number


def test_the_example_is_what_the_pass_makes_of_it(allocated: Database) -> None:
    with allocated.transaction() as connection:
        rows = connection.execute(
            "select k.job_id, k.warehouse_id, k.user_email, k.tags ->> 'team' as team, a.sku_name, a.method, "
            "a.usage_quantity, a.cost_usd, coalesce(t.name, 'Unallocated') as receiver "
            "from costpulse.key_allocations as a join costpulse.cost_keys as k using (key_id) "
            "left join costpulse.teams as t on t.id = a.team_id"
        ).fetchall()
    found = {(usage_of(row), row["receiver"], row["method"], row["usage_quantity"], row["cost_usd"]) for row in rows}
    told = {
        (
            row["usage"],
            row["to"],
            row["by"],
            Decimal(row["quantity"]),
            Decimal(row["cost in USD"]) if row["cost in USD"] else None,
        )
        for row in table("usage", "to")
    }
    assert found == told


def test_the_totals_of_the_example_are_those_of_the_roll_up_and_of_the_bill(allocated: Database) -> None:
    with allocated.transaction() as connection:
        rows = connection.execute(
            "select coalesce(t.name, 'Unallocated') as team, sum(d.cost_usd) as cost_usd "
            "from costpulse.daily_key_costs as d left join costpulse.teams as t on t.id = d.team_id group by 1"
        ).fetchall()
    told = {row["team"]: Decimal(row["cost in USD"]) for row in table("team", "cost in USD")}
    assert {row["team"]: row["cost_usd"] for row in rows} == told
    (together,) = re.findall(r"^Together ([\d.]+), which is the bill\.$", PAGE, re.MULTILINE)
    bill = sum(Decimal(row["quantity"].split()[0]) * Decimal(row["price in USD"] or 0) for row in BILL)
    assert sum(told.values()) == bill == Decimal(together)


def test_every_rule_type_is_on_the_page_and_no_other() -> None:
    assert {row["type"] for row in table("type", "matches")} == set(RULE_TYPES)
