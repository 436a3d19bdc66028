"""What every page is made of: the filter bar, the freshness badge, cards with a "Why?", and the designed states."""

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from costpulse_app import charts, db, filters, formats, people, queries
from costpulse_app.filters import Filters, View
from costpulse_app.metrics import METRICS
from costpulse_app.names import Names
from costpulse_app.saved_views import opening, popover
from costpulse_assets.costs.spend import DIMENSIONS, NAMED_BY_COLLECTION, NONE, Measure, Selection
from costpulse_assets.errors import CostPulseError, SchemaMismatch
from costpulse_assets.people import RIGHTS, Person, Right
from costpulse_assets.periods import Period, last_final_day

_log = logging.getLogger("costpulse_app")

_LATE = timedelta(hours=26)
EXPLORER = "views/explorer.py"
_READ_ONLY = "The database is read-only: everything can be read, nothing can be changed now."


@dataclass(frozen=True)
class Frame:
    """What a page knows before it draws: which data there is, and what the viewer chose."""

    version: queries.Version
    loaded_at: datetime | None
    days: Mapping[date, queries.DayState]
    last_final: date | None
    names: Names
    filters: Filters
    period: Period
    currency: str

    @property
    def newest(self) -> date:
        """The newest day with data."""
        return max(self.days)

    @property
    def selection(self) -> Selection:
        """Which rows count."""
        return self.filters.selection

    @property
    def measure(self) -> Measure:
        """What "cost" means under the chosen price basis."""
        return "list" if self.filters.basis == "list" else "cost"

    @property
    def basis(self) -> str:
        """The price basis in words."""
        return "list price" if self.filters.basis == "list" else "your price"

    def not_final(self, period: Period) -> list[date]:
        """The days of the period that have data and may not be judged."""
        return [day for day in self.days if day in period and not self.is_final(day)]

    def is_final(self, day: date) -> bool:
        """True up to the last final day."""
        return self.last_final is not None and day <= self.last_final

    def share_in(self, day: date) -> str:
        """How much of a day is in: 38% in."""
        return f"{self.days[day].share_in * 100:.0f}% in"


def frame() -> Frame:
    """The frame of this run; the entry script made it."""
    made: Frame = st.session_state["frame"]
    return made


def read_frame() -> Frame | None:
    """Read what data there is and draw the filter bar and the badge; None when there is nothing to show yet.

    Raises:
        CostPulseError: the database cannot be read.
    """
    settings = db.settings()
    st.session_state["is_read_only"] = queries.is_read_only()
    version, loaded_at = queries.version()
    days = queries.days(version)
    if not days:
        return None
    names = Names(queries.names(version))
    with st.container(key="header"):
        chosen = filter_bar(names, queries.products(version), queries.tag_pairs(version), days)
        final = last_final_day((day, state.is_provisional) for day, state in days.items())
        made = Frame(
            version=version,
            loaded_at=loaded_at,
            days=days,
            last_final=final,
            names=names,
            filters=chosen,
            period=chosen.period(min(days), max(days)),
            currency=settings.currency,
        )
        freshness(made)
        if opening.is_missing():
            st.info(opening.NOBODYS, icon=":material/search_off:")
    st.session_state["frame"] = made
    return made


# --- the header


def filter_bar(
    names: Names,
    products: Sequence[str],
    tag_pairs: Sequence[tuple[str, str]],
    days: Mapping[date, queries.DayState],
) -> Filters:
    """The one filter bar of all pages; what it returns is what the widgets show."""
    options = {
        "workspace": [*names.ids("workspace"), NONE],
        "team": [*names.ids("team"), NONE],
        "product": list(products),
    }
    state = st.session_state
    for dimension, known in options.items():
        # A link may name what is not there (any more): it is dropped.
        state[f"f_{dimension}"] = [chosen for chosen in state[f"f_{dimension}"] if chosen in known]
    pairs = [filters.tag_to_token(key, value) for key, value in tag_pairs]
    pairs += list(dict.fromkeys(key for key, _ in tag_pairs))
    pairs += [token for token in state["f_tag"] if token not in pairs]
    with st.container(horizontal=True, key="filterbar", vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Period (UTC days)", list(filters.RANGES), format_func=filters.RANGES.__getitem__, key="f_range", width=135
        )
        if state["f_range"] == "custom":
            state.setdefault("f_period", (max(max(days) - timedelta(days=29), min(days)), max(days)))
            st.date_input(
                "First and last day",
                key="f_period",
                width=220,
                min_value=filters.FIRST_DAY,
                max_value=filters.LAST_DAY,
            )
        for dimension, known in options.items():
            label = DIMENSIONS[dimension].label
            shown = names.all(dimension, [(group, None) for group in known])
            st.multiselect(
                label,
                known,
                format_func=shown.__getitem__,
                key=f"f_{dimension}",
                placeholder="All",
                width=140,
                disabled=known == [NONE],
                help="No team has been set up yet." if dimension == "team" and known == [NONE] else None,
            )
        st.multiselect("Tag", pairs, format_func=_tag_words, key="f_tag", placeholder="All", width=140)
        st.segmented_control(
            "Price",
            ["price", "list"],
            format_func={"price": "Yours", "list": "List"}.__getitem__,
            key="f_basis",
            required=True,
        )
        chosen = filters.taken()
        if chosen != Filters():
            st.button("Clear", icon=":material/filter_alt_off:", key="clear", on_click=filters.put, args=[Filters()])
    return chosen


def _tag_words(token: str) -> str:
    key, value = filters.tag_from_token(token)
    return f"{key}: untagged" if value is None else f"{key} = {value or '(blank)'}"


def freshness(made: Frame) -> None:
    """Up to which day the figures hold; the words carry the state, colour only supports it."""
    with st.container(horizontal=True, key="freshness", gap="small", vertical_alignment="center"):
        if made.last_final is not None:
            st.badge(f"Data to {formats.day(made.last_final)}", icon=":material/check:", color="green")
        else:
            st.badge("No final day yet", icon=":material/hourglass_top:", color="yellow")
        for day in sorted(day for day in made.days if not made.is_final(day))[-2:]:
            until = made.days[day].in_until
            # Of a day that is over the hour says nothing: what is missing comes late.
            up_to = f" up to {until:%H:%M} UTC" if until is not None and until.astimezone(UTC).date() == day else ""
            st.badge(
                f"{formats.short_day(day)}: {made.share_in(day)}{up_to}, not final",
                icon=":material/hourglass_top:",
                color="yellow",
            )
        if made.loaded_at is None:
            st.badge("Never loaded", icon=":material/error:", color="red")
        popover.show(st.session_state["page"], link)
        if made.loaded_at is None:
            return
        age = datetime.now(UTC) - made.loaded_at
        stale = timedelta(hours=db.settings().stale_after_hours)
        if age > stale:
            st.badge(f"Stale: last load {formats.age(age)} ago", icon=":material/error:", color="red")
        elif age > _LATE:
            st.badge(f"Late: last load {formats.age(age)} ago", icon=":material/schedule:", color="yellow")
        said = [f"Last load {formats.moment(made.loaded_at)}"]
        own = made.last_final and queries.self_cost(made.version, made.last_final)
        if made.last_final and own:
            said.append(f"CostPulse itself cost {formats.money(own)} on {formats.short_day(made.last_final)}")
        st.caption(formats.plain(". ".join(said)))
        if st.session_state.get("is_read_only"):
            st.badge("Read-only: nothing can be changed", icon=":material/lock:", color="yellow")
        _sources_not_read(made)


def _sources_not_read(made: Frame) -> None:
    """What is missing on the pages, and the next step for each."""
    missing = queries.sources_not_read(made.version)
    if not missing:
        return
    how_many = "1 source not read" if len(missing) == 1 else f"{len(missing)} sources not read"
    with st.popover(how_many, icon=":material/cloud_off:"):
        st.dataframe(
            pd.DataFrame(
                {
                    "Source": [one.source for one in missing],
                    "Connection": [one.connection for one in missing],
                    "State": [one.state for one in missing],
                    "What happened": [one.message for one in missing],
                    "Next step": [one.next_step for one in missing],
                    "Last read": [formats.moment(one.succeeded_at) if one.succeeded_at else "never" for one in missing],
                }
            ),
            hide_index=True,
        )


def title(name: str, question: str, made: Frame) -> None:
    """Heading, the question the page answers, and the price basis of its figures."""
    st.title(name, anchor=False)
    basis = "at list price" if made.filters.basis == "list" else "at your price (list price with your adjustments)"
    st.caption(f"{question} Costs in {made.currency}, {basis}; all days are UTC days.")


def crumbs(made: Frame, view: View | None) -> None:
    """The way down: each crumb goes back to that level. Shows every filter that has no widget in the bar."""
    steps: list[tuple[str, str | None]] = [(dimension, None) for dimension, _ in made.selection.only]
    steps += [("tag", key) for key in dict.fromkeys(key for key, _ in made.selection.tags)]
    if view is None:
        steps = [step for step in steps if step[0] not in (*filters.IN_THE_BAR, "tag")]
    if not steps:
        return
    with st.container(horizontal=True, key="crumbs", gap="xsmall", vertical_alignment="center", width="content"):
        st.button(
            "Everything",
            key="crumb_all",
            type="tertiary",
            icon=":material/home:",
            on_click=_back_to,
            args=[made.filters, view, steps, 0],
        )
        for number, (dimension, key) in enumerate(steps, start=1):
            st.markdown(":gray[›]", width="content")
            st.button(
                formats.plain(_crumb(made, dimension, key)),
                key=f"crumb_{number}",
                type="tertiary",
                disabled=number == len(steps),
                on_click=_back_to,
                args=[made.filters, view, steps, number],
            )


def _crumb(made: Frame, dimension: str, key: str | None) -> str:
    if dimension == "tag":
        values = [value for other, value in made.selection.tags if other == key]
        words = ["untagged" if value is None else value or "(blank)" for value in values]
        label = key or ""
    else:
        ids = made.filters.ids(dimension)
        found = queries.resource_names(made.version, dimension, ids) if dimension in NAMED_BY_COLLECTION else {}
        words = [made.names.one(dimension, group, found.get(group)) for group in ids]
        label = DIMENSIONS[dimension].label
    more = f" and {len(words) - 2} more" if len(words) > 2 else ""
    return f"{label}: {', '.join(words[:2])}{more}"


def _back_to(chosen: Filters, view: View | None, steps: Sequence[tuple[str, str | None]], kept: int) -> None:
    for dimension, key in steps[kept:]:
        chosen = chosen.without_tag(key or "") if dimension == "tag" else chosen.with_only(dimension, [])
    filters.put(chosen)
    if view is not None and kept < len(steps):
        dimension, key = steps[kept]
        filters.put_view(View(**vars(view) | {"by": dimension, "tag_key": key or ""}))


def open_explorer(chosen: Filters, view: View) -> None:
    """From a callback: show this in the cost explorer."""
    filters.put(chosen)
    st.session_state["go"] = (chosen, view)


def open_page(page: str, query: filters.Query) -> None:
    """From a callback: show a page by the name of its file, with these query parameters."""
    st.session_state["go_to"] = (page, query)


def follow() -> None:
    """In the entry script, before the page: go where a callback or the link of a kept view wanted to go."""
    opening.follow()
    wanted_page = st.session_state.pop("go_to", None)
    if wanted_page is not None:
        page, query = wanted_page
        st.switch_page(f"views/{page}.py", query_params=query)
    wanted = st.session_state.pop("go", None)
    if wanted is not None:
        chosen, view = wanted
        filters.put_view(view)
        st.switch_page(EXPLORER, query_params=chosen.to_query() | view.to_query())


def clicked(key: str) -> list[str] | None:
    """In a callback: the customdata of the mark that was clicked in the chart with the key; None when cleared."""
    points = st.session_state[key].selection.points
    return list(points[0]["customdata"]) if points else None


def link(path: str, query: filters.Query) -> str:
    """The address that shows the same again."""
    base = db.settings().app_url
    root = base.rstrip("/") if base else (st.context.url or "").partition("?")[0].removesuffix(f"/{path}").rstrip("/")
    return f"{root}/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")


# --- figures


def cards(key: str) -> Any:
    """A row of cards that wraps."""
    return st.container(horizontal=True, key=key, gap="small")


def card(
    made: Frame,
    metric: str,
    value: str,
    *,
    days: str,
    full: str | None = None,
    delta: str = "",
    against: str = "",
    spark: Sequence[float] | None = None,
    notes: Sequence[str] = (),
    good_when_down: bool = True,
) -> None:
    """One headline figure with its comparison and a "Why?".

    Args:
        made: the frame.
        metric: key of METRICS.
        value: as shown.
        days: the days it covers, in words.
        full: the exact figure, for the popover.
        delta: the change in words; empty for none.
        against: what the change is against, at most 16 characters.
        spark: daily values of final days.
        notes: muted lines under the figure.
        good_when_down: False where neither direction is good.
    """
    told = METRICS[metric]
    with st.container(border=True, width="stretch", height="stretch", key=f"card_{metric}", gap="xsmall"):
        st.metric(
            told.name,
            value,
            delta or None,
            delta_color="inverse" if good_when_down and delta not in ("new", "0.0%") else "off",
            delta_arrow="off" if delta in ("new", "0.0%") else "auto",
            delta_description=against if delta else None,
        )
        if spark and len(spark) > 1:
            st.plotly_chart(
                charts.sparkline(spark, charts.palette(st.context.theme.type)),
                width="stretch",
                config=charts.STILL,
                theme=None,
                key=f"spark_{metric}",
                alt=f"{told.name} of each of the last {len(spark)} final days, a line without axes",
            )
        for note in notes:
            st.caption(formats.plain(note))
        st.space("stretch")
        with st.popover("Why?", icon=":material/help:", type="tertiary", key=f"why_{metric}"):
            st.markdown(f"**{told.name}**: {formats.plain(told.definition)}")
            if full:
                st.markdown(f"Exactly {formats.plain(full)}.")
            computed = f" Last load {formats.moment(made.loaded_at)}." if made.loaded_at else ""
            st.markdown(f"{formats.plain(days)} {formats.plain(told.days)}")
            st.caption(f"At {made.basis}. {METRICS['price'].definition}{computed}")


def not_final_note(made: Frame, period: Period, amounts: Mapping[date, Decimal | None], measure: Measure) -> str:
    """`+ $1,240 so far, 2 days not final`, or nothing."""
    open_days = made.not_final(period)
    if not open_days:
        return ""
    so_far = sum((amounts.get(day) or Decimal(0) for day in open_days), Decimal(0))
    return (
        f"+ {formats.measured(so_far, measure, made.currency)} so far, {formats.count(len(open_days), 'day')} not final"
    )


def unpriced_note(made: Frame, period: Period) -> None:
    """Which SKUs have usage without a price: listed by name, in no amount, never guessed."""
    skus = queries.without_price(made.version, period, made.selection)
    if not skus:
        return
    with st.expander(
        f"{formats.count(len({sku.sku_name for sku in skus}), 'SKU')} without a price: "
        "the usage below is in no amount on this page",
        icon=":material/money_off:",
        key="unpriced",
    ):
        table(
            [
                {
                    "SKU": sku.sku_name,
                    "Unit": sku.usage_unit,
                    "Quantity": sku.unpriced_quantity,
                    "First day": sku.first_day,
                    "Last day": sku.last_day,
                }
                for sku in skus
            ],
            key="unpriced_table",
            alt="SKUs without a price, with their quantity",
            columns={"Quantity": st.column_config.NumberColumn(format="localized")},
        )
        st.caption(
            "A price that appears later is taken over with the next collection; a price of your own can be set as "
            "a price adjustment."
        )


def table(
    rows: Sequence[Mapping[str, object]],
    *,
    key: str,
    alt: str,
    columns: Mapping[str, Any] | None = None,
    on_select: Callable[[], None] | None = None,
    height: Literal["auto", "content"] = "auto",
) -> None:
    """A table; Decimals stay exact, unknown values are a dash, and a chosen row calls `on_select`."""
    frame_of_rows = pd.DataFrame(list(rows), dtype=object)
    st.dataframe(
        frame_of_rows,
        column_config=dict(columns or {}),
        hide_index=True,
        width="stretch",
        height=height,
        placeholder=formats.UNKNOWN,
        key=key,
        alt=alt,
        on_select=on_select or "ignore",
        selection_mode="single-row",
    )


def money_column(currency: str, help: str | None = None, label: str | None = None) -> Any:
    """A column of money with two decimals."""
    known = {"USD": "dollar", "EUR": "euro"}
    return st.column_config.NumberColumn(label, format=known.get(currency, "%.2f"), help=help)


def amount_column(measure: Measure, currency: str, help: str | None = None) -> Any:
    """A column of the measure: money, or DBUs with one decimal."""
    if measure == "dbu":
        return st.column_config.NumberColumn(format="%,.1f", help=help)
    return money_column(currency, help)


# --- the designed states


@contextmanager
def panel(name: str) -> Iterator[None]:
    """One part of a page: when its query fails, the rest of the page still works."""
    try:
        yield
    except CostPulseError as error:
        reference = uuid.uuid4().hex[:8]
        _log.error("Panel %s failed, reference %s: %s", name, reference, error)
        with st.container(border=True, key=f"failed_{name}"):
            st.markdown(f":material/error: {formats.plain(error.message)} {formats.plain(error.next_step)}")
            st.caption(f"Reference {reference}")
            st.button("Try again", key=f"again_{name}")


def sign_in_first() -> None:
    """Nobody is signed in: the one thing to do."""
    st.title("CostPulse", anchor=False)
    st.markdown("Who spends what on Databricks, is it normal, what comes next, and what to switch off.")
    st.button("Sign in", type="primary", icon=":material/login:", key="sign_in", on_click=st.login)


def no_access() -> None:
    """Signed in, and known to nobody here."""
    st.title("No access yet", anchor=False)
    shown = st.user.get("email") or "This account"
    st.markdown(f"{formats.plain(str(shown))} has no role in CostPulse. Ask an admin for one: Settings, People.")
    with st.container(horizontal=True):
        st.button("Look again", icon=":material/refresh:", key="look_again")
        st.button("Sign out", key="sign_out", on_click=st.logout)


def signed_in_as(person: Person) -> None:
    """Who looks, as what; and a warning where everybody is admin."""
    settings = db.settings()
    with st.sidebar:
        if not settings.has_sign_in:
            st.caption("Signed in as local admin: no sign-in is set up.")
        else:
            teams = "" if person.scope == "all" else ", own teams only"
            st.caption(f"Signed in as `{person.name.replace('`', '')}` ({person.role.replace('_', ' ')}{teams}).")
            st.button("Sign out", key="sign_out", type="tertiary", on_click=st.logout)
    if settings.insecure and not settings.has_sign_in:
        st.warning(
            "Nobody signs in here (COSTPULSE_INSECURE=true): whoever reaches this address sees and changes everything.",
            icon=":material/lock_open:",
        )


def needs(right: Right) -> bool:
    """Whether the viewer has the right; else a page says whom to ask and draws nothing more."""
    person = people.current()
    if person.may(right):
        return True
    st.title("Not for your role", anchor=False)
    st.markdown(
        f"To {right} takes the role {RIGHTS[right].replace('_', ' ')}; yours is {person.role.replace('_', ' ')}. "
        "Ask an admin for it."
    )
    return False


def only(right: Right) -> dict[str, Any]:
    """How a button or field is drawn that changes something: as ever, or switched off with the reason on hover.

    `st.button("Save", **parts.only("edit budgets"))`; not together with `disabled` or `help` of its own.
    """
    if not people.current().may(right):
        return {"disabled": True, "help": f"To {right} takes the role {RIGHTS[right].replace('_', ' ')}."}
    if st.session_state.get("is_read_only"):
        return {"disabled": True, "help": _READ_ONLY}
    return {}


def first_start() -> None:
    """No data yet: what is missing, and the command that brings it."""
    st.title("No cost data yet", anchor=False)
    st.markdown("The database is ready; nothing has been collected into it.")
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        st.subheader("Your Databricks account", anchor=False)
        st.markdown("Set host, HTTP path and token of a SQL warehouse, then collect:")
        st.code(
            "export COSTPULSE_DATABRICKS_HOST=...\n"
            "export COSTPULSE_DATABRICKS_HTTP_PATH=...\n"
            "export COSTPULSE_DATABRICKS_TOKEN=...\n"
            "costpulse up",
            language="bash",
        )
    with right, st.container(border=True, height="stretch"):
        st.subheader("The demo account", anchor=False)
        st.markdown("See every page with the costs of an invented company:")
        st.code("costpulse up --demo", language="bash")
    st.button("Look again", icon=":material/refresh:", key="look_again")


def database_problem(error: CostPulseError) -> None:
    """The database cannot be read: one message with what to check, and no repeated tries."""
    _log.error("The database cannot be read: %s", error)
    migrate = isinstance(error, SchemaMismatch)
    st.title("The database is not set up" if migrate else "The database does not answer", anchor=False)
    st.error(formats.plain(error.message), icon=":material/database:")
    st.markdown(f"**What to do:** {formats.plain(error.next_step)}")
    if migrate:
        st.code("costpulse migrate", language="bash")
    st.button("Look again", icon=":material/refresh:", key="look_again")


def nothing_matches(made: Frame) -> None:
    """The filters leave no row: said in words, never as a zero."""
    st.info(
        f"No cost for these filters between {formats.day(made.period.first)} and {formats.day(made.period.last)}.",
        icon=":material/filter_alt:",
    )
    st.button(
        "Clear filters",
        key="clear_filters",
        type="primary",
        on_click=filters.put,
        args=[Filters()],
    )


def is_stale(made: Frame) -> bool:
    """True when the source has not been read for longer than the limit of the settings."""
    limit = timedelta(hours=db.settings().stale_after_hours)
    return made.loaded_at is None or datetime.now(UTC) - made.loaded_at > limit
