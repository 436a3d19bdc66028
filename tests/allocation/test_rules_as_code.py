"""Rules as code: a file is read as a whole or refused with every reason, and what is exported is what was applied."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from costpulse_assets.allocation.alerts import AlertDocument
from costpulse_assets.allocation.plan import Change
from costpulse_assets.allocation.rules_as_code import (
    RulesDocument,
    RulesFile,
    apply_rules,
    planned_changes,
    read_rules,
    read_shares,
    rules_text,
    stored_rules,
)
from costpulse_assets.errors import BadInput, DatabaseRefused
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.conftest import database as another_database

CLEAR = Identities(None)
HASHED = Identities(SecretStr("a key that is long enough to be one"))

#: Something of everything.
FILE = """\
version: 1
teams:
  - name: Finance
    cost_center: '0123'
    members:
      - email: nina@northwind.example
        role: owner
      - email: omar@northwind.example
        valid_to: 2026-03-31
  - name: Risk
    parent: Finance
    tag_patterns:
      team:
        - risk
        - risk-*
    members:
      - email: omar@northwind.example
        valid_from: 2026-04-01
rules:
  - name: Reporting
    team: Finance
    rule_type: warehouse_match
    conditions:
      warehouses:
        - Finance *
    priority: 10
    valid_from: 2026-01-01
    note: |-
      Two
      lines.
  - name: Models
    team: Risk
    rule_type: all_of
    conditions:
      parts:
        - rule_type: cluster_match
          conditions:
            pattern: risk-.*
        - rule_type: tag_match
          conditions:
            key: env
            missing: true
splits:
  - name: Storage
    rule_type: product_match
    conditions:
      products:
        - DEFAULT_STORAGE
    basis: fixed
    shares:
      - team: Finance
        weight: 66.6
      - team: Risk
        weight: 33.4
price_adjustments:
  - sku_pattern: '*'
    percentage: -12.5
    valid_from: 2026-01-01
    valid_to: 2026-12-31
    note: Commitment of 2026
  - sku_pattern: PREMIUM_JOBS_*
    fixed_rate: 9.123456789012345678
    valid_from: 2026-01-01
budgets:
  - name: All of it
    period: quarter
    starts_on: 2026-02-01
    amount: 30000.5
    projected_threshold: null
  - name: Risk spend
    scope_type: team
    scope: Risk
    amount: 1200
    thresholds:
      - 80
      - 99.5
    owner: omar@northwind.example
    recipients:
      - omar@northwind.example
alerts:
  - name: Budget of Risk
    alert_type: spend
    threshold_value: 1000
    notification_channels:
      - slack:#finops
  - name: Risk is idle
    alert_type: idle
    scope_type: team
    scope: Risk
    options:
      days: 3
      kinds:
        - clusters
        - '007'
      minimum: 0.5
      is_strict: true
    severity: critical
    notification_channels:
      - routed
      - email:omar@northwind.example
    owner: omar@northwind.example
    cooldown_minutes: 0
    quiet_from: '22:00'
    quiet_until: '06:30'
    muted_until: 2026-01-31 08:00:00+00:00
    watches_from: 2026-01-15
alert_routes:
  - team: Risk
    minimum_severity: warning
    channel: slack:#risk
  - cost_center: '0123'
    channel: webhook:pager
  - channel: slack
"""


def file_of(text: str, name: str = "rules.yaml") -> RulesFile:
    return read_rules(text.encode(), name)


def without(text: str, *parts: str) -> str:
    for part in parts:
        assert part in text
        text = text.replace(part, "")
    return text


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture(scope="module")
def filled(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """A database in which the file was applied, for tests that change nothing."""
    with another_database(postgres_server, template=migrated_template) as url:
        database = Database(url)
        apply(database, FILE)
        yield database


@pytest.fixture
def empty_copy(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with another_database(postgres_server, template=migrated_template) as url:
        yield Database(url)


def apply(
    database: Database, text: str, *, identities: Identities = CLEAR, folder: Path | None = None
) -> tuple[Change, ...]:
    file = read_rules(text.encode(), "rules.yaml", folder=folder)
    with database.transaction() as connection:
        return apply_rules(connection, file, "nina", identities=identities)


def stored_form(document: RulesDocument) -> RulesDocument:
    """The document with what is stored of alerts that do not say it."""
    today = datetime.now(UTC).date()
    alerts = tuple(
        alert.model_copy(update={"severity": alert.severity or "warning", "watches_from": alert.watches_from or today})
        for alert in document.alerts
    )
    return document.model_copy(update={"alerts": alerts})


def export(database: Database) -> str:
    with database.transaction() as connection:
        return rules_text(stored_rules(connection))


def everything(database: Database) -> dict[str, Any]:
    """All rows that people edit, their history, and who did what."""
    tables = (
        *("teams", "team_members", "allocation_rules", "cost_splits", "split_weights", "rule_versions"),
        *("price_adjustments", "budgets", "alerts", "alert_routes", "audit_log"),
    )
    with database.transaction() as connection:
        return {
            table: connection.execute(f"select t::text from costpulse.{table} as t order by 1".encode()).fetchall()
            for table in tables
        }


# --- there and back


def test_an_applied_file_is_exported_as_it_was(database: Database) -> None:
    apply(database, FILE)
    exported = export(database)
    assert file_of(exported).document == stored_form(file_of(FILE).document)
    assert apply(database, exported) == ()
    assert export(database) == exported


def test_a_file_applied_again_touches_no_row(database: Database) -> None:
    apply(database, FILE)
    before = everything(database)
    assert apply(database, FILE) == ()
    assert everything(database) == before


def test_an_export_makes_another_database_the_same(database: Database, empty_copy: Database) -> None:
    apply(database, FILE)
    apply(empty_copy, export(database))
    assert export(empty_copy) == export(database)


def test_the_actor_is_in_the_audit_log_with_every_row(database: Database) -> None:
    apply(database, FILE)
    with database.transaction() as connection:
        rows = connection.execute(
            "select table_name, array_agg(distinct actor) as actors from costpulse.audit_log group by table_name"
        ).fetchall()
    assert {row["table_name"] for row in rows} >= {
        *("teams", "allocation_rules", "price_adjustments", "budgets", "alerts", "alert_routes")
    }
    assert {actor for row in rows for actor in row["actors"]} == {"nina"}


def test_hashed_identities_are_the_same_again_as_typed_and_as_exported(database: Database) -> None:
    apply(database, FILE, identities=HASHED)
    exported = export(database)
    assert "nina@" not in exported
    assert "@northwind.example" in exported
    assert apply(database, FILE, identities=HASHED) == ()
    assert apply(database, exported, identities=HASHED) == ()


def test_an_empty_file_takes_everything_away(database: Database) -> None:
    apply(database, FILE)
    changes = apply(database, "version: 1\n")
    assert {change.action for change in changes} == {"delete"}
    assert export(database) == "version: 1\n"


# --- the plan


def test_the_plan_says_in_words_what_is_created(database: Database) -> None:
    with database.transaction() as connection:
        changes = planned_changes(connection, file_of(FILE), identities=CLEAR)
    assert Change("create", "team", "Risk", (
        "parent: Finance",
        "tag patterns: team=risk,risk-*",
        "members: +email=omar@northwind.example valid_from=2026-04-01",
    )) in changes  # fmt: skip


def test_the_plan_says_in_words_what_is_changed_and_deleted(filled: Database) -> None:
    changed = (
        FILE.replace("priority: 10", "priority: 20")
        .replace("Finance *", "Finance reporting")
        .replace("    note: |-\n      Two\n      lines.\n", "")
        .replace("66.6", "70").replace("33.4", "30")
        .replace("-12.5", "-15")
        .replace("amount: 1200", "amount: 1300.5")
        .replace("- 99.5", "- 90")
        .replace("threshold_value: 1000", "threshold_value: 2000")
        .replace("days: 3", "days: 4").replace("      - routed\n", "").replace("'06:30'", "'07:00'")
        .replace("minimum_severity: warning", "minimum_severity: critical")
    )  # fmt: skip
    rule = changed[changed.index("  - name: Models") : changed.index("splits:")]
    with filled.transaction() as connection:
        changes = planned_changes(connection, file_of(without(changed, rule)), identities=CLEAR)
    assert changes == (
        Change("change", "rule", "Reporting", (
            "conditions: warehouse is Finance * -> warehouse is Finance reporting",
            "priority: 10 -> 20",
            "note: Two lines. -> none",
        )),
        Change("delete", "rule", "Models"),
        Change("change", "split", "Storage", (
            "shares: +team=Finance weight=70, +team=Risk weight=30, -team=Finance weight=66.6, -team=Risk weight=33.4",
        )),
        Change("change", "price adjustment", "* from 2026-01-01", ("percentage: -12.5 -> -15",)),
        Change("change", "budget", "Risk spend", ("amount: 1200 -> 1300.5", "thresholds: +90, -99.5")),
        Change("change", "alert", "Budget of Risk", ("threshold value: 1000 -> 2000",)),
        Change("change", "alert", "Risk is idle", (
            "options: days=3 kinds=clusters,007 minimum=0.5 is_strict=true -> "
            "days=4 kinds=clusters,007 minimum=0.5 is_strict=true",
            "notification channels: -routed",
            "quiet until: 06:30 -> 07:00",
        )),
        Change("delete", "alert route", "Risk, from warning: slack:#risk"),
        Change("create", "alert route", "Risk, from critical: slack:#risk", (
            "team: Risk", "minimum severity: critical", "channel: slack:#risk",
        )),
    )  # fmt: skip


# --- refused


def refused(text: str) -> tuple[str, ...]:
    """What is said about a file before the database is asked, line by line."""
    with pytest.raises(BadInput) as refusal:
        file_of(text)
    assert "nothing was changed" in refusal.value.next_step
    return tuple(refusal.value.message.splitlines())


def number(text: str, part: str) -> int:
    """The line that holds it."""
    (found,) = (index for index, line in enumerate(text.splitlines(), 1) if part in line)
    return found


@pytest.mark.parametrize(
    ("typed", "instead", "where", "message"),
    [
        ("version: 1", "version: 2", "version", "version must be less than or equal to 1, not 2."),
        ("version: 1\n", "", "teams:", "version is missing."),
        ("alerts:", "alarms:", "alarms", "alarms \"[{'name': 'Budget of Risk', "),
        ("parent: Finance", "boss: Finance", "boss", "teams[1].boss 'Finance' is not known here."),
        ("priority: 10", "priority: first", "first", "rules[0].priority must be a valid integer, unable to parse"),
        ("2026-03-31", "2026-02-30", "2026-02-30", "teams[0].members[1].valid_to must be a day of the calendar"),
        ("2026-03-31", "31.3.26", "31.3.26", "teams[0].members[1].valid_to must be a day such as 2026-01-31, not 31"),
        ("basis: fixed", "basis: fair", "fair", "splits[0].basis must be 'fixed', 'even', "),
        ("weight: 66.6", "weight: many", "many", "splits[0].shares[0].weight must be a valid decimal, not many."),
        (
            "percentage: -12.5",
            "percentage: nan",
            ": nan",
            "price_adjustments[0].percentage must be a finite number, not",
        ),
        ("percentage: -12.5", "percentage: -101", "-101", "price_adjustments[0].percentage must be greater than or"),
        (
            "percentage: -12.5",
            "percentage: 0.1234567",
            ": 0.1234567",
            "price_adjustments[0].percentage '0.1234567' Dec",
        ),
        ("    percentage: -12.5\n", "", "'*'", "price_adjustments[0] \"{'sku_pattern': '*', 'valid_from': "),
        ("2026-12-31", "2025-12-31", "'*'", "price_adjustments[0] \"{'sku_pattern': '*', 'percentage': '-12.5', "),
        ("012345678\n", "0123456789\n", "0123456789", "price_adjustments[1].fixed_rate '9.1234567890123456789' Dec"),
        ("threshold_value: 1000", "threshold_value: high", "high", "alerts[0].threshold_value must be a valid decim"),
        ("name: Budget of Risk", "name: ''", "name: ''", "alerts[0].name "),
        (
            "'06:30'",
            "25:00",
            "25:00",
            "alerts[1].quiet_until must be a time of the day (UTC) such as 22:00, not 25:00.",
        ),
        (
            "2026-01-31 08:00:00+00:00",
            "tomorrow",
            "tomorrow",
            "alerts[1].muted_until must be a day or moment (UTC) such",
        ),
        ("severity: critical", "severity: loud", "loud", "alerts[1].severity must be 'info', 'warning' or 'critical'"),
        (
            "scope_type: team\n    scope: Risk\n    options",
            "scope_type: floor\n    options",
            "floor",
            "alerts[1].scope_type must be 'everything', 'team'",
        ),
        ("cooldown_minutes: 0", "cooldown_minutes: soon", "soon", "alerts[1].cooldown_minutes must be a valid integer"),
        (
            "  - channel: slack\n",
            "  - minimum_severity: info\n",
            "minimum_severity: info",
            "alert_routes[2].channel is mis",
        ),
        ("period: quarter", "period: week", "week", "budgets[0].period must be 'month', 'quarter', 'year' or 'custom'"),
        ("amount: 1200", "amount: much", "much", "budgets[1].amount must be a valid decimal, not much."),
    ],
)
def test_what_does_not_fit_is_refused_with_file_line_path_value_and_reason(
    typed: str, instead: str, where: str, message: str
) -> None:
    assert FILE.count(typed) == 1
    text = FILE.replace(typed, instead)
    (said,) = refused(text)
    place, _, reason = said.partition(": ")
    assert place == f"rules.yaml, line {number(text, where)}"
    assert reason.startswith(message)


def test_everything_that_does_not_fit_is_said_at_once() -> None:
    text = FILE.replace("priority: 10", "priority: x").replace("basis: fixed", "basis: y")
    lines = [f"rules.yaml, line {number(text, part)}" for part in ("priority: x", "basis: y")]
    assert [line.partition(":")[0] for line in refused(text)] == lines


def test_two_adjustments_of_one_pattern_must_not_share_a_day() -> None:
    second = "  - sku_pattern: premium_jobs_*\n    percentage: 5\n    valid_from: 2026-06-01\nbudgets:\n"
    text = FILE.replace("budgets:\n", second)
    assert refused(text) == (
        f"rules.yaml, line {number(text, '2026-06-01')}: "
        "price_adjustments[2].valid_from '2026-06-01' overlaps price_adjustments[1], "
        "which is for the same SKUs from 2026-01-01.",
    )
    assert file_of(FILE.replace("budgets:\n", second.replace("premium_jobs", "premium_sql"))).document


@pytest.mark.parametrize(
    ("typed", "instead", "where", "message"),
    [
        ("    team: Risk\n", "    team: Rik\n", "Rik", "Rule 'Models': team 'Rik' is no team"),
        ("name: Risk\n", "name: FINANCE\n", "FINANCE", "Team 'FINANCE': name 'FINANCE' is the same as 'Finance'"),
        ("  - name: Finance\n", "  - name: Finance\n    parent: Risk\n", "parent: Risk", "Team 'Finance': parent "),
        ("valid_from: 2026-04-01", "valid_from: 2026-03-31", "omar", "Team 'Risk': members.email 'omar@northwind.exam"),
        ("weight: 33.4", "weight: 33.3", "shares:", "Split 'Storage': shares must add up to exactly 100 % at"),
        ("      - risk-*\n", "      - ''\n", "team:", "Team 'Risk': tag_patterns.team must not have an empty pattern"),
        ("pattern: risk-.*", "pattern: (a*)*", "conditions:", "Rule 'Models': conditions "),
        ("pattern: risk-.*", "pattern: risk-(", "conditions:", "Rule 'Models': conditions "),
        ("rule_type: warehouse_match", "rule_type: house", "house", "Rule 'Reporting': rule_type must be "),
        ("      warehouses:", "      houses:", "conditions:", "Rule 'Reporting': conditions.warehouses is missing"),
        ("key: env", "keys: env", "- rule_type: tag_match", "Rule 'Models': conditions.parts.1 "),
        ("scope: Risk\n    amount", "scope: Rik\n    amount", "scope: Rik",
         "Budget 'Risk spend': There is no team Rik: write Risk"),
        ("amount: 1200", "amount: 0", "amount: 0", "Budget 'Risk spend': Amount must be above 0."),
        ("- 99.5", "- 80.0", "thresholds:", "Budget 'Risk spend': 80 is listed twice."),
        ("scope_type: team\n    scope: Risk\n    amount", "period: quarter\n    amount", "name: Risk spend",
         "Budget 'Risk spend': A budget for this scope and period exists: edit it."),
        ("    valid_from: 2026-01-01\n    note", "    valid_from: 2026-01-01\n    valid_to: 2025-01-01\n    note",
         "2025-01-01", "Rule 'Reporting': valid_to '2025-01-01' lies before valid_from 2026-01-01"),
        ("    scope: Risk\n    options", "    scope: Rik\n    options", "scope: Rik",
         "Alert 'Risk is idle': There is no team Rik: write Risk if you mean that."),
        ("name: Risk is idle", "name: BUDGET OF RISK", "BUDGET OF RISK",
         "Alert 'BUDGET OF RISK': An alert named Budget of Risk exists already."),
        ("- slack:#finops", "- finops", "- finops", "Alert 'Budget of Risk': Channel 'finops' is not a channel: "),
        ("- routed", "- EMAIL:x", "- EMAIL:x", "Alert 'Risk is idle': Channel 'EMAIL:x' is not a channel: write "),
        ("cooldown_minutes: 0", "cooldown_minutes: 10081", "10081", "Alert 'Risk is idle': Cooldown must lie between"),
        ("quiet_until: '06:30'", "quiet_until: '22:00'", "quiet_until", "Alert 'Risk is idle': Quiet hours must end"),
        ("2026-01-31 08:00:00+00:00", "2999-01-31", "2999-01-31", "Alert 'Risk is idle': Muted for at most 90 days"),
        ("2026-01-15", "1999-01-15", "1999-01-15", "Alert 'Risk is idle': 1999-01-15 is out of range"),
        ("team: Risk\n    minimum", "team: Rik\n    minimum", "team: Rik",
         "Alert route 'Rik, from warning: slack:#risk': There is no team Rik: write Risk"),
        ("  - cost_center: '0123'\n", "  - cost_center: '123'\n", "'123'",
         "Alert route 'cost center 123, from info: webhook:pager': No team has the cost center 123"),
        ("channel: webhook:pager", "channel: routed", "channel: routed",
         "Alert route 'cost center 0123, from info: routed': Channel routed is what alerts say"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_line_and_nothing_is_changed(
    filled: Database, typed: str, instead: str, where: str, message: str
) -> None:
    before = everything(filled)
    assert FILE.count(typed) == 1
    text = FILE.replace(typed, instead)
    with pytest.raises(BadInput) as refusal:
        apply(filled, text)
    place, _, said = refusal.value.message.splitlines()[0].partition(": ")
    assert said.startswith(message)
    assert text.splitlines()[int(place.removeprefix("rules.yaml, line ")) - 1].count(where) == 1
    assert everything(filled) == before


def test_a_rule_of_a_team_that_the_file_leaves_out_is_refused(filled: Database) -> None:
    before = everything(filled)
    team = FILE[FILE.index("  - name: Risk") : FILE.index("rules:")]
    with pytest.raises(BadInput) as refusal:
        apply(filled, without(FILE, team))
    assert "Rule 'Models': team 'Risk' is no team" in refusal.value.message
    assert everything(filled) == before


def test_an_alert_that_went_off_is_kept_with_its_history(database: Database) -> None:
    apply(database, FILE)
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.alert_history (alert_id, status, message, finding_key, alert_type, severity, "
            "scope_type, scope_id, scope_name, subject, phase, reminder, occurred_on, evidence, content) "
            "select id, 'told', 'over budget', 'key', alert_type, severity, scope_type, scope_id, 'all', 'month', "
            "'firing', 0, '2026-01-31', '{}', '{}' from costpulse.alerts where name = 'Budget of Risk'"
        )
    before = everything(database)
    with pytest.raises(BadInput) as refusal:
        apply(database, FILE[: FILE.index("alerts:")])
    assert refusal.value.message == (
        "rules.yaml, line 1: alerts 'Budget of Risk' went off before, and its history needs it: write it with "
        "is_active: false."
    )
    assert everything(database) == before
    text = FILE.replace("- slack:#finops\n", "- slack:#finops\n    is_active: false\n")
    assert [change.details for change in apply(database, text)] == [("is active: True -> False",)]


def no_loud_alerts(alert: AlertDocument) -> tuple[AlertDocument, list[tuple[str, str]]]:
    """Stands for the types of alerts, which the folder below knows."""
    if alert.alert_type == "spend":
        return alert.model_copy(update={"severity": "critical"}), []
    return alert, [("options.days", "Option days must be a valid integer."), ("alert_type", "Type must be spend.")]


def test_types_of_alerts_say_what_is_wrong_with_its_line_and_fill_in_what_is_left_open() -> None:
    with pytest.raises(BadInput) as refusal:
        read_rules(FILE.encode(), "rules.yaml", alert_check=no_loud_alerts)
    assert refusal.value.message.splitlines() == [
        f"rules.yaml, line {number(FILE, 'days: 3')}: Alert 'Risk is idle': Option days must be a valid integer.",
        f"rules.yaml, line {number(FILE, 'alert_type: idle')}: Alert 'Risk is idle': Type must be spend.",
    ]
    spend = FILE.replace("alert_type: idle", "alert_type: spend").replace("    severity: critical\n", "")
    read = read_rules(spend.encode(), "rules.yaml", alert_check=no_loud_alerts)
    assert [alert.severity for alert in read.document.alerts] == ["critical", "critical"]


def test_an_alert_that_says_no_first_day_keeps_it_until_it_judges_something_else(database: Database) -> None:
    apply(database, FILE)
    with database.transaction() as connection:
        connection.execute("update costpulse.alerts set watches_from = '2026-01-01' where name = 'Budget of Risk'")
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select d::date, 0, 1, d >= '2026-02-03', 'none' "
            "from generate_series('2026-01-01'::date, '2026-02-04', '1d') as d"
        )
    assert apply(database, FILE) == ()
    (told,) = apply(database, FILE.replace("- slack:#finops", "- slack:#money"))
    assert told.details == ("notification channels: +slack:#money, -slack:#finops",)
    (told,) = apply(database, FILE.replace("threshold_value: 1000", "threshold_value: 900"))
    assert told.details[:2] == ("threshold value: 1000 -> 900", "notification channels: +slack:#finops, -slack:#money")
    assert told.details[2:] == ("watches from: 2026-01-01 -> 2026-02-03",)


def test_what_fails_in_the_middle_leaves_nothing_behind(database: Database) -> None:
    apply(database, FILE)
    before = everything(database)
    # Prices are written after the rules.
    with database.transaction() as connection:
        connection.execute(
            "alter table costpulse.price_adjustments add constraint no_discounts check (percentage >= -12.5)"
        )
    with pytest.raises(DatabaseRefused):
        apply(database, FILE.replace("priority: 10", "priority: 20").replace("-12.5", "-15"))
    assert everything(database) == before


def test_nobody_changes_rules_without_a_name(database: Database) -> None:
    with pytest.raises(BadInput, match="Nobody is named"), database.transaction() as connection:
        apply_rules(connection, file_of(FILE), " ", identities=CLEAR)
    assert export(database) == "version: 1\n"


# --- weights in a file of their own

WEIGHTS = "team,weight,valid_from,valid_to\nFinance,3,,2026-03-31\nRisk,1,,\nFinance,0.5,2026-04-01,\n"
INLINE = FILE[FILE.index("    basis: fixed") : FILE.index("price_adjustments:")]
BESIDE = FILE.replace(INLINE, "    basis: weights\n    weights_file: weights.csv\n")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_weights_of_a_split_may_stand_in_a_table_beside_the_file(
    database: Database, tmp_path: Path, mark: bytes
) -> None:
    (tmp_path / "weights.csv").write_bytes(mark + WEIGHTS.encode())
    apply(database, BESIDE, folder=tmp_path)
    with database.transaction() as connection:
        (split,) = stored_rules(connection).splits
    assert set(split.shares) == set(read_shares(WEIGHTS.encode(), "weights.csv"))
    assert apply(database, export(database)) == ()


@pytest.mark.parametrize(
    ("typed", "instead", "message"),
    [
        ("Risk,1,,", "Rik,1,,", "weights.csv, line 3: Split 'Storage', share of 'Rik': team 'Rik' is no team"),
        ("Risk,1,,", "Risk,-1,,", "weights.csv, line 3: Split 'Storage', share of 'Risk': weight must be a number"),
        ("Risk,1,,", "Risk,,,", "weights.csv, line 3: Split 'Storage', share of 'Risk': weight is missing"),
        ("Risk,1,,", "Risk,one,,", "weights.csv, line 3: splits[0].shares[1].weight must be a valid decimal, not one"),
        ("Risk,1,,", ",1,,", "weights.csv, line 3: splits[0].shares[1].team must be text, not None"),
        ("Risk,1,,", "Risk,1,1.4.26,", "weights.csv, line 3: splits[0].shares[1].valid_from must be a day such as"),
        ("Risk,1,,", "Risk,1", "weights.csv, line 3: it has 2 values instead of 4"),
        ("2026-04-01", "2026-05-01", "weights.csv, line 4: Split 'Storage': shares.team 'Finance' has no weight from"),
        ("2026-04-01", "2026-03-01", "weights.csv, line 4: Split 'Storage': shares.team 'Finance' has two shares from"),
    ],
)
def test_a_bad_row_of_the_table_is_refused_with_its_line_and_nothing_is_changed(
    filled: Database, tmp_path: Path, typed: str, instead: str, message: str
) -> None:
    assert WEIGHTS.count(typed) == 1
    (tmp_path / "weights.csv").write_text(WEIGHTS.replace(typed, instead))
    before = everything(filled)
    with pytest.raises(BadInput) as refusal:
        apply(filled, BESIDE, folder=tmp_path)
    assert refusal.value.message.startswith(f"{tmp_path}/{message}")
    assert everything(filled) == before


def test_the_table_must_be_there_and_must_be_all_there_is(tmp_path: Path) -> None:
    line = number(BESIDE, "weights_file")
    for text, folder, reason in (
        (BESIDE, tmp_path, "'weights.csv' cannot be read (No such file or directory)"),
        (BESIDE, None, "must be the name of a file beside this one, not weights.csv"),
        (BESIDE.replace("weights.csv", "[]"), tmp_path, "must be the name of a file beside this one, not []"),
        (BESIDE.replace("weights.csv", "a.csv\n    shares: []"), tmp_path, "'a.csv' cannot stand beside shares"),
    ):
        with pytest.raises(BadInput) as refusal:
            read_rules(text.encode(), "rules.yaml", folder=folder)
        assert refusal.value.message == f"rules.yaml, line {line}: splits[0].weights_file {reason}."


def test_a_table_on_its_own_names_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        read_shares(WEIGHTS.replace("Risk,1", "Risk,one").encode(), "upload.csv")
    assert refusal.value.message == "upload.csv, line 3: weight must be a valid decimal, not one."


# --- any document


# Without letters that are one to some and two to others.
_letters = st.characters(categories=("L", "M", "N", "P", "S"), exclude_characters="*\u212a\u0130\u1e9e")
_text = st.lists(st.text(_letters, min_size=1, max_size=6), min_size=1, max_size=2).map(" ".join) | st.sampled_from(
    ["0123", "yes", "null", "2026-01-01", "1e3", "- a: b", "#1", "%", '=HYPERLINK("x")', 'O\'Brien "R&D" 🚀', "夜間"]
)
_pattern = st.builds("{}{}".format, _text, st.sampled_from(["", "*"]))
_day = st.dates(date(2020, 1, 1), date(2030, 12, 31))
_validity_from_a_day = st.tuples(_day, st.none() | st.integers(0, 400)).map(
    lambda drawn: {
        "valid_from": drawn[0],
        "valid_to": None if drawn[1] is None else drawn[0] + timedelta(days=drawn[1]),
    }
)
_validity: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.builds(dict, valid_to=_day) | _validity_from_a_day


def _conditions(rule_type: str, fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"rule_type": st.just(rule_type), "conditions": st.fixed_dictionaries(fields)})


_patterns = st.lists(_pattern, min_size=1, max_size=3)
_simple = st.one_of(
    _conditions("workspace_match", {"workspaces": _patterns}),
    _conditions("product_match", {"products": _patterns}),
    _conditions("sku_match", {"skus": _patterns}),
    _conditions("job_match", {"jobs": _patterns}),
    _conditions("warehouse_match", {"warehouses": _patterns}),
    _conditions("user_match", {"users": _patterns}),
    _conditions("principal_domain_match", {"domains": _patterns}),
    _conditions("cluster_match", {"pattern": st.sampled_from(["etl-[0-9]+", "(a|b)-.*"])}),
    _conditions("tag_match", {"key": _text, "values": _patterns, "missing": st.booleans()}),
)
_claims = _simple | st.lists(_simple, min_size=1, max_size=3).map(
    lambda parts: {"rule_type": "all_of", "conditions": {"parts": parts}}
)
_numbers = st.decimals(0, 1_000, places=18, allow_nan=False, allow_infinity=False)


_mutes_that_are_over = st.dates(date(2020, 1, 1), date(2025, 12, 31)).map(
    lambda day: datetime.combine(day, time(8, 30, 0, 1), UTC)
)
_severities = st.sampled_from(["info", "warning", "critical"])
_channels = st.sampled_from(["slack", "slack:#finops", "email:m@northwind.example", "webhook:pager"])
#: Text that another YAML reader would take for something else, and what forms hand over.
_options = st.one_of(
    *(_text, _numbers, st.integers(), st.booleans(), st.lists(_text | st.booleans(), max_size=2)),
    st.sampled_from(
        ["0123", "-0", "1e5", "1_000", "0x1f", "22:00", "null", "~", "yes", "NaN", "Infinity", "1.50", "", "-"]
    ),
)


def _names(most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(_text, max_size=most, unique_by=str.casefold)


@st.composite
def documents(draw: st.DrawFn) -> RulesDocument:
    """Any document that may be applied."""
    teams = draw(st.lists(_text, min_size=1, max_size=4, unique_by=str.casefold))
    people = iter(draw(st.lists(st.integers(0, 999), min_size=8, max_size=8, unique=True)))
    optional = st.none() | _text

    def members() -> list[dict[str, Any]]:
        return [
            {"email": f"p{next(people)}@northwind.example", "role": draw(st.sampled_from(["owner", "member"]))}
            | draw(_validity)
            for _ in range(draw(st.integers(0, 2)))
        ]

    def shares(basis: str) -> list[dict[str, Any]]:
        if basis == "query_share":
            return []
        sharing = draw(st.lists(st.sampled_from(teams), min_size=1, unique=True))
        if basis == "fixed":
            weight = Decimal(100) / 2 ** (len(sharing) - 1)
            return [{"team": team, "weight": weight} for team in sharing[1:]] + [
                {"team": sharing[0], "weight": 100 - weight * (len(sharing) - 1)}
            ]
        return [{"team": team, "weight": draw(_numbers) + 1 if basis == "weights" else None} for team in sharing]

    def claim() -> dict[str, Any]:
        more = {"priority": draw(st.integers(0, 200)), "is_active": draw(st.booleans()), "note": draw(optional)}
        return draw(_claims) | more | draw(_validity)

    def split(name: str) -> dict[str, Any]:
        basis = draw(st.sampled_from(["fixed", "even", "direct_spend", "query_share", "weights"]))
        idle = draw(st.sampled_from(["share", "leave"])) if basis == "query_share" else "share"
        return {"name": name, "basis": basis, "idle": idle, "shares": shares(basis)} | claim()

    return RulesDocument.model_validate(
        {
            "version": 1,
            "teams": [
                {
                    "name": team,
                    "parent": draw(st.none() | st.sampled_from(teams[:index])) if index else None,
                    "department": draw(optional),
                    "cost_center": draw(optional),
                    "manager_email": draw(st.none() | st.just("m@northwind.example")),
                    "tag_patterns": draw(
                        st.dictionaries(_text, st.lists(_pattern, min_size=1, max_size=2), max_size=2)
                    ),
                    "members": members(),
                }
                for index, team in enumerate(teams)
            ],
            "rules": [{"name": name, "team": draw(st.sampled_from(teams))} | claim() for name in draw(_names(4))],
            "splits": [split(name) for name in draw(_names(3))],
            "price_adjustments": [
                {"sku_pattern": pattern, draw(st.sampled_from(["percentage", "fixed_rate"])): draw(st.integers(0, 99))}
                | draw(_validity_from_a_day)
                | {"note": draw(optional)}
                for pattern in draw(_names(3))
            ],
            "budgets": [
                {
                    "name": name,
                    "scope_type": "tag",
                    "scope": f"budget={number}",
                    "period": draw(st.sampled_from(["month", "quarter", "year"])),
                    "starts_on": draw(st.none() | _day.map(lambda day: day.replace(day=1))),
                    "amount": draw(st.decimals("0.01", 1_000_000, places=2)),
                    "thresholds": sorted(draw(st.sets(st.integers(1, 500), max_size=6))),
                    "projected_threshold": draw(st.none() | st.integers(1, 500)),
                    "owner": draw(optional),
                    "recipients": draw(_names(2)),
                    "is_active": draw(st.booleans()),
                }
                for number, name in enumerate(draw(_names(3)))
            ],
            "alerts": [
                {
                    "name": name,
                    "alert_type": draw(_text),
                    "threshold_value": draw(st.none() | _numbers),
                    "notification_channels": draw(st.lists(_channels | st.just("routed"), max_size=2, unique=True)),
                    "cooldown_minutes": draw(st.integers(0, 10_080)),
                    "is_active": draw(st.booleans()),
                    "options": draw(st.dictionaries(_text, _options, max_size=3)),
                    "severity": draw(_severities),
                    "owner": draw(st.none() | st.just("m@northwind.example")),
                    "muted_until": draw(st.none() | _mutes_that_are_over),
                    # Without it an alert keeps the day that is stored.
                    "watches_from": draw(_day),
                }
                | draw(st.sampled_from([{}, {"quiet_from": "22:00", "quiet_until": "06:30"}]))
                | draw(st.sampled_from([{}, *({"scope_type": "team", "scope": team} for team in teams)]))
                for name in draw(_names(3))
            ],
            "alert_routes": draw(
                st.lists(
                    st.fixed_dictionaries(
                        {"minimum_severity": _severities, "channel": _channels},
                        optional={"team": st.sampled_from(teams)},
                    ),
                    max_size=2,
                    unique_by=str,
                )
            ),
        }
    )


@pytest.fixture(scope="module")
def shared_database(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with another_database(postgres_server, template=migrated_template) as url:
        yield Database(url)


@settings(deadline=None, max_examples=40)
@given(documents())
def test_the_text_of_any_document_reads_back_as_the_document(document: RulesDocument) -> None:
    text = rules_text(document)
    assert file_of(text).document == document
    assert rules_text(file_of(text).document) == text


@settings(deadline=None, max_examples=25)
@given(first=documents(), second=documents())
def test_whatever_was_there_a_file_makes_it_the_same_and_exports_the_same_bytes(
    shared_database: Database, first: RulesDocument, second: RulesDocument
) -> None:
    alone = _applied(shared_database, second)
    assert _applied(shared_database, first, second) == alone
    assert _applied(shared_database, file_of(alone).document) == alone
    with shared_database.transaction() as connection:
        file = file_of(rules_text(second))
        apply_rules(connection, file, "nina", identities=CLEAR)
        assert planned_changes(connection, file, identities=CLEAR) == ()
        connection.rollback()


def _applied(database: Database, *documents: RulesDocument) -> str:
    """What is exported once these were applied one after the other; nothing of it stays."""
    with database.transaction() as connection:
        for document in documents:
            apply_rules(connection, file_of(rules_text(document)), "nina", identities=CLEAR)
        text = rules_text(stored_rules(connection))
        connection.rollback()
    return text
