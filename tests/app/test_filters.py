from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costpulse_app.filters import PARAMETERS, RANGES, TOPS, Filters, View, drilled, tag_from_token, tag_to_token
from costpulse_assets.costs.spend import DIMENSIONS, NONE, Selection
from costpulse_assets.periods import Period

TEXT = st.text(min_size=1, max_size=12)
DAYS = st.dates(date(2024, 1, 1), date(2027, 1, 1))
PERIODS = st.builds(lambda first, length: Period(first, first + timedelta(days=length)), DAYS, st.integers(0, 90))


@st.composite
def filters(draw: st.DrawFn) -> Filters:
    chosen = draw(st.sampled_from(list(RANGES)))
    dimensions = draw(st.sets(st.sampled_from(list(PARAMETERS))))
    only = tuple(
        (name, tuple(draw(st.lists(TEXT, min_size=1, max_size=3, unique=True))))
        for name in PARAMETERS
        if name in dimensions
    )
    tags = tuple(draw(st.lists(st.tuples(TEXT, st.none() | st.text(max_size=8)), max_size=3, unique=True)))
    custom = draw(PERIODS) if chosen == "custom" else None
    return Filters(chosen, custom, Selection(only, tags), draw(st.sampled_from(["price", "list"])))


@given(filters())
def test_filters_survive_the_way_through_the_url(chosen: Filters) -> None:
    assert Filters.from_query(chosen.to_query()) == chosen


@given(
    st.sampled_from(list(DIMENSIONS)),
    TEXT,
    st.sampled_from(["day", "week", "month", "cumulative"]),
    st.sampled_from(["cost", "list", "dbu"]),
    st.sampled_from(["previous", "month", "none"]),
    st.sampled_from(TOPS),
)
def test_a_view_survives_the_way_through_the_url(by, key, shape, measure, compare, top) -> None:
    view = View(by, key if by == "tag" else "", shape, measure, compare, top)
    assert View.from_query(view.to_query()) == view


@given(TEXT, st.none() | st.text(max_size=12))
def test_a_tag_survives_the_way_through_the_url(key: str, value: str | None) -> None:
    assert tag_from_token(tag_to_token(key, value)) == (key, value)


def test_defaults_are_not_in_the_url() -> None:
    assert Filters().to_query() == {}
    assert View().to_query() == {}


@pytest.mark.parametrize(
    "query",
    [
        {"range": ["yesterday"]},
        {"range": ["custom"]},
        {"range": ["custom"], "period": ["2026-11-02", "2026-11-01"]},
        {"range": ["custom"], "period": ["2026-13-01", "x"]},
        {"range": ["custom"], "period": ["2026-11-01"]},
        {"range": ["custom"], "period": ["1900-01-01", "2026-11-01"]},
        {"basis": ["free"]},
        {"ws": [""]},
        {"tag": [""]},
        {"nonsense": ["1"]},
    ],
)
def test_what_is_not_valid_in_a_link_is_left_out(query: dict[str, list[str]]) -> None:
    assert Filters.from_query(query) == Filters()


@pytest.mark.parametrize(
    "query", [{"by": ["nothing"]}, {"bin": ["hour"]}, {"measure": ["love"]}, {"top": ["8"]}, {"key": ["x"]}]
)
def test_what_is_not_valid_in_a_view_is_left_out(query: dict[str, list[str]]) -> None:
    assert View.from_query(query) == View()


@pytest.mark.parametrize(
    ("chosen", "first", "last"),
    [
        ("month", date(2026, 11, 1), date(2026, 11, 24)),
        ("last_month", date(2026, 10, 1), date(2026, 10, 31)),
        ("7d", date(2026, 11, 18), date(2026, 11, 24)),
        ("30d", date(2026, 10, 26), date(2026, 11, 24)),
        ("90d", date(2026, 8, 27), date(2026, 11, 24)),
        ("quarter", date(2026, 10, 1), date(2026, 11, 24)),
        ("12m", date(2025, 11, 25), date(2026, 11, 24)),
    ],
)
def test_presets_end_on_the_newest_day_with_data(chosen: str, first: date, last: date) -> None:
    assert Filters(chosen).period(date(2024, 1, 1), date(2026, 11, 24)) == Period(first, last)


def test_a_custom_period_is_cut_to_the_days_that_exist() -> None:
    asked = Filters().on(Period(date(2020, 1, 1), date(2030, 1, 1)))
    assert asked.period(date(2026, 1, 1), date(2026, 11, 24)) == Period(date(2026, 1, 1), date(2026, 11, 24))


def test_a_preset_begins_with_the_first_day_that_exists() -> None:
    assert Filters("90d").period(date(2026, 11, 1), date(2026, 11, 24)) == Period(date(2026, 11, 1), date(2026, 11, 24))


def test_a_custom_period_without_data_stays_as_asked() -> None:
    asked = Period(date(2020, 1, 1), date(2020, 2, 1))
    assert Filters().on(asked).period(date(2026, 1, 1), date(2026, 11, 24)) == asked


def test_drilling_narrows_to_the_group_and_groups_by_what_explains_it() -> None:
    deeper, view = drilled(Filters(), View(by="product"), "JOBS_SERVERLESS")
    assert deeper.ids("product") == ("JOBS_SERVERLESS",)
    assert view.by == "job"
    deeper, view = drilled(deeper, view, "100/1")
    assert dict(deeper.selection.only) == {"product": ("JOBS_SERVERLESS",), "job": ("100/1",)}
    assert view.by == "sku"


def test_drilling_into_untagged_rows_asks_for_rows_without_the_key() -> None:
    deeper, view = drilled(Filters(), View(by="tag", tag_key="env"), NONE)
    assert deeper.selection.tags == (("env", None),)
    assert view.by == "product"
    assert view.tag_key == ""


@given(filters(), st.sampled_from([name for name in DIMENSIONS if name != "tag"]), TEXT)
def test_drilling_never_groups_by_what_it_just_fixed(chosen: Filters, by: str, group: str) -> None:
    deeper, view = drilled(chosen, View(by=by), group)
    assert deeper.ids(by) == (group,)
    assert view.by != by or by == "sku"


def test_freeing_a_dimension_takes_it_out_of_the_url() -> None:
    chosen = Filters().with_only("sku", ["A", "B"]).with_tag("env", "prod")
    assert chosen.with_only("sku", []).without_tag("env") == Filters()
