"""Data health before there is any data: what was tried so far, what the doctor looks at, and the first command."""

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import formats, parts, people
from costpulse_app.health import books, words
from costpulse_app.health.reads import SourceState
from costpulse_assets.resources.sql_files import load_sql

_DOCTOR = (
    ("Settings", "whether they fit together, and the clock of this machine"),
    ("Database", "version, roles, schema, free space"),
    ("Connections", "whether the SQL warehouse can be reached and signed in to"),
    ("System tables", "which can be read, which columns are missing, how new their newest row is, the exact grant"),
    ("Ways out", "whether Slack, mail and webhooks answer"),
)


def show() -> None:
    """Draw the page without a frame: there is no day to make one of."""
    st.title("Data health", anchor=False)
    st.caption("Can I trust the numbers, and up to which day? Nothing has been collected yet.")
    with parts.panel("first_steps"):
        with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(load_sql("app/health_sources").encode()).fetchall()
        tried = [SourceState(**row) for row in rows]
        for one in tried:
            if one.state != "ok":
                said = " ".join(filter(None, (one.message, one.next_step)))
                name = f"{words.source(one.source)}, over {one.connection}"
                st.markdown(f":red[:material/error:] **{formats.plain(name)}**: {formats.plain(said)}")
        st.subheader("1. Ask the doctor", anchor=False)
        st.code("costpulse doctor", language="bash")
        st.markdown("\n".join(f"- **{area}**: {what}." for area, what in _DOCTOR))
        st.subheader("2. Collect", anchor=False)
        st.code("costpulse up", language="bash")
        st.markdown("Or, with the costs of an invented company:")
        st.code("costpulse up --demo", language="bash")
        books.permissions(tried)
    st.button("Look again", icon=":material/refresh:", key="look_again")
