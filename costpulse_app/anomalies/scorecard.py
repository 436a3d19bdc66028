"""How well the detector does on this account's own history, beside the simpler method."""

import streamlit as st

from costpulse_app import db, formats, parts
from costpulse_app.anomalies import reads, words
from costpulse_app.anomalies.reads import Score
from costpulse_app.parts import Frame

_METHODS = {"robust": "Robust", "classic": "Classic"}
_ABOUT = {
    "robust": "compares a day with its own weekday and the level of the weeks before, and knows level shifts and drift",
    "classic": "compares a day with the mean and the spread of the seven days before",
}
#: Classes of events as they are put in, the most sudden first.
_CLASSES = ("spike", "burst", "drop", "level shift", "drift")


def show(made: Frame) -> None:
    """Both methods side by side, and what people taught the detector."""
    with parts.panel("scorecard"):
        st.subheader("How well anomalies are found here", anchor=False)
        scores = reads.scorecard()
        if scores:
            card(made, scores)
        else:
            st.caption("The scorecard is made once there are 88 final days: it needs history to put known events into.")
        taught(made)


def card(made: Frame, scores: list[Score]) -> None:
    """In words what the test is and how much noise there is, then class by class."""
    one = scores[0]
    st.caption(
        formats.plain(
            f"Known events were put into the history of {one.series:,} series "
            f"({formats.day(one.first_date)} to {formats.day(one.last_date)}), and both methods had to find them."
        )
    )
    by_method = {
        method: {score.event_class: score for score in scores if score.method == method}
        for method in _METHODS
        if any(score.method == method for score in scores)
    }
    settings = db.settings()
    lines = []
    for method, classes in by_method.items():
        any_class = next(iter(classes.values()))
        used = ", in use" if method == settings.anomaly_method else ""
        found, injected = (
            sum(score.found for score in classes.values()),
            sum(score.injected for score in classes.values()),
        )
        suggestion = (
            f"At sensitivity {any_class.suggested_sensitivity:g} it would raise about the wanted "
            f"{any_class.wanted_alarms_per_week:g} a week"
            if any_class.suggested_sensitivity is not None
            else f"No sensitivity gives the wanted {any_class.wanted_alarms_per_week:g} a week"
        )
        lines.append(
            f"- **{_METHODS[method]}**{used}: {_ABOUT[method]}. "
            + formats.plain(
                f"It found {found} of {injected}, and raises at most {any_class.false_alarms_per_week:.1f} false "
                f"alarms a week. {suggestion}."
            )
        )
    st.markdown("\n".join(lines))
    st.caption(
        formats.plain(
            f"The sensitivity now is {settings.anomaly_sensitivity:g} (setting anomaly_sensitivity; more finds more). "
            "What is in the history already counts as normal in this test, so some of the false alarms are real."
        )
    )
    rows: list[dict[str, object]] = []
    for name in [*_CLASSES, *sorted({score.event_class for score in scores} - set(_CLASSES))]:
        row: dict[str, object] = {"Kind": name.capitalize()}
        for method, classes in by_method.items():
            label, score = _METHODS[method], classes.get(name)
            row[f"{label}: found"] = None if score is None else f"{score.found} of {score.injected}"
            row[f"{label}: days late"] = None if score is None else score.mean_delay_days
            row[f"{label}: missed"] = None if score is None else score.missed_usd
        if len(row) > 1 and any(value is not None for key, value in row.items() if key != "Kind"):
            rows.append(row)
    money = parts.money_column(made.currency, help="Money in the events that were not found")
    late = st.column_config.NumberColumn(format="%.1f", help="Mean of the days until it was found")
    columns = {
        name: money if name.endswith("missed") else late for name in rows[0] if name.endswith(("missed", "late"))
    }
    parts.table(
        rows,
        key="scorecard_table",
        alt="How many events of each kind every method finds, how late, and the money in those it misses",
        columns=columns,
        height="content",
    )


def taught(made: Frame) -> None:
    """The series that are judged less sensitively, and why."""
    lessons = reads.taught()
    if not lessons:
        return
    names = words.scope_names(made, [(one.scope_type, one.scope_id) for one in lessons])
    with st.expander(
        f"Less sensitive by decisions of people: {len(lessons)} series",
        icon=":material/school:",
        key="taught",
    ):
        parts.table(
            [
                {
                    "Scope": words.SCOPES[one.scope_type],
                    "Name": names(one.scope_type, one.scope_id),
                    "Sensitivity": one.factor * 100,
                    "Shown from": one.minimum_impact_usd,
                    "Because of": one.reason,
                }
                for one in lessons
            ],
            key="taught_table",
            alt="Series that are judged less sensitively, and why",
            columns={
                "Sensitivity": st.column_config.NumberColumn(format="%.0f%%", help="Of what is set"),
                "Shown from": parts.money_column(made.currency, help="Smaller differences are not shown"),
            },
        )
