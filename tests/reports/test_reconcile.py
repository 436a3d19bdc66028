"""Our months against a file: equal where nothing differs, and otherwise causes that add up to the difference."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.errors import BadInput
from costpulse_assets.reports import focus
from costpulse_assets.reports.invoice_file import Columns, FileMapping, read_invoice
from costpulse_assets.reports.reconcile import CAUSES, Reconciliation, reconcile
from costpulse_assets.reports.report_request import ReportRequest
from costpulse_assets.resources.database import Database
from tests.conftest import database
from tests.pipeline import pretend_today
from tests.small_account import JOBS_SKU, SmallAccount, collect_days, small_account

JUNE = [date(2026, 6, day) for day in (1, 2, 30)]
SQL_SKU = "PREMIUM_SQL_COMPUTE"
INVOICE = FileMapping(
    columns=Columns(month="Month", sku="SKU", workspace="Workspace", quantity="DBUs", amount="Net", currency="Currency")
)
HEADING = "Month,SKU,Workspace,DBUs,Net,Currency\n"

Compare = Callable[..., Reconciliation]


def bill(account: SmallAccount) -> None:
    """June: 30 DBUs of jobs at 0.15 in two workspaces, some recorded in July, and SQL without a price."""
    account.add_usage("10.123456789", day=JUNE[0])
    account.add_usage("5", day=JUNE[1], workspace="1002")
    account.add_usage("4.876543211", day=JUNE[2])
    account.add_usage("10", day=JUNE[2], ingested=date(2026, 7, 4))


@pytest.fixture
def compare(database_url: str, tmp_path: Path) -> Compare:
    """Collects an account and compares it with the text of a file."""
    database = Database(database_url)

    def run(
        text: str,
        *,
        mapping: FileMapping | None = INVOICE,
        fill: Callable[[SmallAccount], None] = bill,
        prepare: str | None = None,
        as_of: date = date(2026, 8, 1),
        **rates: Decimal,
    ) -> Reconciliation:
        path = tmp_path / "invoice.csv"
        path.write_text(text)
        with database.transaction() as connection:
            if prepare:
                connection.execute(prepare.encode())
        with small_account() as account:
            fill(account)
            collect_days(database, account, *[date(2026, 6, day) for day in range(1, 31)])
        with database.transaction() as connection:
            found = reconcile(connection, read_invoice(path, mapping), as_of=as_of, rates=rates)
        for row in (*found.rows, found.totals):
            assert sum(row.parts.values()) == row.difference == row.file_value - row.our_value
        return found

    return run


def parts(found: Reconciliation) -> dict[tuple[str | None, str | None], dict[str, Decimal]]:
    """SKU and workspace -> causes, of the rows that differ."""
    return {(row.sku_name, row.workspace_id): row.parts for row in found.rows if row.parts}


def rows(*lines: str) -> str:
    return HEADING + "".join(f"2026-06,{line}\n" for line in lines)


EQUAL = rows(f"{JOBS_SKU},1001,25,3.75,USD", f"{JOBS_SKU},1002,5,0.75,USD")


def test_an_equal_bill_differs_by_nothing(compare):
    found = compare(EQUAL)
    assert parts(found) == {}
    assert (found.totals.file_value, found.totals.our_value) == (Decimal("4.5"), Decimal("4.5"))
    assert [(month.first_day, month.last_day, month.collected_days) for month in found.months] == [
        (date(2026, 6, 1), date(2026, 6, 30), 30)
    ]


def test_rows_that_were_rounded_to_cents_differ_by_rounding_and_no_more(compare):
    split = rows(
        *[f"{JOBS_SKU},1001,,{cents},USD" for cents in ("1.52", "0.73", "1.49")], f"{JOBS_SKU},1002,5,0.75,USD"
    )
    assert parts(compare(split)) == {(JOBS_SKU, "1001"): {"rounding": Decimal("-0.01")}}
    more = split.replace("1.49", "1.47")
    assert parts(compare(more)) == {(JOBS_SKU, "1001"): {"not_explained": Decimal("-0.03")}}


def test_usage_that_was_recorded_after_the_file_is_late(compare):
    early = rows(f"{JOBS_SKU},1001,15,2.25,USD", f"{JOBS_SKU},1002,5,0.75,USD")
    found = compare(early, as_of=date(2026, 7, 3))
    assert parts(found) == {(JOBS_SKU, "1001"): {"late_rows": Decimal("-1.5")}}
    assert list(parts(compare(early, as_of=date(2026, 7, 4)))[JOBS_SKU, "1001"]) == ["not_explained"]
    # recorded later, yet in the file: no cause of anything
    assert parts(compare(EQUAL, as_of=date(2026, 7, 3))) == {}


def test_what_has_no_price_with_us_explains_what_the_file_charges_for_it(compare):
    def fill(account):
        bill(account)
        account.add_usage("7", sku=SQL_SKU)

    found = compare(EQUAL + f"2026-06,{SQL_SKU},1001,7,1.54,USD\n", fill=fill)
    assert parts(found) == {(SQL_SKU, "1001"): {"unpriced": Decimal("1.54")}}


@pytest.mark.parametrize(
    ("ours", "file"),
    [
        # we have a discount that the file, at list price, does not show
        (-10, rows(f"{JOBS_SKU},1001,,3.75,USD", f"{JOBS_SKU},1002,,0.75,USD")),
        # the file has a discount that nobody typed in
        (None, rows(f"{JOBS_SKU},1001,25,3.00,USD", f"{JOBS_SKU},1002,5,0.60,USD")),
        # both have one, and not the same
        (-10, rows(f"{JOBS_SKU},1001,25,3.00,USD", f"{JOBS_SKU},1002,5,0.60,USD")),
    ],
)
def test_the_same_usage_at_another_discount_is_a_discount(compare, ours, file):
    adjustment = (
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) values ('*', {}, '2026-01-01')"
    )
    found = compare(file, prepare=adjustment.format(ours) if ours else None)
    assert {tuple(causes) for causes in parts(found).values()} == {("discount",)}
    assert found.totals.discount == found.totals.difference != 0


def test_more_than_the_list_price_is_no_discount(compare):
    found = compare(rows(f"{JOBS_SKU},1001,25,4.00,USD", f"{JOBS_SKU},1002,5,0.75,USD"))
    assert parts(found) == {(JOBS_SKU, "1001"): {"not_explained": Decimal("0.25")}}
    assert found.totals.not_explained_count == 1


def test_a_list_amount_of_the_file_tells_a_discount_from_a_difference_of_usage(compare):
    mapping = INVOICE.model_copy(
        update={"columns": Columns(month="Month", sku="SKU", list_amount="List", discount="Off")}
    )
    heading = "Month,SKU,List,Off\n"
    assert parts(compare(f"{heading}2026-06,{JOBS_SKU},4.50,0.45\n", mapping=mapping)) == {
        (JOBS_SKU, None): {"discount": Decimal("-0.45")}
    }
    assert parts(compare(f"{heading}2026-06,{JOBS_SKU},5.50,0.45\n", mapping=mapping)) == {
        (JOBS_SKU, None): {"not_explained": Decimal("0.55")}
    }


def test_a_workspace_of_one_side_is_named_as_missing(compare):
    found = compare(rows(f"{JOBS_SKU},1001,25,3.75,USD", f"{JOBS_SKU},elsewhere,9,1.35,USD"))
    assert parts(found) == {
        (JOBS_SKU, "1002"): {"missing_workspace": Decimal("-0.75")},
        (JOBS_SKU, "elsewhere"): {"missing_workspace": Decimal("1.35")},
    }


def test_workspaces_may_be_called_by_name_and_account_level_usage_by_nothing(compare):
    def fill(account):
        bill(account)
        account.add_usage("2", workspace=None)

    prepare = "insert into costpulse.workspaces (workspace_id, name) values ('1001', 'Prod'), ('1002', 'Dev')"
    text = rows(f"{JOBS_SKU},PROD,25,3.75,USD", f"{JOBS_SKU},1002,5,0.75,USD", f"{JOBS_SKU},0,2,0.3,USD")
    found = compare(text, fill=fill, prepare=prepare)
    assert parts(found) == {}
    assert {row.workspace for row in found.rows} == {"Prod", "Dev", None}


def test_other_currencies_are_named_and_converted_only_at_a_given_rate(compare):
    text = rows(f"{JOBS_SKU},1001,25,3.00,EUR", f"{JOBS_SKU},1002,5,0.75,USD")
    found = compare(text)
    assert parts(found) == {(JOBS_SKU, "1001"): {"currency": Decimal("-3.75")}}
    assert [(each.currency, each.amount) for each in found.not_converted] == [("EUR", Decimal(3))]
    converted = compare(text, EUR=Decimal("1.25"))
    assert parts(converted) == {}
    assert converted.not_converted == []


def test_a_usage_download_is_compared_by_quantity_over_its_days(compare):
    def fill(account):
        bill(account)
        account.add_usage("100", unit="GB", sku="STORAGE")

    download = (
        "workspaceId,timestamp,clusterId,sku,dbus,machineHours\n"
        f"1001,2026-06-01T03:59:59.999Z,c,{JOBS_SKU},10.123456789,1\n"
        f"1002,2026-06-02T03:59:59.999Z,c,{JOBS_SKU},5,1\n"
    )
    found = compare(download, mapping=None, fill=fill)
    assert (found.measure, parts(found)) == ("quantity", {})
    assert (found.months[0].first_day, found.months[0].last_day) == (date(2026, 6, 1), date(2026, 6, 2))
    assert found.totals.our_value == Decimal("15.123456789")
    wrong = compare(download.replace("c,PREMIUM_JOBS_COMPUTE,5,", "c,PREMIUM_JOBS_COMPUTE,6,"), mapping=None, fill=fill)
    assert parts(wrong) == {(JOBS_SKU, "1002"): {"not_explained": Decimal(1)}}


def test_without_sku_or_workspace_it_is_compared_as_a_whole(compare):
    mapping = FileMapping(columns=Columns(month="Month", amount="Net"))
    found = compare("Month,Net\n2026-06,5.00\n", mapping=mapping)
    assert parts(found) == {(None, None): {"not_explained": Decimal("0.5")}}


def test_a_month_that_was_never_collected_is_refused(compare):
    with pytest.raises(BadInput, match="CostPulse has collected no usage of 2025-01"):
        compare(HEADING + f"2025-01,{JOBS_SKU},1001,1,1,USD\n")


def exported(database: Database, month: date, last: date, path: Path, today: date) -> None:
    """Our own FOCUS file of a month."""
    request = ReportRequest(report_type="showback", format="focus", first_day=month, last_day=last)
    with database.transaction() as connection:
        connection.execute("set transaction isolation level repeatable read")
        now = datetime(2026, 9, 1, tzinfo=UTC)
        focus.export(connection, pretend_today(today), request, path, made_at=now)


def test_our_own_focus_file_differs_by_nothing_and_later_corrections_are_named(database_url, tmp_path):
    database = Database(database_url)
    june, july = tmp_path / "june.csv", tmp_path / "july.csv"

    def compared(path: Path) -> Reconciliation:
        with database.transaction() as connection:
            return reconcile(connection, read_invoice(path, None), as_of=date(2026, 9, 1))

    with small_account() as account:
        account.add_price("0.22", sku=SQL_SKU)
        account.add_usage("10.123456789", day=JUNE[0], workspace=None)
        account.add_usage("3.3", day=JUNE[2], sku=SQL_SKU, warehouse_id="w")
        account.add_usage("2", day=JUNE[2], sku="WITHOUT_PRICE")
        collect_days(database, account, *JUNE)
        exported(database, date(2026, 6, 1), date(2026, 6, 30), june, today=date(2026, 7, 1))
        assert parts(compared(june)) == {}
        assert compared(june).totals.our_value == Decimal("10.123456789") * Decimal("0.15") + Decimal("0.726")

        # June is closed on the day that is set; its correction is billed in July
        account.add_usage("-1", day=JUNE[0], ingested=date(2026, 7, 20), record_type="RETRACTION", workspace=None)
        account.add_usage("4", day=date(2026, 7, 3))
        collect_days(database, account, *JUNE, date(2026, 7, 3))
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.closed_periods (month, closed_at, closed_by) "
            "values ('2026-06-01', '2026-07-10', 'ada')"
        )
    exported(database, date(2026, 7, 1), date(2026, 7, 31), july, today=date(2026, 8, 1))
    assert parts(compared(june)) == {(JOBS_SKU, None): {"late_rows": Decimal("0.15")}}
    assert parts(compared(july)) == {(JOBS_SKU, None): {"earlier_months": Decimal("-0.15")}}


@pytest.fixture(scope="module")
def module_database(postgres_server: str, migrated_template: str) -> Any:
    with database(postgres_server, template=migrated_template) as url:
        filled = Database(url)
        with small_account() as account:
            bill(account)
            account.add_usage("7", sku=SQL_SKU)
            account.add_usage("1", workspace=None)
            collect_days(filled, account, *JUNE)
        yield filled


_ROWS = st.lists(
    st.tuples(
        st.sampled_from([JOBS_SKU, SQL_SKU, "OTHER", ""]),
        st.sampled_from(["1001", "1002", "x", ""]),
        st.decimals(-50, 50, places=9),
        st.decimals(-50, 50, places=2),
        st.sampled_from(["USD", "EUR", "JPY", ""]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=_ROWS, as_of=st.dates(date(2026, 6, 1), date(2026, 8, 1)))
def test_causes_add_up_to_the_difference_whatever_the_file_holds(module_database, tmp_path, lines, as_of):
    path = tmp_path / "any.csv"
    path.write_text(HEADING + "".join(f"2026-06,{','.join(map(str, line))}\n" for line in lines))
    with module_database.transaction() as connection:
        found = reconcile(connection, read_invoice(path, INVOICE), as_of=as_of, rates={"EUR": Decimal("1.1")})
        ours = connection.execute("select sum(cost_usd) as cost from costpulse.cost_records").fetchone()
    for row in found.rows:
        assert sum(getattr(row, cause) for cause in CAUSES) == row.difference == row.file_value - row.our_value
    rates = {"USD": Decimal(1), "": Decimal(1), "EUR": Decimal("1.1"), "JPY": Decimal(0)}
    assert found.totals.file_value == sum(net * rates[currency] for _, _, _, net, currency in lines)
    assert found.totals.our_value == ours["cost"]
