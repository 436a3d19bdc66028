"""Who has to fix what: resources that lack tags, whose they are, and the text to send."""

from collections.abc import Mapping
from datetime import date
from functools import partial

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.filters import Query, View
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_app.tags import reads, words
from costpulse_app.tags.reads import OwnerCost, Where
from costpulse_assets.analysis.tag_messages import owner_message
from costpulse_assets.costs.spend import NONE, Selection
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Row

#: Kinds whose cost the explorer can be narrowed to, by the name of its dimension.
_DIMENSIONS = ("job", "pipeline", "warehouse", "endpoint", "cluster")
_PARAMETERS = ("key", "owner")


def take_of_url() -> None:
    """Key and owner that a link names; an opened, shared or gone-back-to URL counts more than what was chosen."""
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    if url != state.get("tags_url"):
        for name in _PARAMETERS:
            state[f"t_{name}"] = next(iter(url.get(name, ())), None)


def keep() -> Query:
    """At the end of a run: the page's part of the URL."""
    state = st.session_state
    url: Query = {name: [state[f"t_{name}"]] for name in _PARAMETERS if state.get(f"t_{name}")}
    state["tags_url"] = url
    return url


def show(made: Frame, version: Version, where: Where) -> None:
    """Controls, the resources, the owners."""
    st.subheader("Who has to fix what", anchor=False)
    owners = reads.owners(version, where)
    if not owners:
        st.info(
            "No resource lacks a required tag: the newest final day of each has all of them.", icon=":material/check:"
        )
        return
    key, owner = controls(version, owners)
    resources(made, version, where, key, owner)
    st.subheader("By owner", anchor=False)
    by_owner(made, owners)
    if owner is not None:
        message(version, where, owner)


def controls(version: Version, owners: list[OwnerCost]) -> tuple[str | None, str | None]:
    """Key and owner; what a link names and is not there is dropped."""
    state = st.session_state
    options = {
        "key": [policy.document.key for policy in reads.policies(version)],
        "owner": [one.owner or NONE for one in owners],
    }
    for name, known in options.items():
        if state.get(f"t_{name}") not in known:
            state[f"t_{name}"] = None
    with st.container(horizontal=True, key="tag_controls", vertical_alignment="bottom", gap="small"):
        key = st.selectbox("Key", options["key"], index=None, key="t_key", placeholder="All", width=220)
        owner = st.selectbox(
            "Owner", options["owner"], index=None, key="t_owner", format_func=_owner, placeholder="All", width=320
        )
    return key, owner


def resources(made: Frame, version: Version, where: Where, key: str | None, owner: str | None) -> None:
    """The table, worst first, and all of it as a file."""
    found = reads.violations(version, where, key, owner)
    st.session_state["t_shown"] = found
    if not found:
        st.info("No resource lacks this tag there.", icon=":material/filter_alt:")
        return
    money = parts.money_column(made.currency)
    total, usd = found[0]["all_resources"], found[0]["all_violating_cost_usd"]
    parts.table(
        [_row(row) for row in found],
        key="t_resources",
        alt="Resources that lack required tags, with what is missing or wrong, most expensive first",
        columns={
            "Resource": st.column_config.TextColumn(width="medium"),
            "Missing": st.column_config.TextColumn(width="medium"),
            "Cost 30 d": money,
            "Not compliant": parts.money_column(made.currency, "The part of the cost without all required tags."),
            "Wrong values": st.column_config.TextColumn(width="medium", help="With the nearest allowed value."),
        },
        on_select=partial(_open_resource, made),
    )
    shown = f"The first {len(found)} of " if total > len(found) else ""
    st.caption(
        formats.plain(
            f"{shown}{formats.count(total, 'resource')}, {formats.money(usd, made.currency)} not compliant in the 30 "
            "days; worst first. What was put right by the newest final day of a resource is not listed. Choose a row "
            "to open its cost in the cost explorer, which has no filter for notebooks, apps and databases."
        )
    )
    st.download_button(
        "Download CSV",
        # Asked for on click only.
        partial(csv_file, version, where, key, owner),
        f"costpulse-tags-to-fix-{found[0]['to_date']}.csv",
        "text/csv",
        icon=":material/download:",
        key="t_csv",
        on_click="ignore",
    )


def csv_file(version: Version, where: Where, key: str | None, owner: str | None) -> str:
    """All rows of the table, with ids."""
    rows = [
        {**_row(row), "Workspace id": row["workspace_id"], "Resource id": row["resource_id"], "From": row["from_date"],
         "To": row["to_date"]}
        for row in reads.violations(version, where, key, owner, largest=None)
    ]  # fmt: skip
    return formats.csv_text(rows[0], rows)


def by_owner(made: Frame, owners: list[OwnerCost]) -> None:
    """One row per owner; a chosen one is listed above and written to below."""
    money = parts.money_column(made.currency)
    st.session_state["t_owners_shown"] = [one.owner or NONE for one in owners]
    rows: list[Mapping[str, object]] = [
        {
            "Owner": one.owner or words.NOBODY,
            "Resources": one.resources,
            "Not compliant": one.violating_cost_usd,
            "Cost 30 d": one.cost_usd,
        }
        for one in owners
    ]
    parts.table(
        rows,
        key="t_owners",
        alt="Owners of resources that lack tags, most expensive first",
        columns={"Not compliant": money, "Cost 30 d": money},
        on_select=_choose_owner,
    )
    st.caption("Choose a row to list what is theirs, and for the text to send.")


def message(version: Version, where: Where, owner: str) -> None:
    """The text to send, to be copied."""
    rows = reads.violations(version, where, None, owner)
    if not rows:
        return
    st.markdown(formats.plain(f"Text for {_owner(owner)}:"))
    st.code(owner_message(None if owner == NONE else owner, rows), language=None, wrap_lines=True)


def _row(row: Row) -> dict[str, object]:
    return {
        "Resource": row["resource_name"],
        "Kind": words.kind(row),
        "Missing": words.missing(row) or None,
        "Wrong values": words.wrong(row) or None,
        "Not compliant": row["violating_cost_usd"],
        "Owner": row["owner"],
        "Team": row["team_name"] or "Unallocated",
        "Workspace": words.where(row),
        "Cost 30 d": row["cost_usd"],
    }


def _owner(owner: str) -> str:
    return words.NOBODY if owner == NONE else owner


def _chosen(key: str) -> int | None:
    rows = st.session_state[key].selection.rows
    return rows[0] if rows else None


def _choose_owner() -> None:
    """In a callback: narrow the list to an owner."""
    chosen = _chosen("t_owners")
    st.session_state["t_owner"] = None if chosen is None else st.session_state["t_owners_shown"][chosen]


def _open_resource(made: Frame) -> None:
    """In a callback: what the resource of a row cost in the 30 days."""
    chosen = _chosen("t_resources")
    if chosen is None:
        return
    row = st.session_state["t_shown"][chosen]
    only: dict[str, tuple[str, ...]] = {}
    if row["resource_type"] in _DIMENSIONS:
        only[row["resource_type"]] = (f"{row['workspace_id']}/{row['resource_id']}",)
    elif row["resource_kind"] == "product":
        only = {"workspace": (row["workspace_id"],), "product": (row["resource_id"],)}
    else:
        return
    days: tuple[date, date] = (row["from_date"], row["to_date"])
    narrowed = filters.Filters(selection=Selection(tuple(only.items()))).on(Period(*days))
    parts.open_explorer(narrowed, View(by="sku"))
