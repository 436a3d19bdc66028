"""Links that name a kept view: `?view=<slug>` opens the page and the filters that were kept."""

from urllib.parse import parse_qs

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import filters, people
from costpulse_app.filters import Filters, Query, View
from costpulse_assets.saved_views import SavedView, view_of

PARAMETER = "view"
#: The same whether it never was, was deleted, or is somebody's own.
NOBODYS = "There is no such view, or it is not yours to see."
_MISSING = "view_missing"


def follow() -> None:
    """In the entry script, before the page: go to the view that the link names.

    Raises:
        CostPulseError: the views cannot be read.
    """
    slug = st.query_params.get(PARAMETER)
    if slug is None:
        return
    with people.reading() as connection:
        connection.row_factory = dict_row
        view = view_of(connection, slug)
    if view is None:
        st.session_state[_MISSING] = True
    else:
        st.switch_page(page_of(view), query_params=taken(view))


def is_missing() -> bool:
    """Whether the link of this run named a view that is not there; said once."""
    return bool(st.session_state.pop(_MISSING, False))


def page_of(view: SavedView) -> str:
    """The file of its page."""
    return f"views/{view.page or 'overview'}.py"


def taken(view: SavedView) -> Query:
    """Before any widget, or in a callback: the filter bar shows what was kept; returns the parameters of its link."""
    query = parse_qs(view.query, keep_blank_values=True)
    # A link without parameters would leave the bar as it is.
    filters.put(Filters.from_query(query))
    filters.put_view(View.from_query(query))
    return query
