"""One finding: what its message says, whether it arrived, and what can be done about it."""

from collections.abc import Sequence
from itertools import count
from urllib.parse import parse_qs, urlsplit

import plotly.graph_objects as go
import streamlit as st
from streamlit.navigation.page import StreamlitPage

from costpulse_app import charts, formats, nav, parts, people
from costpulse_app.alerts import reads, words
from costpulse_app.alerts.dialogs import Dialog
from costpulse_app.alerts.reads import Finding, Line
from costpulse_app.alerts.state import open_one
from costpulse_app.charts import Palette
from costpulse_app.parts import Frame
from costpulse_assets.alerts.message import Message, Series
from costpulse_assets.alerts.words import percent, signed_usd
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, run

_numbers = count(1)
#: What can be sent again.
_RESENDS = ("refused", "failed", "unknown")


def show(made: Frame, number: int, *, is_linked: bool = False) -> None:
    """Draw the detail.

    Args:
        made: the frame.
        number: of the finding.
        is_linked: what can be done is what a signed link above asks for.
    """
    if not is_linked:
        st.button("All alerts", key="back", icon=":material/arrow_back:", on_click=open_one, args=[None])
    found = reads.finding(number)
    if found is None:
        # The same whether it never was or is out of the viewer's scope.
        st.info("There is no such finding, or it is not yours to see.", icon=":material/search_off:")
        return
    finding, lines = found
    heading(made, lines[0])
    if not is_linked:
        acts(finding.content, lines[0])
    left, right = st.columns([3, 2], gap="large")
    with left:
        message(made, finding.content)
    with right:
        figures(made, finding, lines[0])
    deliveries(lines)


def heading(made: Frame, one: Line) -> None:
    """What was found, by which alert, and how it stands."""
    st.subheader(formats.plain(one.message), anchor=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(words.SEVERITIES[one.severity], icon=words.SHAPES[one.severity], color=words.COLOURS[one.severity])
        if words.phase(one):
            st.badge(words.phase(one).capitalize(), color="gray")
        if one.ended_at is not None:
            st.badge(f"Over since {formats.moment(one.ended_at)}", icon=":material/check:", color="green")
        if one.acknowledged_by is not None:
            st.badge(
                formats.plain(f"Acknowledged by {one.acknowledged_by}"), icon=":material/visibility:", color="blue"
            )
    st.caption(
        formats.plain(
            f"{words.kind(one.alert_type)}: alert “{one.alert_name}”, about {one.scope_name}. Came true on "
            f"{formats.day(one.occurred_on)}, found {formats.moment(one.triggered_at)}."
        )
    )


def acts(content: Message, one: Line) -> None:
    """Acknowledge, and the way to the view that shows it."""
    with st.container(horizontal=True, gap="small", key="finding_actions"):
        if one.acknowledged_at is None and st.button(
            "Acknowledge", key="acknowledge", icon=":material/visibility:", **parts.only("decide on findings")
        ):
            with parts.panel("acknowledge"):
                with people.acting("decide on findings") as connection:
                    mark_acknowledged(connection, one.id)
                st.session_state["said"] = "Acknowledged: the audit log has your name."
                st.rerun()
        wanted = view_of(content.view)
        if wanted is not None:
            page, query = wanted
            if st.button(f"Open in {page.title}", key="open_view", icon=":material/open_in_new:"):
                st.switch_page(page, query_params=query)
    if one.status != "told":
        st.info(f"{formats.plain(words.state(one))}.", icon=":material/notifications_off:")


def mark_acknowledged(connection: Connection, number: int) -> None:
    """The viewer looks after a finding, in the caller's transaction.

    Raises:
        BadInput: somebody else does already, or it is not there.
    """
    if not run(connection, "app/alert_page_acknowledge", {"id": number, "actor": people.current().name}):
        raise BadInput("Somebody else acknowledged it meanwhile.", next_step="Reload to see who.")


def view_of(path: str) -> tuple[StreamlitPage, dict[str, list[str]]] | None:
    """The page and the query that a message leads to; None where it leads here, or nowhere any more."""
    parsed = urlsplit(path)
    name = parsed.path.strip("/")
    if name == "alerts":
        return None
    page = next((each for each in nav.pages(people.current()) if each.url_path == name), None)
    return None if page is None else (page, parse_qs(parsed.query))


def message(made: Frame, content: Message) -> None:
    """What it says, as text."""
    st.markdown(formats.plain(content.text))
    if content.figures:
        st.markdown(
            "\n".join(
                ["| Figure | Value |", "| :--- | ---: |"]
                + [f"| {formats.plain(each.label)} | {formats.plain(each.text)} |" for each in content.figures]
            )
        )
    if content.series is not None and content.series.points:
        st.plotly_chart(
            by_day(content.series, currency=made.currency, look=charts.palette(st.context.theme.type)),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="finding_chart",
            alt=f"{content.series.label}, bars by day",
        )
        with st.expander("Show as table", key="finding_table"):
            parts.table(
                [{"Day": each.day, content.series.label: each.value} for each in reversed(content.series.points)],
                key="finding_rows",
                alt=content.series.label,
            )
    causes(content)
    for section in content.sections:
        st.markdown(f"**{formats.plain(section.title)}**")
        st.markdown("\n".join(f"- {formats.plain(line)}" for line in section.lines))
    for note in content.notes:
        st.caption(formats.plain(note))


def causes(content: Message) -> None:
    """What explains it, as the message has it."""
    shown = [*content.causes, *(cause for section in content.sections for cause in section.causes)]
    if not shown:
        return
    st.markdown("**Causes**")
    st.markdown(
        "\n".join(
            f"- {formats.plain(f'{one.kind} {one.name}'.strip())}: {formats.plain(signed_usd(one.usd))}"
            + (f" ({formats.plain(one.note)})" if one.note else "")
            for one in shown
        )
    )


def figures(made: Frame, finding: Finding, one: Line) -> None:
    """The figure that was judged, and what makes this finding another than the next."""
    with st.container(horizontal=True, gap="small"):
        st.metric("Value", words.value(one, made.currency), border=True)
        if one.threshold is not None:
            st.metric("Threshold", words.threshold(one, made.currency), border=True)
    st.caption("Told once: another finding with this key is never told.")
    st.code(finding.finding_key, language=None, wrap_lines=True)
    with st.popover("Link", icon=":material/link:", key="link"):
        st.markdown("Opens this finding.")
        st.code(parts.link("alerts", {"id": [str(one.id)]}), language=None, wrap_lines=True)


def deliveries(lines: Sequence[Line]) -> None:
    """Every message of the finding, with its state; what did not arrive can be sent again."""
    sent = [one for one in lines if one.message_id is not None]
    st.subheader("Messages", anchor=False)
    if people.current().scope != "all":
        st.caption("Whom it was told is shown to those who see every team.")
        return
    if not sent:
        st.caption("There is none.")
        return
    for one in sent:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
            colour = {"delivered": "green", "waiting": "blue", "sending": "blue"}.get(one.state or "", "red")
            with st.container(gap="xsmall"):
                st.badge(formats.plain(words.state(one)), color=colour)  # type: ignore[arg-type]
                st.markdown(formats.plain(_delivery(one)))
                if one.answer:
                    st.caption(formats.plain(f"Answer: {one.answer}"))
            if one.state in _RESENDS:
                st.button(
                    "Send again",
                    key=f"resend_{one.message_id}",
                    icon=":material/replay:",
                    on_click=_ask_to_resend,
                    args=[one],
                    **parts.only("send messages again"),
                )


def by_day(series: Series, *, currency: str, look: Palette) -> go.Figure:
    """The small chart of the message, with what it is compared with as a line."""

    def said(value: object) -> str:
        return percent(value) if series.unit == "percent" else formats.money(value, currency)  # type: ignore[arg-type]

    figure = go.Figure()
    figure.add_bar(
        name=series.label,
        x=[each.day for each in series.points],
        y=[float(each.value) for each in series.points],
        customdata=[(said(each.value), formats.day(each.day)) for each in series.points],
        marker={"color": look.series[0]},
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
    )
    charts.dress(figure, look, 240, "cost" if series.unit == "usd" else "dbu", currency)
    figure.update_xaxes(tickformat="%d %b")
    figure.update_layout(showlegend=False)
    if series.reference is not None:
        figure.add_hline(
            y=float(series.reference),
            line={"color": look.critical, "width": 2, "dash": "dash"},
            annotation={
                "text": formats.no_html(said(series.reference)),
                "font": {"color": look.text},
                "bgcolor": look.ground,
            },
        )
    return figure


def _delivery(one: Line) -> str:
    said = f"{one.channel}, {formats.count(one.attempts or 0, 'attempt')}"
    if one.delivered_at is not None:
        return f"{said}, delivered {formats.moment(one.delivered_at)}"
    if one.state in ("waiting", "failed") and one.due_at is not None:
        return f"{said}, due {formats.moment(one.due_at)}"
    return f"{said}, settled {formats.moment(one.settled_at)}" if one.settled_at is not None else said


def _ask_to_resend(one: Line) -> None:
    st.session_state["alert_dialog"] = Dialog("resend", next(_numbers), line=one)
