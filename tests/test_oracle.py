"""The oracle itself, against small cases worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.oracle import Totals, expected_daily_costs

DAY = date(2026, 11, 1)
KEY = (DAY, "1", "JOBS", "JOBS")


def usage(quantity: str = "1", **changes: Any) -> dict[str, Any]:
    return {
        "account_id": "a",
        "workspace_id": "1",
        "cloud": "AWS",
        "sku_name": "JOBS",
        "usage_unit": "DBU",
        "usage_type": "COMPUTE_TIME",
        "usage_date": DAY,
        "ingestion_date": DAY,
        "record_type": "ORIGINAL",
        "usage_start_time": datetime(2026, 11, 1, 10, tzinfo=UTC),
        "usage_quantity": Decimal(quantity),
        "billing_origin_product": "JOBS",
        "product_features": None,
        "usage_metadata": None,
        "identity_metadata": None,
        "custom_tags": None,
    } | changes


def price(rate: str | None = "0.15", start: int = 1, end: int | None = None, **changes: Any) -> dict[str, Any]:
    """A list price valid from the first day of month `start` of 2026 until that of month `end`."""
    return {
        "cloud": "AWS",
        "sku_name": "JOBS",
        "usage_unit": "DBU",
        "currency_code": "USD",
        "price_start_time": datetime(2026, start, 1, tzinfo=UTC),
        "price_end_time": None if end is None else datetime(2026, end, 1, tzinfo=UTC),
        "pricing": {
            "default": None if rate is None else Decimal(rate),
            "effective_list": None,
        },
    } | changes


def adjustment(pattern: str, id: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "sku_pattern": pattern,
        "percentage": None,
        "fixed_rate": None,
        "valid_from": date(2026, 1, 1),
        "valid_to": None,
    } | changes


def only(answer: dict[Any, Totals]) -> Totals:
    (totals,) = answer.values()
    return totals


def test_a_row_costs_its_quantity_times_the_list_price() -> None:
    answer = expected_daily_costs([usage("2.5")], [price("0.15")], [])
    assert answer == {
        KEY: Totals(
            quantity=Decimal("2.5"),
            dbus=Decimal("2.5"),
            list_cost=Decimal("0.375"),
            cost=Decimal("0.375"),
            unpriced_quantity=Decimal(0),
            records=1,
        )
    }


def test_corrections_are_netted_but_keep_their_own_record() -> None:
    rows = [usage("2"), usage("-2", record_type="RETRACTION"), usage("1.5", record_type="RESTATEMENT")]
    totals = only(expected_daily_costs(rows, [price("0.1")], []))
    assert (totals.quantity, totals.cost, totals.records) == (Decimal("1.5"), Decimal("0.15"), 3)


def test_money_is_rounded_once_per_record_not_per_raw_row() -> None:
    # 0.1 x 6e-18 is 6e-19 and rounds up to 1e-18; two of them in one record are 1.2e-18 and round to 1e-18.
    tiny = price("0.000000000000000006")
    assert only(expected_daily_costs([usage("0.1"), usage("0.1")], [tiny], [])).cost == Decimal("1e-18")
    two_records = [usage("0.1"), usage("0.1", ingestion_date=date(2026, 11, 2))]
    assert only(expected_daily_costs(two_records, [tiny], [])).cost == Decimal("2e-18")


def test_a_half_is_rounded_away_from_zero_for_both_signs() -> None:
    half = price("0.000000000000000005")
    assert only(expected_daily_costs([usage("0.1")], [half], [])).cost == Decimal("1e-18")
    assert only(expected_daily_costs([usage("-0.1")], [half], [])).cost == Decimal("-1e-18")


def test_large_amounts_keep_every_digit() -> None:
    quantity = "12345678901234567890.123456789012345678"
    totals = only(expected_daily_costs([usage(quantity)], [price("3")], []))
    assert totals.cost == Decimal("37037036703703703670.370370367037037034")


@pytest.mark.parametrize(
    "difference",
    [
        {"usage_metadata": {"cluster_id": "c"}},
        {"usage_metadata": {"warehouse_id": "w"}},
        {"usage_metadata": {"notebook_id": "n"}},
        {"usage_metadata": {"uc_table_name": "t", "uc_table_schema": "s"}},
        {"usage_metadata": {"source_region": "eu", "destination_region": "us"}},
        {"identity_metadata": {"run_as": "a@example.com"}},
        {"custom_tags": [("team", "blue")]},
        {"custom_tags": [("team", None)]},
        {"product_features": {"is_serverless": False}},
        {"usage_type": "API_CALLS"},
        {"account_id": "b"},
    ],
)
def test_whatever_cost_can_be_attributed_by_makes_a_record_of_its_own(difference: dict[str, Any]) -> None:
    assert only(expected_daily_costs([usage(), usage(**difference)], [price()], [])).records == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"custom_tags": [("a", "1"), ("b", "2")]}, {"custom_tags": [("b", "2"), ("a", "1")]}),
        ({"custom_tags": []}, {"custom_tags": None}),
        ({"usage_metadata": {"job_name": "old"}}, {"usage_metadata": {"job_name": "new"}}),
        (
            {"usage_metadata": {"notebook_id": "n", "app_id": "x"}},
            {"usage_metadata": {"notebook_id": "n", "app_id": "y"}},
        ),
        (
            {"identity_metadata": {"run_as": "a", "owned_by": "x", "created_by": None}},
            {"identity_metadata": {"run_as": "a", "owned_by": "y", "created_by": "z"}},
        ),
    ],
)
def test_what_attribution_does_not_look_at_does_not_split_a_record(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert only(expected_daily_costs([usage(**one), usage(**other)], [price()], [])).records == 1


def test_who_ran_it_and_who_created_it_are_different_evidence_for_the_same_user() -> None:
    ran = usage(identity_metadata={"run_as": "a", "owned_by": None, "created_by": None})
    created = usage(identity_metadata={"run_as": None, "owned_by": None, "created_by": "a"})
    assert only(expected_daily_costs([ran, created], [price()], [])).records == 2


def test_the_product_says_serverless_and_unknown() -> None:
    rows = [
        usage(product_features={"is_serverless": True}),
        usage(billing_origin_product=None),
        usage(billing_origin_product=None, product_features={"is_serverless": True}),
    ]
    products = [key[3] for key in expected_daily_costs(rows, [price()], [])]
    assert products == ["JOBS_SERVERLESS", "UNKNOWN", "UNKNOWN_SERVERLESS"]


def test_usage_without_workspace_is_a_group_of_its_own() -> None:
    answer = expected_daily_costs([usage(), usage(workspace_id=None)], [price()], [])
    assert set(answer) == {KEY, (DAY, None, "JOBS", "JOBS")}


def test_only_dbus_count_as_dbus() -> None:
    rows = [usage("3", usage_unit="GB")]
    totals = only(expected_daily_costs(rows, [price("2", usage_unit="GB")], []))
    assert (totals.quantity, totals.dbus, totals.cost) == (Decimal(3), None, Decimal(6))


def test_a_price_window_is_half_open() -> None:
    prices = [price("1", 1, 11), price("2", 11)]
    before = datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert only(expected_daily_costs([usage(usage_start_time=before)], prices, [])).cost == Decimal(1)
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert only(expected_daily_costs([usage(usage_start_time=at)], prices, [])).cost == Decimal(2)


def test_a_price_change_within_the_day_gives_two_records_of_one_group() -> None:
    noon = price("2", price_start_time=datetime(2026, 11, 1, 12, tzinfo=UTC))
    rows = [usage("1"), usage("1", usage_start_time=datetime(2026, 11, 1, 12, tzinfo=UTC))]
    totals = only(expected_daily_costs(rows, [price("1"), noon], []))
    assert (totals.cost, totals.records) == (Decimal(3), 2)


def test_where_windows_overlap_the_newer_one_is_in_force() -> None:
    prices = [price("1", 1, 12), price("2", 10)]
    assert only(expected_daily_costs([usage()], prices, [])).cost == Decimal(2)


def test_two_prices_from_the_same_moment_have_no_right_answer() -> None:
    with pytest.raises(ValueError, match="same moment"):
        expected_daily_costs([usage()], [price("1"), price("2")], [])


def test_the_effective_list_price_goes_before_the_default() -> None:
    both = price(pricing={"default": Decimal(1), "effective_list": {"default": Decimal(2)}})
    assert only(expected_daily_costs([usage()], [both], [])).cost == Decimal(2)
    empty = price(pricing={"default": Decimal(1), "effective_list": {"default": None}})
    assert only(expected_daily_costs([usage()], [empty], [])).cost == Decimal(1)
    text = price(pricing={"default": "0.15", "effective_list": None})
    assert only(expected_daily_costs([usage()], [text], [])).cost == Decimal("0.15")


@pytest.mark.parametrize(
    "unusable",
    [
        price(sku_name="OTHER"),
        price(cloud="AZURE"),
        price(usage_unit="GB"),
        price(currency_code="EUR"),
        price("1", 1, 11),
        price("1", 12),
        price(None),
    ],
    ids=["sku", "cloud", "unit", "currency", "ended", "not yet", "no rate"],
)
def test_usage_without_a_price_is_counted_and_never_guessed(unusable: dict[str, Any]) -> None:
    totals = only(expected_daily_costs([usage("4")], [unusable], []))
    assert totals == Totals(Decimal(4), Decimal(4), None, None, Decimal(4), 1)


def test_a_priced_record_beside_an_unpriced_one_is_still_summed() -> None:
    rows = [usage("4"), usage("1", cloud="AZURE")]
    totals = only(expected_daily_costs(rows, [price("1")], []))
    assert (totals.cost, totals.unpriced_quantity) == (Decimal(4), Decimal(1))


def test_a_percentage_changes_the_cost_and_leaves_the_list_cost() -> None:
    discount = adjustment("JOBS", percentage=Decimal("-12.5"))
    totals = only(expected_daily_costs([usage("2")], [price("0.4")], [discount]))
    assert (totals.list_cost, totals.cost) == (Decimal("0.8"), Decimal("0.7"))


def test_the_effective_rate_is_rounded_before_it_is_multiplied() -> None:
    # 5e-18 less 10 % is 4.5e-18, rounded to 5e-18; without that rounding 10 x 4.5e-18 would be 45e-18.
    tenth = adjustment("JOBS", percentage=Decimal("-10"))
    totals = only(expected_daily_costs([usage("10")], [price("0.000000000000000005")], [tenth]))
    assert totals.cost == Decimal("50e-18")


def test_a_fixed_rate_replaces_the_list_price_and_prices_what_has_none() -> None:
    fixed = adjustment("jobs", fixed_rate=Decimal("0.1"))
    totals = only(expected_daily_costs([usage("3")], [price("0.4")], [fixed]))
    assert (totals.list_cost, totals.cost) == (Decimal("1.2"), Decimal("0.3"))
    totals = only(expected_daily_costs([usage("3")], [], [fixed]))
    assert (totals.list_cost, totals.cost, totals.unpriced_quantity) == (None, Decimal("0.3"), Decimal(0))


def test_a_percentage_of_nothing_is_still_no_price() -> None:
    totals = only(expected_daily_costs([usage("3")], [], [adjustment("*", percentage=Decimal("-10"))]))
    assert (totals.cost, totals.unpriced_quantity) == (None, Decimal(3))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("JOBS", True),
        ("jobs", True),
        ("*", True),
        ("J*S", True),
        ("*OB*", True),
        ("JOB", False),
        ("OBS", False),
        ("JOB?", False),
        ("J_BS", False),
        ("J%", False),
        ("JO[B]S", False),
        ("J.BS", False),
    ],
)
def test_only_the_star_is_special_in_a_pattern(pattern: str, matches: bool) -> None:
    free = adjustment(pattern, fixed_rate=Decimal(0))
    assert only(expected_daily_costs([usage()], [price("1")], [free])).cost == (0 if matches else 1)


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "applies"),
    [
        (date(2026, 11, 1), None, True),
        (date(2026, 11, 2), None, False),
        (date(2026, 1, 1), date(2026, 11, 2), True),
        (date(2026, 1, 1), date(2026, 11, 1), False),
    ],
)
def test_the_validity_of_an_adjustment_is_half_open(valid_from: date, valid_to: date | None, applies: bool) -> None:
    free = adjustment("*", fixed_rate=Decimal(0), valid_from=valid_from, valid_to=valid_to)
    assert only(expected_daily_costs([usage()], [price("1")], [free])).cost == (0 if applies else 1)


def test_the_longest_literal_part_wins_and_then_the_lowest_id() -> None:
    def cost(*adjustments: dict[str, Any]) -> Decimal | None:
        return only(expected_daily_costs([usage()], [price("1")], adjustments)).cost

    two = adjustment("J*", 1, fixed_rate=Decimal(2))
    three = adjustment("JO**", 3, fixed_rate=Decimal(3))
    four = adjustment("*BS", 2, fixed_rate=Decimal(4))
    assert cost(two, three) == 3
    assert cost(two, three, four) == 4
    assert cost(adjustment("*", 1, fixed_rate=Decimal(5)), two) == 2


def test_adjustments_do_not_add_up() -> None:
    both = [adjustment("*", 1, percentage=Decimal(-50)), adjustment("J*", 2, percentage=Decimal(-10))]
    assert only(expected_daily_costs([usage()], [price("1")], both)).cost == Decimal("0.9")
