"""The app in the test process, on a database of its own."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

import costpulse_app
from costpulse_app import people
from costpulse_assets.people import Person, Role
from tests.app.books import Books

ENTRY = Path(costpulse_app.__file__).parent / "streamlit_app.py"
#: The newest day of the books.
TODAY = date(2026, 11, 24)

Opener = Callable[..., AppTest]
#: Makes whoever opens the app from now on a person with that role and scope: `looked_at_by("viewer", "1,2")`.
LookedAtBy = Callable[..., Person]


@pytest.fixture
def books() -> Books:
    """Fifty days of two workspaces, three products, hostile names, an unpriced SKU, two days that are not final."""
    made = Books(
        workspaces={"100": "northwind-prod", "200": None},
        teams=["Data platform", "Risk"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    for back in range(55):
        day = TODAY - timedelta(days=back)
        made.add(
            day, "100.123456789012345678", job_id="1", job_name="<b>nightly</b> load", team=1, tags={"env": "prod"}
        )
        made.add(day, f"{20 + back}.10", job_id="2", job_name="=cmd()|'x'", user_email="ada@example.com")
        made.add(day, "33.33", product="SQL_SERVERLESS", sku="SQL_SERVERLESS", warehouse_id="abcdef123456", team=2)
        made.add(day, "-1.05", workspace=None, product="DEFAULT_STORAGE", sku="STORAGE", unit="GB", tags={"env": ""})
        made.add(day, "7", workspace="200", product="SQL", sku="SQL_PRO", list_cost="9", tags={"a=b": "+1"})
        made.add(day, None, workspace="200", product="AI", sku="PRICELESS_SKU", unit="TOKEN", quantity="5")
    return made


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens the app on a database: `app(url, page="views/explorer.py", by="job")`."""
    monkeypatch.setenv("COSTPULSE_TODAY", TODAY.isoformat())
    # Nothing installed brings components of its own, and looking for them takes longer than any page.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)

    def open_(url: str, page: str | None = None, **query: str | list[str]) -> AppTest:
        monkeypatch.setenv("COSTPULSE_DATABASE_URL", url)
        _forget()
        test = AppTest.from_file(str(ENTRY), default_timeout=30)
        for name, value in query.items():
            test.query_params[name] = value
        if page is not None:
            test.switch_page(page)
        return test.run()

    yield open_
    _forget()


@pytest.fixture
def looked_at_by(monkeypatch: pytest.MonkeyPatch) -> LookedAtBy:
    """Who uses the app without signing in is somebody else than the local admin."""

    def take(role: Role, scope: str = "all", name: str = "ada@example.com") -> Person:
        person = Person(name, role, scope)
        monkeypatch.setattr(people, "LOCAL_ADMIN", person)
        return person

    return take


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
