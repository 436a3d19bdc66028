"""Who changed what: the audit log by person, object and days, each change in words and field by field."""

from dataclasses import replace

import streamlit as st

from costpulse_app import formats, nav, parts, people
from costpulse_app.parts import Frame
from costpulse_app.settings_page import reads, words
from costpulse_app.settings_page.reads import Entry
from costpulse_app.settings_page.state import EVERYBODY, PEOPLE, Choice, open_entry, turn_to


def show(made: Frame, choice: Choice) -> Choice:
    """Draw the tab; the choice without what is not there (any more)."""
    choice = _controls(choice)
    found = reads.entries(choice, most=reads.ENTRIES + 1, skipped=(choice.page - 1) * reads.ENTRIES)
    shown = found[: reads.ENTRIES]
    if shown:
        _listing(made, choice, shown)
    elif choice.page > 1:
        st.info("The log does not reach that far.", icon=":material/history:")
    elif choice == replace(Choice(tab="audit"), entry=choice.entry):
        st.info("No change yet.", icon=":material/history:")
    else:
        st.info("No change fits these filters.", icon=":material/filter_alt:")
    with st.container(horizontal=True, vertical_alignment="center", key="audit_pages"):
        newer, older = choice.page > 1, len(found) > reads.ENTRIES
        if newer or older:
            st.button("Newer", key="audit_newer", disabled=not newer, on_click=turn_to, args=[choice.page - 1])
            st.markdown(f"Page {choice.page:,}", width="content")
            st.button("Older", key="audit_older", disabled=not older, on_click=turn_to, args=[choice.page + 1])
        if shown:
            st.download_button(
                "Download CSV",
                # Asked for on click only.
                lambda: csv_file(made, choice),
                "costpulse-audit-log.csv",
                "text/csv",
                icon=":material/download:",
                key="s_audit_csv",
                on_click="ignore",
                help=f"Everything that fits the filters, at most the newest {reads.MOST_IN_A_FILE:,} changes.",
            )
    if choice.entry is not None:
        drawer(made, choice.entry)
    return choice


def _controls(choice: Choice) -> Choice:
    """Who, object and days; what a link names and is not there is dropped."""
    actors, tables = reads.known()
    state = st.session_state
    who = {PEOPLE: "People, not the pipeline", EVERYBODY: "Everybody", **{actor: actor for actor in actors}}
    objects = {"": "All", **dict(sorted(((table, words.kind(table)) for table in tables), key=lambda each: each[1]))}
    if choice.who not in who:
        choice = replace(choice, who=PEOPLE)
        state["s_who"] = PEOPLE
    if choice.object not in objects:
        choice = replace(choice, object="")
        state["s_object"] = ""
    with st.container(horizontal=True, vertical_alignment="bottom", key="audit_controls", gap="small"):
        st.selectbox("Who", list(who), format_func=who.__getitem__, key="s_who", width=260)
        st.selectbox("Object", list(objects), format_func=objects.__getitem__, key="s_object", width=220)
        st.date_input("Days (UTC)", key="s_days", width=240, help="First and last day; empty: all.")
    return choice


def _listing(made: Frame, choice: Choice, shown: list[Entry]) -> None:
    state = st.session_state
    state["audit_shown"] = [entry.id for entry in shown]
    # Another key after a drawer was closed: the row that opened it is not chosen any more.
    key = f"s_audit_{state.get('audit_drawers', 0)}"
    parts.table(
        [
            {
                "Time (UTC)": entry.changed_at,
                "Who": entry.actor,
                "What": words.what(entry, made.names),
                "Object": words.kind(entry.table_name),
            }
            for entry in shown
        ],
        key=key,
        alt=f"Changes, the newest first, page {choice.page}: time, who, what, object",
        columns={
            "Time (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone="UTC"),
            "What": st.column_config.TextColumn(width="large"),
        },
        on_select=lambda: _open_chosen(key),
    )
    st.caption("Choose a row to see before and after. The log cannot be changed by anybody in the app.")


def csv_file(made: Frame, choice: Choice) -> str:
    """Everything that fits, with the rows before and after as JSON."""
    return formats.csv_text(
        ["Time (UTC)", "Who", "What", "Object", "Object number", "Action", "Before", "After"],
        [
            {
                "Time (UTC)": entry.changed_at.isoformat(),
                "Who": entry.actor,
                "What": words.what(entry, made.names),
                "Object": words.kind(entry.table_name),
                "Object number": entry.row_id,
                "Action": entry.action,
                "Before": None if entry.before is None else words.cell("", dict(entry.before), made.names),
                "After": None if entry.after is None else words.cell("", dict(entry.after), made.names),
            }
            for entry in reads.entries(choice, most=reads.MOST_IN_A_FILE)
        ],
    )


@st.dialog("Change", width="large", position="right", on_dismiss=lambda: _close())
def drawer(made: Frame, number: int) -> None:
    """One change, field by field."""
    entry = reads.entry(number)
    if entry is None:
        st.info("There is no such entry, or it is not yours to see.", icon=":material/search_off:")
        return
    st.markdown(f"**{formats.plain(words.what(entry, made.names))}**")
    st.caption(formats.plain(f"{entry.actor}, {formats.moment(entry.changed_at)}"))
    parts.table(
        list(words.differences(entry, made.names)),
        key="s_differences",
        alt="Fields with their value before and after",
        columns={name: st.column_config.TextColumn(width="medium") for name in ("Before", "After")},
        height="content",
    )
    with st.container(horizontal=True):
        if entry.table_name in words.PAGES and entry.action != "delete":
            path, query = words.PAGES[entry.table_name]
            page = next(page for page in nav.pages(people.current()) if page.url_path == path)
            if st.button(f"Open in {page.title}", key="open_object", icon=":material/open_in_new:"):
                _close()
                number_of = entry.row_id or ""
                own = {name: [value.replace("{id}", number_of)] for name, value in query.items()}
                st.switch_page(page, query_params=made.filters.to_query() | own)
        if st.button("Close", key="close_entry"):
            _close()
            st.rerun()
    st.markdown("Link to this entry")
    st.code(parts.link("settings", {"tab": ["audit"], "entry": [str(entry.id)]}), language=None, wrap_lines=True)


def _open_chosen(key: str) -> None:
    """In a callback: the entry of the row that was chosen."""
    rows = st.session_state[key].selection.rows
    open_entry(st.session_state["audit_shown"][rows[0]] if rows else None)


def _close() -> None:
    open_entry(None)
    st.session_state["audit_drawers"] = st.session_state.get("audit_drawers", 0) + 1
