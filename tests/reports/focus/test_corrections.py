"""Which month a record is billed in, and that the file of a closed month stays as it was."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from costpulse_assets.errors import FocusInvalid
from tests.reports.focus.bill import NOVEMBER, OCTOBER, SKU, Bill

END = date(2026, 12, 31)


def months(bill: Bill, target: Path, **options: Any) -> dict[str, Path]:
    """The files of October to December by month."""
    bill.export(target, OCTOBER, END, **options)
    folder = target / "focus" / options.get("version", "1.3")
    return {path.parent.name.removeprefix("billing_period="): path for path in folder.glob("*/*.parquet")}


def charges(path: Path) -> list[tuple[Any, ...]]:
    """Day, class, record type and quantity of each charge."""
    return [
        (row["ChargePeriodStart"].date(), row["ChargeClass"], row["x_RecordType"], row["PricingQuantity"].normalize())
        for row in pq.read_table(path).to_pylist()
    ]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def restate(bill: Bill, day: date, before: str, after: str, ingested: date) -> None:
    bill.cost(f"-{before}", day, record_type="RETRACTION", ingested=ingested)
    bill.cost(after, day, record_type="RESTATEMENT", ingested=ingested)


def test_in_an_open_month_corrections_are_netted(bill: Bill, tmp_path: Path) -> None:
    day = date(2026, 10, 5)
    bill.cost("4", day)
    restate(bill, day, "4", "3", date(2026, 10, 9))
    gone = bill.key(job_id="2")
    bill.cost("1", day, gone)
    bill.cost("-1", day, gone, record_type="RETRACTION", ingested=date(2026, 10, 9))

    bill.export(tmp_path / "october.parquet")

    assert charges(tmp_path / "october.parquet") == [(day, None, None, Decimal(3))]


def test_what_comes_after_the_closing_is_a_correction_of_the_month_that_is_open_then(
    bill: Bill, tmp_path: Path
) -> None:
    day = date(2026, 10, 5)
    bill.cost("4", day)
    bill.close(OCTOBER, noon(date(2026, 11, 8)))
    before = months(bill, tmp_path / "before")["2026-10"].read_bytes()
    restate(bill, day, "4", "3", date(2026, 11, 20))
    bill.cost("0.5", day, bill.key(job_id="late"), ingested=date(2026, 11, 21))

    files = months(bill, tmp_path / "after")

    assert files["2026-10"].read_bytes() == before
    assert sorted(charges(files["2026-11"])) == [
        (day, "Correction", "ORIGINAL", Decimal("0.5")),
        (day, "Correction", "RESTATEMENT", Decimal(3)),
        (day, "Correction", "RETRACTION", Decimal(-4)),
    ]
    assert charges(files["2026-12"]) == []


def test_a_correction_goes_to_the_earliest_month_that_was_open_on_its_day(bill: Bill, tmp_path: Path) -> None:
    """November was closed on 9 December: what came on the 5th is on its bill, what came on the 9th is not."""
    day = date(2026, 10, 5)
    bill.cost("4", day)
    bill.close(OCTOBER, noon(date(2026, 11, 8)))
    bill.close(NOVEMBER, noon(date(2026, 12, 9)))
    bill.cost("1", day, ingested=date(2026, 12, 5))
    bill.cost("2", day, ingested=date(2026, 12, 9))

    files = months(bill, tmp_path / "focus")

    assert charges(files["2026-11"]) == [(day, "Correction", "ORIGINAL", Decimal(1))]
    assert charges(files["2026-12"]) == [(day, "Correction", "ORIGINAL", Decimal(2))]


def test_files_of_closed_months_never_change_again(bill: Bill, tmp_path: Path) -> None:
    day = date(2026, 10, 5)
    bill.cost("4", day, job_name="old")
    bill.cost("1", date(2026, 11, 3))
    bill.close(OCTOBER, noon(date(2026, 11, 8)))
    restate(bill, day, "4", "3", date(2026, 11, 20))
    bill.allocate(bill.key(), day, {1: "1"})
    bill.close(NOVEMBER, noon(date(2026, 12, 9)))
    before = {month: path.read_bytes() for month, path in months(bill, tmp_path / "before").items()}

    restate(bill, day, "3", "7", date(2026, 12, 10))
    restate(bill, date(2026, 11, 3), "1", "2", date(2026, 12, 10))
    bill.cost("6", date(2026, 12, 1))
    bill.execute("update costpulse.teams set name = 'Data and AI' where id = 1")
    after = {month: path.read_bytes() for month, path in months(bill, tmp_path / "after").items()}

    assert {month for month in before if before[month] != after[month]} == {"2026-12"}


def test_a_closing_taken_back_opens_the_month_again(bill: Bill, tmp_path: Path) -> None:
    day = date(2026, 10, 5)
    bill.cost("4", day)
    bill.close(OCTOBER, noon(date(2026, 11, 8)))
    restate(bill, day, "4", "3", date(2026, 11, 20))
    bill.execute("update costpulse.closed_periods set reopened_at = %s, reopened_by = 'ada'", noon(date(2026, 11, 25)))

    files = months(bill, tmp_path / "focus")

    assert charges(files["2026-10"]) == [(day, None, None, Decimal(3))]
    assert charges(files["2026-11"]) == []


@pytest.mark.parametrize(
    ("close_day", "today", "billed"),
    [
        # Nobody closes: all months are open.
        (None, date(2026, 12, 20), "2026-10"),
        # October was over before CostPulse would have closed it: it was invoiced on 10 November.
        (10, date(2026, 12, 20), "2026-11"),
        # The newest month that is due is open until it is closed.
        (10, date(2026, 12, 9), "2026-10"),
        (10, date(2026, 12, 10), "2026-11"),
        # It came in time.
        (28, date(2026, 12, 28), "2026-10"),
    ],
)
def test_a_month_that_costpulse_never_closed_was_closed_on_the_day_of_the_setting(
    bill: Bill, tmp_path: Path, close_day: int | None, today: date, billed: str
) -> None:
    day = date(2026, 10, 5)
    bill.cost("4", day, ingested=date(2026, 11, 10))

    files = months(bill, tmp_path / "focus", today=today, close_month_on_day=close_day)

    assert [month for month, path in files.items() if charges(path)] == [billed]


def test_before_its_first_closing_the_day_of_the_setting_counts_and_after_it_the_closings(
    bill: Bill, tmp_path: Path
) -> None:
    october, november = date(2026, 10, 5), date(2026, 11, 5)
    bill.close(NOVEMBER, noon(date(2026, 12, 15)))
    bill.cost("1", october, ingested=date(2026, 11, 12))
    bill.cost("2", november, ingested=date(2026, 12, 12))

    files = months(bill, tmp_path / "focus", close_month_on_day=10)

    assert charges(files["2026-10"]) == []
    assert sorted(charges(files["2026-11"])) == [
        (october, "Correction", "ORIGINAL", Decimal(1)),
        (november, None, "ORIGINAL", Decimal(2)),
    ]


def test_a_month_closed_by_hand_on_its_last_day_sends_what_comes_on_that_day_to_the_next(
    bill: Bill, tmp_path: Path
) -> None:
    """What is ingested on the day of the closing may have come after it, and the file may not change."""
    day = date(2026, 10, 31)
    bill.cost("1", day, ingested=date(2026, 11, 8))
    bill.cost("2", day, ingested=date(2026, 11, 7))
    bill.close(OCTOBER, noon(date(2026, 11, 8)))

    files = months(bill, tmp_path / "focus")

    assert charges(files["2026-10"]) == [(day, None, "ORIGINAL", Decimal(2))]
    assert charges(files["2026-11"]) == [(day, "Correction", "ORIGINAL", Decimal(1))]


def test_a_retraction_of_what_never_came_is_not_published(bill: Bill, tmp_path: Path) -> None:
    bill.cost("-4", date(2026, 10, 5), record_type="RETRACTION")

    with pytest.raises(FocusInvalid, match=rf"PricingQuantity: only a correction is negative, 1 case .*{SKU}"):
        bill.export(tmp_path / "october.parquet")

    assert list(tmp_path.iterdir()) == []
