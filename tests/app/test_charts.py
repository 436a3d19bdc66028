from datetime import date, timedelta
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from costpulse_app import charts
from costpulse_app.charts import DARK, LIGHT, Series

PRODUCTS = ["JOBS", "JOBS_SERVERLESS", "ALL_PURPOSE", "SQL", "SQL_SERVERLESS", "DLT", "MODEL_SERVING"]
DAYS = [date(2026, 11, 1) + timedelta(days=n) for n in range(3)]


def bars(series: list[Series], not_final: dict[date, str]):
    return charts.stacked_bars(
        series,
        DAYS,
        bin="day",
        colour={"JOBS": "#111111", "<b>": "#222222"},
        not_final=not_final,
        measure="cost",
        currency="USD",
        look=LIGHT,
    )


@given(st.lists(st.text(min_size=1), min_size=1, max_size=7, unique=True), st.sampled_from(["user", "product"]))
def test_seven_names_have_seven_colours(ids: list[str], dimension: str) -> None:
    assert len(set(charts.colours(ids, dimension, (), LIGHT).values())) == len(ids)


@given(st.permutations(PRODUCTS))
def test_rank_does_not_change_the_colour_of_a_product(order: list[str]) -> None:
    assert charts.colours(order, "product", (), DARK) == charts.colours(PRODUCTS, "product", (), DARK)


def test_a_classic_product_keeps_its_colour_whatever_stands_beside_it() -> None:
    alone = charts.colours(["SQL"], "product", (), LIGHT)["SQL"]
    assert charts.colours(PRODUCTS, "product", (), LIGHT)["SQL"] == alone


def test_teams_are_coloured_in_order_of_creation() -> None:
    found = charts.colours(["9", "4"], "team", ["4", "9"], LIGHT)
    assert found == {"4": LIGHT.series[0], "9": LIGHT.series[1]}


def test_thirty_names_all_have_a_colour() -> None:
    ids = [str(number) for number in range(30)]
    assert set(charts.colours(ids, "user", (), LIGHT)) == set(ids)


def test_a_day_that_is_not_final_is_hatched_and_says_so() -> None:
    figure = bars([Series("JOBS", "Jobs", {day: Decimal(1) for day in DAYS})], {DAYS[2]: "not final, 38% in"})
    assert list(figure.data[0].marker.pattern.shape) == ["", "", "/"]
    assert "not final, 38% in" in figure.data[0].customdata[2][4]
    assert "not final" not in figure.data[0].customdata[1][4]


def test_other_is_last_dotted_and_not_coloured_like_a_name() -> None:
    figure = bars([Series("JOBS", "Jobs", {}), Series(None, "Other (3)", {DAYS[0]: Decimal(2)})], {})
    assert figure.data[-1].name == "Other (3)"
    assert set(figure.data[-1].marker.pattern.shape) == {"."}
    assert figure.data[-1].marker.color == LIGHT.other


def test_an_unknown_amount_is_a_gap_and_its_hover_a_dash() -> None:
    figure = bars([Series("JOBS", "Jobs", {DAYS[0]: None})], {})
    assert list(figure.data[0].y) == [None, None, None]
    assert figure.data[0].customdata[0][2] == "-"


def test_names_with_html_are_text_in_figures() -> None:
    figure = bars([Series("<b>", "<b>bold</b>", {})], {})
    assert figure.data[0].name == "&lt;b&gt;bold&lt;/b&gt;"
    assert "<b>bold" not in figure.data[0].hovertemplate


def test_every_bin_of_the_period_has_a_place_even_without_cost() -> None:
    assert charts.bins_of(date(2026, 11, 4), date(2026, 11, 17), "week") == [
        date(2026, 11, 2),
        date(2026, 11, 9),
        date(2026, 11, 16),
    ]
    assert charts.bins_of(date(2025, 12, 31), date(2026, 2, 1), "month") == [
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]


def test_the_running_total_is_dotted_after_the_last_final_day() -> None:
    figure = charts.cumulative_line(
        dict.fromkeys(DAYS, Decimal("1.10")),
        [Decimal(2)],
        final_to=DAYS[1],
        before_name="before",
        measure="cost",
        currency="USD",
        look=LIGHT,
    )
    before, final, rest = figure.data
    assert (before.name, final.line.dash, rest.line.dash) == ("before", "solid", "dot")
    assert list(rest.x) == DAYS[1:]
    assert rest.customdata[-1][0] == "$3.30"


def test_a_sparkline_fills_its_card_from_the_lowest_to_the_highest_value() -> None:
    low, high = charts.sparkline([100.0, 140.0, 120.0], LIGHT).layout.yaxis.range
    assert 95 < low < 100
    assert 140 < high < 145


@given(st.floats(-1e9, 1e9))
@example(5e-324)
@example(0.0)
def test_a_sparkline_of_one_value_has_room_around_it(value: float) -> None:
    low, high = charts.sparkline([value, value], LIGHT).layout.yaxis.range
    assert low < value < high
