"""What the viewer chose: one filter object for every page, always in the URL.

`Filters` (which rows, which days, which price) holds on all pages; `View` is how the cost explorer shows them.
Both turn into query parameters and back; values are ids, never names, and unknown values are dropped.
Widgets only mirror them: their keys in the session start with `f_` and `v_`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal, cast, get_args

import streamlit as st

from costpulse_assets.costs.spend import DIMENSIONS, NONE, Bin, Measure, Selection
from costpulse_assets.periods import Period, first_of_previous_month, month_to_date, whole_month

Basis = Literal["price", "list"]
Compare = Literal["previous", "month", "none"]
Shape = Literal["day", "week", "month", "cumulative"]
Query = dict[str, list[str]]

RANGES = {
    "month": "This month",
    "last_month": "Last month",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "quarter": "This quarter",
    "12m": "12 months",
    "custom": "Custom",
}
_LAST_DAYS = {"7d": 7, "30d": 30, "90d": 90}
#: The days a link or the calendar may name.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
TOPS = (7, 15, 30)
#: Query parameter of each dimension that can be filtered.
PARAMETERS = {name: "ws" if name == "workspace" else name for name in DIMENSIONS if name != "tag"}
#: Dimensions with a widget of their own in the filter bar; the others appear as crumbs.
IN_THE_BAR = ("workspace", "team", "product")


@dataclass(frozen=True)
class Filters:
    """Which rows, which days and which price. `custom` is set exactly when `range` is custom."""

    range: str = "30d"
    custom: Period | None = None
    selection: Selection = field(default_factory=Selection)
    basis: Basis = "price"

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Filters":
        """Read query parameters; whatever is not valid is left out."""
        chosen = _first(query, "range")
        custom = _period(query.get("period", ())) if chosen == "custom" else None
        if chosen not in RANGES or (chosen == "custom" and custom is None):
            chosen = "30d"
        only = tuple(
            (dimension, tuple(dict.fromkeys(values)))
            for dimension, parameter in PARAMETERS.items()
            if (values := [value for value in query.get(parameter, ()) if value])
        )
        tags = tuple(dict.fromkeys(tag_from_token(token) for token in query.get("tag", ()) if token))
        basis: Basis = "list" if _first(query, "basis") == "list" else "price"
        return cls(chosen, custom, Selection(only, tags), basis)

    def to_query(self) -> Query:
        """The query parameters that give the same filters; defaults are left out."""
        query: Query = {}
        if self.range != "30d":
            query["range"] = [self.range]
        if self.custom is not None:
            query["period"] = [self.custom.first.isoformat(), self.custom.last.isoformat()]
        for dimension, ids in self.selection.only:
            query[PARAMETERS[dimension]] = list(ids)
        if self.selection.tags:
            query["tag"] = [tag_to_token(key, value) for key, value in self.selection.tags]
        if self.basis != "price":
            query["basis"] = [self.basis]
        return query

    def period(self, first_day: date, newest: date) -> Period:
        """The days meant, given the oldest and the newest day with data.

        What is asked for is cut to the days that exist, so that a mean per day counts no day before the first;
        a period that touches none of them stays as it is.
        """
        asked = self._asked(newest)
        first, last = max(asked.first, first_day), min(asked.last, newest)
        return Period(first, last) if first <= last else asked

    def _asked(self, newest: date) -> Period:
        if self.custom is not None:
            return self.custom
        if self.range == "last_month":
            return whole_month(first_of_previous_month(newest))
        if self.range == "quarter":
            return Period(date(newest.year, newest.month - (newest.month - 1) % 3, 1), newest)
        if self.range == "12m":
            return Period(newest - timedelta(days=364), newest)
        if self.range == "month":
            return month_to_date(newest)
        return Period(newest - timedelta(days=_LAST_DAYS[self.range] - 1), newest)

    def ids(self, dimension: str) -> tuple[str, ...]:
        """The ids a dimension is filtered to; empty when it is not."""
        return dict(self.selection.only).get(dimension, ())

    def with_only(self, dimension: str, ids: Sequence[str]) -> "Filters":
        """The same filters with a dimension narrowed to the ids, or freed when there are none."""
        only = dict(self.selection.only)
        only.pop(dimension, None)
        if ids:
            only[dimension] = tuple(ids)
        return replace(self, selection=replace(self.selection, only=_in_order(only)))

    def with_tag(self, key: str, value: str | None) -> "Filters":
        """The same filters, with one tag key narrowed to one value (None: rows without the key)."""
        tags = (*(pair for pair in self.selection.tags if pair[0] != key), (key, value))
        return replace(self, selection=replace(self.selection, tags=tags))

    def without_tag(self, key: str) -> "Filters":
        """The same filters without any condition on the tag key."""
        tags = tuple(pair for pair in self.selection.tags if pair[0] != key)
        return replace(self, selection=replace(self.selection, tags=tags))

    def on(self, period: Period) -> "Filters":
        """The same filters on fixed days."""
        return replace(self, range="custom", custom=period)


@dataclass(frozen=True)
class View:
    """How the cost explorer shows the selected rows."""

    by: str = "product"
    tag_key: str = ""
    shape: Shape = "day"
    measure: Measure = "cost"
    compare: Compare = "previous"
    top: int = 7

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "View":
        """Read query parameters; whatever is not valid is left out."""
        view = cls()
        if (by := _first(query, "by")) in DIMENSIONS:
            view = replace(view, by=by, tag_key=_first(query, "key") if by == "tag" else "")
        if (shape := _first(query, "bin")) in get_args(Shape):
            view = replace(view, shape=cast(Shape, shape))
        if (measure := _first(query, "measure")) in get_args(Measure):
            view = replace(view, measure=cast(Measure, measure))
        if (compare := _first(query, "compare")) in get_args(Compare):
            view = replace(view, compare=cast(Compare, compare))
        if (top := _first(query, "top")) in map(str, TOPS):
            view = replace(view, top=int(top))
        return view

    def to_query(self) -> Query:
        """The query parameters that give the same view; defaults are left out."""
        default = View()
        pairs = {
            "by": (self.by, default.by),
            "key": (self.tag_key, default.tag_key),
            "bin": (self.shape, default.shape),
            "measure": (self.measure, default.measure),
            "compare": (self.compare, default.compare),
            "top": (str(self.top), str(default.top)),
        }
        return {name: [value] for name, (value, usual) in pairs.items() if value != usual}

    @property
    def bin(self) -> Bin:
        """The width of a bar; the cumulative line is made of days."""
        return "day" if self.shape == "cumulative" else self.shape


def tag_to_token(key: str, value: str | None) -> str:
    """`key=value`, or `key` alone for rows without the key; = and % in a key are escaped."""
    name = key.replace("%", "%25").replace("=", "%3D")
    return name if value is None else f"{name}={value}"


def tag_from_token(token: str) -> tuple[str, str | None]:
    """The reverse of `tag_to_token`."""
    name, equals, value = token.partition("=")
    return name.replace("%3D", "=").replace("%25", "%"), value if equals else None


# --- the session: widgets mirror the two objects


def open_session(page: str) -> None:
    """Before any widget: take over the URL when it was opened, shared or gone back to.

    Args:
        page: URL path of the page; a change of page by the menu clears the URL but not the filters.
    """
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in st.query_params}
    by_menu = state.get("page") not in (None, page) and not url
    if "url" not in state or (url != state["url"] and not by_menu):
        put(Filters.from_query(url))
        put_view(View.from_query(url))
    if "f_range" not in state:
        put(state.get("filters", Filters()))
    if "v_by" not in state:
        put_view(state.get("view", View()))
    state["page"] = page


def close_session(filters: Filters, view: View | None, own: Query | None = None) -> None:
    """After the page: write the present state to the URL, as one step of the browser's history.

    Args:
        filters: the filters now.
        view: how the cost explorer shows them; None on other pages.
        own: further parameters of the page.
    """
    query = filters.to_query() | (view.to_query() if view else {}) | (own or {})
    if query != {name: st.query_params.get_all(name) for name in st.query_params}:
        st.query_params.from_dict(query)
    st.session_state.update({"url": query, "filters": filters} | ({"view": view} if view else {}))


def put(filters: Filters) -> None:
    """Set the widgets of the filter bar; only before they are drawn, or in a callback."""
    state = st.session_state
    state["f_range"] = filters.range
    if filters.custom is not None:
        state["f_period"] = (filters.custom.first, filters.custom.last)
    for dimension in IN_THE_BAR:
        state[f"f_{dimension}"] = list(filters.ids(dimension))
    state["f_tag"] = [tag_to_token(key, value) for key, value in filters.selection.tags]
    state["f_basis"] = filters.basis
    state["f_more"] = tuple(pair for pair in filters.selection.only if pair[0] not in IN_THE_BAR)


def put_view(view: View) -> None:
    """Set the widgets of the cost explorer; only before they are drawn, or in a callback."""
    st.session_state.update(
        v_by=view.by,
        v_key=view.tag_key or None,
        v_bin=view.shape,
        v_measure=view.measure,
        v_compare=view.compare,
        v_top=view.top,
    )


def taken() -> Filters:
    """The filters as the widgets have them now."""
    state = st.session_state
    chosen = state["f_range"] or "30d"
    custom = None
    if chosen == "custom":
        days = state.get("f_period") or ()
        # While the viewer picks the second day there is only one: the old period stays.
        custom = Period(*days) if len(days) == 2 else state.get("filters", Filters()).custom
        chosen = "custom" if custom else "30d"
    only = dict(state["f_more"]) | {name: tuple(state[f"f_{name}"]) for name in IN_THE_BAR if state[f"f_{name}"]}
    tags = tuple(tag_from_token(token) for token in state["f_tag"])
    return Filters(chosen, custom, Selection(_in_order(only), tags), state["f_basis"] or "price")


def taken_view() -> View:
    """The view as the widgets have it now."""
    state = st.session_state
    return View(
        by=state["v_by"],
        tag_key=(state["v_key"] or "") if state["v_by"] == "tag" else "",
        shape=state["v_bin"] or "day",
        measure=state["v_measure"] or "cost",
        compare=state["v_compare"],
        top=state["v_top"],
    )


def drilled(filters: Filters, view: View, group_id: str) -> tuple[Filters, View]:
    """One level down: narrowed to the group, grouped by what explains it best.

    Args:
        filters: the filters now.
        view: the view now; its grouping names the dimension of the group.
        group_id: the group; NONE for rows without one.
    """
    if view.by == "tag":
        narrowed = filters.with_tag(view.tag_key, None if group_id == NONE else group_id)
    else:
        narrowed = filters.with_only(view.by, [group_id])
    return narrowed, replace(view, by=_next_dimension(view.by, group_id, narrowed), tag_key="")


def _next_dimension(by: str, group_id: str, filters: Filters) -> str:
    resources = {"JOBS": "job", "SQL": "warehouse", "DLT": "pipeline", "LAKEFLOW": "pipeline"}
    resources |= {"ALL_PURPOSE": "cluster", "INTERACTIVE": "cluster"}
    resources |= {"MODEL_SERVING": "endpoint", "VECTOR_SEARCH": "endpoint"}
    best: tuple[str, ...] = ("product", "sku", "user", "workspace")
    if by == "product":
        best = (resources.get(group_id.removesuffix("_SERVERLESS"), "sku"), *best)
    elif by not in ("workspace", "team", "tag"):
        best = ("sku", "user", "workspace", "product")
    free = [name for name in best if name != by and not filters.ids(name)]
    return free[0] if free else "sku"


def _in_order(only: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, only[name]) for name in PARAMETERS if name in only)


def _first(query: Mapping[str, Sequence[str]], name: str) -> str:
    values = query.get(name, ())
    return values[0] if values else ""


def _period(values: Sequence[str]) -> Period | None:
    try:
        first, last = (date.fromisoformat(value) for value in values)
        return Period(first, last) if first >= FIRST_DAY and last <= LAST_DAY else None
    except ValueError:
        return None
