"""One report: its figures, its file with the checksum, who asked for it, and what to do where it failed."""

import streamlit as st

from costpulse_app import db, formats, parts
from costpulse_app.reports import asking, download, progress, reads, words
from costpulse_app.reports.reads import StoredReport
from costpulse_app.reports.state import open_one

#: Longer texts of a summary do not fit on a card.
_LONGEST_FIGURE = 24


def show(number: int) -> None:
    """Draw the detail."""
    st.button("All reports", key="back", icon=":material/arrow_back:", on_click=open_one, args=[None])
    one = reads.report(number)
    if one is None:
        # The same whether it never was or is out of the viewer's scope.
        st.info("There is no such report, or it is not yours to see.", icon=":material/search_off:")
        return
    heading(one)
    progress.show(one.id)
    acts(one)
    if one.problem is not None:
        st.error(formats.plain(one.problem), icon=":material/error:")
        st.caption("Run again once the cause is gone: it is made anew, with the data there is then.")
    figures(one)
    facts(one)


def heading(one: StoredReport) -> None:
    """What it is, and how it stands."""
    st.subheader(formats.plain(one.name), anchor=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(words.STATES[one.status], icon=words.SHAPES[one.status], color=words.COLOURS[one.status])
        if one.is_provisional:
            st.badge("Some days were not final", icon=":material/hourglass_top:", color="yellow")
    st.caption(
        formats.plain(f"{words.about(one)}. Asked for by {one.requested_by} on {formats.moment(one.requested_at)}.")
    )


def acts(one: StoredReport) -> None:
    """Download, run again, and the link."""
    with st.container(horizontal=True, gap="small", key="report_actions"):
        problem = download.button(one, key="download_report", is_primary=True)
        if not one.is_pending:
            st.button(
                "Run again",
                key="run_again",
                icon=":material/replay:",
                on_click=asking.remember,
                args=[one],
                **parts.only("ask for reports"),
            )
        with st.popover("Link", icon=":material/link:", key="link"):
            st.markdown("Opens this report.")
            st.code(parts.link("reports", {"id": [str(one.id)]}), language=None, wrap_lines=True)
    if problem:
        st.warning(formats.plain(problem), icon=":material/file_present:")
    if one.status == "expired":
        kept = formats.count(db.settings().report_retention_days, "day")
        st.info(
            formats.plain(f"Files are kept for {kept}; this one was deleted. Run again makes it with today's data."),
            icon=":material/delete_history:",
        )
    asking.ask_remembered()


def figures(one: StoredReport) -> None:
    """The figures of its summary: the total first, what is a sentence below."""
    short = {label: text for label, text in one.summary.items() if len(text) <= _LONGEST_FIGURE}
    if short:
        with st.container(horizontal=True, gap="small", key="report_figures"):
            for label in sorted(short, key=lambda label: (not label.startswith("Total"), label)):
                with st.container(border=True, width=230, height="stretch", gap="xsmall"):
                    st.metric(formats.plain(label), short[label])
    for label, text in one.summary.items():
        if label not in short:
            st.markdown(f"**{formats.plain(label)}**: {formats.plain(text)}")


def facts(one: StoredReport) -> None:
    """Everything else that is known of it."""
    known = [
        ("Period", f"{formats.days(one.period)}, UTC days"),
        ("Team", words.team(one)),
        ("Format", words.FORMATS[one.format]),
        ("FOCUS version", str(one.options.get("focus_version", "")) if one.format == "focus" else ""),
        ("Split", words.SPLITS.get(one.options.get("split", ""), "") if one.format == "focus" else ""),
        ("Rows of detail", "" if one.row_count is None else f"{one.row_count:,}"),
        ("Size", "" if one.size_bytes is None else words.size(one.size_bytes)),
        ("Told when ready", ", ".join(one.channels) or "nobody"),
        ("Making began", "" if one.started_at is None else formats.moment(one.started_at)),
        (
            "Made" if one.problem is None else "Failed",
            "" if one.finished_at is None else formats.moment(one.finished_at),
        ),
        ("File is kept until", formats.moment(one.expires_at) if one.expires_at and one.status == "ready" else ""),
        ("Run of Dagster", one.run_id or ""),
    ]
    st.subheader("About this report", anchor=False)
    st.markdown(
        "\n".join(
            ["| What | Value |", "| :--- | :--- |"]
            + [f"| {formats.plain(label)} | {formats.plain(text)} |" for label, text in known if text]
        )
    )
    if one.checksum is not None:
        st.caption(
            "SHA-256 of the list of its files and their checksums:"
            if one.format == "focus"
            else "SHA-256 of the file; `sha256sum FILE` gives the same:"
        )
        st.code(one.checksum, language=None, wrap_lines=True)
    with st.expander("Make the same from the command line", icon=":material/terminal:", key="report_command"):
        st.code(words.command(one), language="bash", wrap_lines=True)
