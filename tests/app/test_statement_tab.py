"""The bill as it was known on a past day, on the page."""

from datetime import UTC, date, datetime
from decimal import Decimal

from costpulse_assets.costs.known_costs import keep_known
from costpulse_assets.resources.database import Database
from tests.app.conftest import TODAY, Opener
from tests.app.test_allocation_page import PAGE, books, follow  # noqa: F401 - a fixture
from tests.app.test_pages import texts

FIRST, LATER = date(2026, 11, 10), date(2026, 11, 20)


def test_the_bill_is_shown_as_it_was_known_and_says_what_was_not_kept(app: Opener, books: str) -> None:  # noqa: F811
    database = Database(books)
    keep_known(database, FIRST)
    with database.transaction() as connection:
        connection.execute("update costpulse.allocation_rules set is_active = false where name = 'etl tag'")
    follow(books)
    keep_known(database, LATER)

    def shown(known_on: date) -> tuple[dict[str, Decimal], str, list[str]]:
        test = app(books, PAGE, tab="statement")
        test.date_input(key="known_on_2026-11-01").set_value(known_on).run()
        assert not test.exception
        (table,) = [frame.value for frame in test.dataframe if "Team" in frame.value]
        return dict(zip(table["Team"], table["Total"], strict=True)), texts(test), [one.value for one in test.warning]

    days = TODAY.day
    # Etl has $10 by its tag while the rule counts, $5 of its member, and 75% of $40.
    at_first, said, warnings = shown(FIRST)
    assert at_first["Etl"] == Decimal(45 * days)
    assert "November 2026 as known on 10 Nov 2026" in said
    assert "The month was open then" in said
    assert warnings == []
    later, _, _ = shown(LATER)
    assert later["Etl"] == Decimal(35 * days)
    # Nothing was kept by then: the usage is there that was in, by the rules of today.
    before, _, (warning,) = shown(date(2026, 11, 3))
    assert before["Etl"] == Decimal(35 * 3)
    assert "Not kept, and reconstructed: 2026-11-01 to 2026-11-03." in warning.replace("\\", "")


def test_a_link_opens_the_statement_of_its_month_and_one_that_names_none_opens_the_newest(
    app: Opener,
    books: str,  # noqa: F811
) -> None:
    newest, *_, oldest = app(books, PAGE, tab="statement").selectbox(key="month").options
    named = f"{datetime.strptime(oldest, '%B %Y').replace(tzinfo=UTC):%Y-%m}"
    assert app(books, PAGE, tab="statement", month=named).selectbox(key="month").value.strftime("%B %Y") == oldest
    for month in ("2020-01", "nonsense"):
        shown = app(books, PAGE, tab="statement", month=month)
        assert not shown.exception
        assert shown.selectbox(key="month").value.strftime("%B %Y") == newest
