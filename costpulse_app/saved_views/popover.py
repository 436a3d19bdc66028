"""The popover in the header: keep the present view, open, rename and delete kept ones, and the link of the present."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import formats, nav, people
from costpulse_app.filters import Query
from costpulse_app.saved_views import opening
from costpulse_assets.errors import CostPulseError
from costpulse_assets.people import RIGHTS, Right
from costpulse_assets.saved_views import (
    LONGEST_NAME,
    SavedView,
    change_view,
    delete_view,
    keep_view,
    saved_views,
)

_POPOVER, _NAME, _SHARED = "views_popover", "view_name", "view_shared"
_CHOSEN, _NEW_NAME, _FAULT = "view_chosen", "view_new_name", "view_fault"
#: From a page and a query to an address.
Link = Callable[[str, Query], str]


def show(page: str, link: Link) -> None:
    """Draw it; what is inside is read only while it is open.

    Args:
        page: path of the page that is shown.
        link: makes addresses.
    """
    with st.popover(
        "Views", icon=":material/bookmarks:", type="tertiary", key=_POPOVER, on_change="rerun", width="content"
    ) as popover:
        if popover.open:
            _inside(page, link)


def _inside(page: str, link: Link) -> None:
    titles = {each.url_path: each.title for each in nav.pages(people.current())}
    with people.reading() as connection:
        connection.row_factory = dict_row
        kept = saved_views(connection)
    present = {name: st.query_params.get_all(name) for name in st.query_params if name != opening.PARAMETER}
    fault = st.session_state.pop(_FAULT, None)
    if fault:
        st.error(formats.plain(fault), icon=":material/error:")
    _list(kept, titles)
    _keep(page, present)
    mine = [view for view in kept if _may_change(view)]
    if mine:
        _change(mine, titles, link, present, page)
    st.markdown("**Copy link** of what is shown now. Presets such as “Last 30 days” roll on.")
    st.code(link(page, present), language=None, wrap_lines=True)


def _list(kept: Sequence[SavedView], titles: dict[str, str]) -> None:
    st.markdown("**Open a view**")
    if not kept:
        st.caption("None is kept yet.")
    person = people.current().name
    with st.container(key="views_list", gap="xsmall", height=240 if len(kept) > 6 else "content"):
        for view in kept:
            whose = "" if view.owner == person else f", by {view.owner}"
            shared = ", shared" if view.is_shared else ""
            where = f"{titles.get(view.page, view.page)}{shared}{whose}"
            st.button(
                formats.plain(f"{view.name} ({where})"),
                key=f"view_open_{view.id}",
                type="tertiary",
                on_click=_opened,
                args=[view],
            )


def _keep(page: str, present: Query) -> None:
    may_share = people.current().may("share views")
    with st.form("keep_view", border=False):
        st.text_input("Keep what is shown now as", key=_NAME, max_chars=LONGEST_NAME, placeholder="Name")
        st.checkbox(
            "Shared with everyone",
            key=_SHARED,
            disabled=not may_share,
            help=None if may_share else f"To share views takes the role {RIGHTS['share views']}.",
        )
        st.form_submit_button("Keep view", type="primary", key="view_keep", on_click=_kept, args=[page, present])


def _change(mine: Sequence[SavedView], titles: dict[str, str], link: Link, present: Query, page: str) -> None:
    st.markdown("**Change a view**")
    of_id = {view.id: view for view in mine}
    if st.session_state.get(_CHOSEN) not in of_id:
        # Somebody else may have deleted it.
        st.session_state[_CHOSEN] = None
    number = st.selectbox(
        "Change a view",
        list(of_id),
        format_func=lambda number: f"{of_id[number].name} ({titles.get(of_id[number].page, of_id[number].page)})",
        key=_CHOSEN,
        placeholder="Choose one",
        label_visibility="collapsed",
    )
    if number is None:
        return
    chosen = of_id[number]
    st.code(link(chosen.page, {opening.PARAMETER: [chosen.slug]}), language=None, wrap_lines=True)
    st.text_input("New name", chosen.name, key=f"{_NEW_NAME}_{chosen.id}", max_chars=LONGEST_NAME)
    with st.container(horizontal=True, gap="small"):
        st.button("Rename", key="view_rename", on_click=_renamed, args=[chosen])
        if chosen.page == page and chosen.owner == people.current().name:
            st.button("Take what is shown now", key="view_retake", on_click=_retaken, args=[chosen, present])
    sure = st.checkbox(f"Delete it{' for everyone' if chosen.is_shared else ''}", key=f"view_sure_{chosen.id}")
    st.button("Delete view", key="view_delete", disabled=not sure, on_click=_deleted, args=[chosen])


def _may_change(view: SavedView) -> bool:
    person = people.current()
    return view.owner == person.name or (view.is_shared and person.may("share views"))


def _opened(view: SavedView) -> None:
    st.session_state["go_to"] = (view.page or "overview", opening.taken(view))
    st.session_state[_POPOVER] = False


def _kept(page: str, present: Query) -> None:
    state = st.session_state
    is_shared = bool(state[_SHARED])

    def keep() -> str:
        with people.acting("share views" if is_shared else "keep views") as connection:
            keep_view(connection, state[_NAME], page=page, query=urlencode(present, doseq=True), is_shared=is_shared)
        state[_NAME], state[_SHARED] = "", False
        return "The view is kept."

    _try(keep)


def _renamed(view: SavedView) -> None:
    def rename() -> str:
        name = st.session_state[f"{_NEW_NAME}_{view.id}"]
        with people.acting(_right(view)) as connection:
            change_view(connection, view, name=name)
        return "The view is renamed."

    _try(rename)


def _retaken(view: SavedView, present: Query) -> None:
    def take() -> str:
        with people.acting(_right(view)) as connection:
            change_view(connection, view, query=urlencode(present, doseq=True))
        return "The view shows what is shown now."

    _try(take)


def _deleted(view: SavedView) -> None:
    def delete() -> str:
        own = view.owner == people.current().name
        with people.acting("keep views" if own else "share views") as connection:
            delete_view(connection, view)
        return "The view is deleted."

    _try(delete)


def _right(view: SavedView) -> Right:
    return "share views" if view.is_shared else "keep views"


def _try(act: Callable[[], str]) -> None:
    try:
        said = act()
    except CostPulseError as error:
        st.session_state[_FAULT] = f"{error.message} {error.next_step}"
        return
    # What is chosen was read before: it is another version now.
    st.session_state[_CHOSEN] = None
    st.toast(said, icon=":material/check:")
