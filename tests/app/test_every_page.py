"""Every page, for every role, with data, without, with old data, and without a database."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import streamlit as st
from psycopg.types.json import Jsonb
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from costpulse_app import db, nav, people
from costpulse_assets.allocation.budgets import BudgetDocument, save_budget
from costpulse_assets.allocation.rule_set import RuleSet, replace_rule_set
from costpulse_assets.costs.spend import DIMENSIONS
from costpulse_assets.identities import Identities
from costpulse_assets.people import Person, Right
from costpulse_assets.resources.database import Database
from tests.app import test_alerts_page, test_anomalies_page, test_recommendations_page, test_reports_page
from tests.app.books import Books
from tests.app.conftest import ENTRY, TODAY
from tests.conftest import database

#: In every name of a thing that is not the team's.
FOREIGN = "quagga"
#: USD and DBU; all that Ours has is below, each row of others above.
OURS_AT_MOST = Decimal(1_000)
#: Of data, and what Ours costs on each of them in USD.
DAYS, DAILY = 40, Decimal("1.37")
NOON = datetime.combine(TODAY, time(12), tzinfo=UTC)

PEOPLE = {
    "scoped viewer": Person("sam@example.com", "viewer", "1"),
    "viewer": Person("vic@example.com", "viewer"),
    "team owner": Person("tom@example.com", "team_owner"),
    "finops": Person("fay@example.com", "finops"),
    "admin": Person("ann@example.com", "admin"),
}

#: What a button takes, by what its key looks like. Whoever adds a button says here whether it changes anything.
CHANGES: dict[str, Right] = {
    r"acknowledge(_\d+)?|assign|expect|resolve|detail_(accept|assign|dismiss|done|reopen)": "decide on findings",
    r"(new|edit|delete)_tag": "edit tag policies",
    r"(new|edit|delete|mute|test|switch)_alert|new_route": "edit alerts",
    r"(new|edit|delete)_budget": "edit budgets",
    r"(add|edit|delete|move)_(rule|split)(_-?1)?|(add|edit|delete)_team|save|simulate": "edit rules",
    r"ask_month": "close months",
    r"edit_members": "edit members",
    r"view_(keep|retake|rename|delete)": "keep views",
    r"remark_(add|delete_\d+)": "annotate days",
    r"(new|edit|delete)_price": "edit prices",
    r"(new|edit|remove)_viewer": "manage people",
    r"(new|revoke)_token": "manage tokens",
    r"apply_import": "edit rules",
    r"run_now|collect_days": "start runs",
    r"new_report": "ask for reports",
}
#: Buttons that only show something else.
HARMLESS = (
    r"back|runs_back|close_entry|explore|clear|clear_filters|look_again|more_apply|show_all|(audit_)?(newer|older)"
    r"|alert_history|why_team|answer_\w+|(details|attention|event|anomaly|advice|recommendation|view_open)_\d+|open_\w+|crumb_\w+"
)


def declared() -> list[SimpleNamespace]:
    """The pages of the menu and those that only links open."""
    with patch.object(st, "Page", side_effect=lambda path, **given: SimpleNamespace(path=path, **given)):
        return nav.pages(PEOPLE["admin"])  # type: ignore[return-value]


PAGES = {getattr(page, "url_path", ""): page for page in declared()}
#: Further tabs and details of pages; each is a page of its own to whoever looks at it.
VIEWS = (
    *PAGES,
    "anomalies?id=1",
    "anomalies?id=2",
    "recommendations?id=1",
    "recommendations?id=2",
    "alerts?id=1",
    "alerts?id=2",
    "alerts?tab=history",
    "alerts?tab=channels",
    "reports?id=1",
    "reports?id=2",
    "forecast?tab=budgets",
    "forecast?tab=record",
    "allocation?tab=rules",
    "allocation?tab=teams",
    "allocation?tab=statement",
    "allocation?tab=why",
    "team?id=1",
    "team?id=2",
    "job?id=100/1",
    "job?id=100/2",
    f"warehouse?id=100/{FOREIGN}1",
    "settings?tab=people",
    "settings?tab=tokens",
    "settings?tab=settings",
    "settings?tab=configuration",
    "settings?tab=audit",
)


def fill(url: str) -> None:
    """A cheap team Ours, a dear team Theirs, cost of nobody; of each kind of finding one for either team."""
    rule_set = RuleSet.model_validate(
        {
            "teams": [{"name": "Ours"}, {"name": "Theirs"}],
            "rules": [
                {
                    "name": f"rule {name}",
                    "team": name,
                    "rule_type": "tag_match",
                    "conditions": {"key": "team", "values": [name.lower()]},
                }
                for name in ("Ours", "Theirs")
            ],
        }
    )
    made = Database(url)
    with made.transaction() as connection:
        replace_rule_set(connection, rule_set, "test", identities=Identities(None))
        for name, amount in (("Ours", "100"), ("Theirs", "900000")):
            document = {"name": f"Budget {name}", "scope_type": "team", "scope": name, "amount": amount}
            save_budget(connection, BudgetDocument.model_validate(document), "test")
    books = Books(
        workspaces={"100": "northwind"},
        provisional={TODAY: Decimal("0.4")},
        # Late, and stale where the limit is lower.
        loaded_at=datetime.now(UTC) - timedelta(hours=30),
    )
    for back in range(DAYS):
        day = TODAY - timedelta(days=back)
        books.add(day, str(DAILY), job_id="1", job_name="nightly", user_email="ada@example.com", team=1, quantity="2")
        books.add(
            day,
            f"{20_000 + back}",
            job_id="2",
            job_name=f"{FOREIGN} job",
            user_email=f"{FOREIGN}@example.com",
            team=2,
            tags={"team": FOREIGN},
            quantity="9000",
        )
        books.add(day, "10000", product="SQL", sku="SQL_PRO", warehouse_id=f"{FOREIGN}1", quantity="8000")
    books.write(url)
    final = TODAY - timedelta(days=1)
    for number, cost, name in ((1, Decimal(9), "ours"), (2, Decimal(30_000), FOREIGN)):
        test_anomalies_page.add_event(
            url, number, scope_type="team", scope_id=str(number), actual_usd=cost, expected_usd=cost / 3
        )
        test_recommendations_page.add(
            url,
            number,
            team_id=number,
            title=f"Stop {name}",
            resource_name=name,
            saving=cost,
            resource_cost_usd=cost * 2,
            evidence=json.dumps({"idle_hours": 1, "idle_cost_usd": float(cost), "idle_percent": 80}),
            calculation=f"${cost}",
        )
        test_alerts_page.add_alert(
            url, number, name=f"Alert {number}", scope_type="team", scope_id=str(number), alert_type="cost_spike",
            threshold_value=25,
        )  # fmt: skip
        test_alerts_page.add_finding(
            url, number, number, scope_type="team", scope_id=str(number), message=f"{name}: ${cost}",
            scope_name=name, current_value=cost,
        )  # fmt: skip
        test_reports_page.add_report(
            url, number, name=f"Report of {name}", team_id=number, team_name=f"Team {name}",
            requested_by=f"{name}@example.com", period_first=date(2026, 10, 1), period_last=final,
            summary=Jsonb({"Total cost": f"${cost}"}),
        )  # fmt: skip


@dataclass
class Account:
    """Databases that all tests of this file read."""

    normal: str
    empty: str


@pytest.fixture(scope="module")
def account(postgres_server: str, migrated_template: str) -> Iterator[Account]:
    with (
        database(postgres_server, template=migrated_template) as normal,
        database(postgres_server, template=migrated_template) as empty,
    ):
        fill(normal)
        yield Account(normal, empty)
        forget()


def forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


Opener = Callable[[str, str, str], AppTest]
_opened: list[str] = []


@pytest.fixture
def open_(monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a view of a database for a person; what was read for the same database before is kept."""
    monkeypatch.setenv("COSTPULSE_TODAY", TODAY.isoformat())
    # Nothing installed brings components of its own, and looking for them takes longer than any page.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)

    def opener(url: str, view: str, who: str) -> AppTest:
        monkeypatch.setenv("COSTPULSE_DATABASE_URL", url)
        db.settings.clear()  # type: ignore[attr-defined]
        if _opened != [url]:
            forget()
            _opened[:] = [url]
        monkeypatch.setattr(people, "LOCAL_ADMIN", PEOPLE[who])
        test = AppTest.from_file(str(ENTRY), default_timeout=60)
        parsed = urlsplit(view)
        for name, values in parse_qs(parsed.query).items():
            test.query_params[name] = values
        if parsed.path:
            test.switch_page(PAGES[parsed.path].path)
        return test.run()

    return opener


def title(test: AppTest) -> str:
    return str(test.title[0].value)


def heading(view: str, who: str) -> str:
    """What stands above a view for a person."""
    path = urlsplit(view).path
    if path == "settings" and not PEOPLE[who].may("see the audit log"):
        return "Not for your role"
    of_team = {"team?id=1": "Ours"} if PEOPLE[who].scope == "1" else {"team?id=1": "Ours", "team?id=2": "Theirs"}
    return of_team.get(view) or str(PAGES[path].title)


def forbidden(test: AppTest, who: str) -> list[str]:
    """Buttons that can be pressed though they take a right that the person does not have, or that nobody declared."""
    found = []
    for button in test.button:
        key = str(button.key or button.label)
        right = next((right for pattern, right in CHANGES.items() if re.fullmatch(pattern, key)), None)
        assert right or re.fullmatch(HARMLESS, key), f"CHANGES or HARMLESS must say what the button {key} does"
        if right and not button.disabled and not PEOPLE[who].may(right):
            found.append(f"{key} ({right})")
    return found


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("view", VIEWS)
def test_a_page_with_data_offers_what_the_role_may_do(view: str, who: str, open_: Opener, account: Account) -> None:
    test = open_(account.normal, view, who)
    assert not test.exception
    assert title(test) == heading(view, who)
    assert forbidden(test, who) == []


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_with_old_data_says_so(
    path: str, who: str, open_: Opener, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSTPULSE_STALE_AFTER_HOURS", "24")
    test = open_(account.normal, path, who)
    assert not test.exception
    assert title(test) == heading(path, who)
    assert "Stale: last load 30 h ago" in said(test)
    assert forbidden(test, who) == []


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("path", PAGES)
def test_without_data_a_page_says_what_brings_it(path: str, who: str, open_: Opener, account: Account) -> None:
    test = open_(account.empty, path, who)
    assert not test.exception
    assert title(test) == ("Data health" if path == "health" else "No cost data yet")
    assert "costpulse up --demo" in said(test)
    assert [button.key for button in test.button] == ["look_again"]


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("path", PAGES)
def test_without_a_database_a_page_says_what_to_check(
    path: str, who: str, open_: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "_CONNECT_SECONDS", 0.1)
    test = open_("postgresql://nobody@127.0.0.1:9/none", path, who)
    assert not test.exception
    assert title(test) == "The database does not answer"
    assert "What to do" in said(test)
    assert [button.key for button in test.button] == ["look_again"]


def said(test: AppTest) -> str:
    """Every text that the browser gets, however it is drawn, but for tables and figures of charts."""
    found: list[str] = []

    def gather(message: Any) -> None:
        for field, value in message.ListFields():
            for one in value if field.is_repeated else [value]:
                if field.message_type is not None and hasattr(one, "ListFields"):
                    gather(one)
                elif isinstance(one, str):
                    found.append(one.replace("\\", ""))

    for node in test._tree:
        proto = getattr(node, "proto", None)
        if getattr(node, "type", "") not in ("arrow_data_frame", "plotly_chart") and hasattr(proto, "ListFields"):
            gather(proto)
    return "\n".join(found)


def amounts(test: AppTest) -> list[Decimal]:
    """Money in the texts, numbers of tables, and heights of marks in charts."""
    found = [
        Decimal(number.replace(",", "")) * {"": 1, "k": 1_000, "M": 1_000_000}[unit]
        for number, unit in re.findall(r"\$(\d[\d,]*(?:\.\d+)?)(k|M|)", said(test))
    ]
    for table in test.dataframe:
        found += [Decimal(str(cell)) for cell in table.value.to_numpy().flat if isinstance(cell, Decimal | float)]
    for chart in test.get("plotly_chart"):
        for trace in json.loads(chart.proto.spec)["data"]:
            for name in ("x", "y", "values", "base"):
                found += [Decimal(str(number)) for number in _numbers(trace.get(name))]
    return [number for number in found if number.is_finite()]


def _numbers(values: Any) -> list[float]:
    if isinstance(values, dict):
        return [float(one) for one in np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).flat]
    return [float(one) for one in values or () if isinstance(one, int | float)]


@pytest.mark.parametrize("view", VIEWS)
def test_who_sees_one_team_sees_no_money_and_no_thing_of_others(view: str, open_: Opener, account: Account) -> None:
    everything = open_(account.normal, view, "viewer")
    own = open_(account.normal, view, "scoped viewer")
    tables = "\n".join(table.value.to_csv() for table in own.dataframe)
    charts = "\n".join(chart.proto.spec for chart in own.get("plotly_chart"))
    assert FOREIGN not in said(own) + tables + charts
    assert [amount for amount in amounts(own) if abs(amount) > OURS_AT_MOST] == []
    if view in ("", "explorer", "allocation", "anomalies", "recommendations", "anomalies?id=2", "forecast?tab=budgets"):
        # Else the test above could not fail.
        assert [amount for amount in amounts(everything) if abs(amount) > OURS_AT_MOST]


@pytest.mark.parametrize("by", DIMENSIONS)
def test_who_sees_one_team_sees_all_of_its_money_however_it_is_grouped(
    by: str, open_: Opener, account: Account
) -> None:
    test = open_(account.normal, f"explorer?range=90d&by={by}{'&key=team' if by == 'tag' else ''}", "scoped viewer")
    assert not test.exception
    assert f"total ${DAYS * DAILY:.2f}" in said(test)
