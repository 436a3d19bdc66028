"""Everything that people decided as one file, and a file that becomes it: shown first, then all of it or nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import db, formats, parts, people
from costpulse_app.parts import Frame
from costpulse_assets.alerts.checked_alerts import checked_alert
from costpulse_assets.allocation.plan import Change
from costpulse_assets.allocation.problems import BadRuleSet
from costpulse_assets.allocation.rule_set import protected
from costpulse_assets.allocation.rules_as_code import (
    RulesFile,
    apply_rules,
    planned_changes,
    read_rules,
    rules_text,
    stored_rules,
)
from costpulse_assets.allocation.simulate import Simulation, simulate
from costpulse_assets.errors import BadInput, CostPulseError
from costpulse_assets.identities import identities_of
from costpulse_assets.people import RIGHTS, ROLES, Right
from costpulse_assets.periods import Period

_numbers = count(1)
#: What a file changes at once; who applies it needs the highest role that one of these takes.
_CHANGES: tuple[Right, ...] = (
    "edit members", "edit rules", "edit prices", "edit budgets", "edit alerts", "edit tag policies",
)  # fmt: skip
RIGHT: Right = max(_CHANGES, key=lambda right: ROLES.index(RIGHTS[right]))
_ACTIONS = {"create": "new", "change": "changed", "delete": "deleted"}
#: Final days that the change of each team's cost is shown on.
_DAYS = 30
_MOST_PROBLEMS = 50


@dataclass(frozen=True)
class Plan:
    """What a file would change, and what each team would have been charged; None where no rule changes."""

    file: RulesFile
    changes: tuple[Change, ...]
    simulation: Simulation | None


def show(made: Frame) -> None:
    """Draw the tab."""
    st.markdown(
        "Teams, members, rules, splits, prices, budgets, alerts, routes and tag policies are one YAML file, the same "
        "that `costpulse export` writes and `costpulse apply` reads. Keep it under version control, or carry it to "
        "another installation."
    )
    # Asked for on click only.
    st.download_button(
        "Export configuration",
        _exported,
        "costpulse-configuration.yaml",
        "application/yaml",
        icon=":material/download:",
        key="s_export",
        on_click="ignore",
    )
    st.subheader("Import", anchor=False)
    key = f"import_{st.session_state.get('settings_import', 0)}"
    file = st.file_uploader(
        "Configuration file (YAML)", type=["yaml", "yml"], key=key, max_upload_size=2, **parts.only(RIGHT)
    )
    st.caption("What is not in the file is deleted. Nothing is changed before you have seen what would be.")
    refused_before = st.session_state.pop("import_refused", None)
    if refused_before:
        st.error(formats.plain(refused_before), icon=":material/error:")
    if file is None:
        return
    try:
        with st.spinner("Comparing it with what is there ..."):
            plan = _planned(made, file.name, file.getvalue())
    except BadRuleSet as refused:
        _show_problems([str(one) for one in refused.problems])
    except BadInput as refused:
        _show_problems([f"{refused.message} {refused.next_step}"])
    else:
        _show(made, plan, key)


def _exported() -> str:
    with people.reading() as connection:
        connection.row_factory = dict_row
        return rules_text(stored_rules(connection))


def _planned(made: Frame, name: str, content: bytes) -> Plan:
    """What the file would change; nothing is written.

    Raises:
        BadInput: with line, value and reason of everything that is wrong with it.
    """
    file = read_rules(content, name, alert_check=checked_alert)
    identities = identities_of(db.settings())
    with people.trying() as connection:
        changes = planned_changes(connection, file, identities=identities)
        simulation = None
        if made.last_final and any(change.kind in ("team", "rule", "split") for change in changes):
            first = made.last_final - timedelta(days=_DAYS - 1)
            days = [day for day in sorted(made.days) if first <= day <= made.last_final]
            simulation = simulate(connection, protected(file.document.rule_set, identities), days)
    return Plan(file, changes, simulation)


def _show(made: Frame, plan: Plan, key: str) -> None:
    if not plan.changes:
        st.info("No changes: everything is so already.", icon=":material/check:")
        return
    counted: Counter[str] = Counter(change.action for change in plan.changes)
    said = ", ".join(f"{counted[action]:,} {word}" for action, word in _ACTIONS.items() if counted[action])
    st.markdown(f"**{said[:1].upper()}{said[1:]}.**")
    rows = [
        {"Is": _ACTIONS[each.action], "Object": each.kind, "Name": each.name, "What": "; ".join(each.details)}
        for each in plan.changes
    ]
    parts.table(
        rows,
        key="s_changes",
        alt="What the file changes: object by object, with every field that differs",
        columns={"What": st.column_config.TextColumn(width="large")},
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "costpulse-changes.csv",
        "text/csv",
        icon=":material/download:",
        key="s_changes_csv",
        on_click="ignore",
    )
    if plan.simulation is not None:
        _show_simulation(made, plan.simulation)
    deleted = counted["delete"]
    is_sure = not deleted or st.checkbox(
        f"Yes, delete the {formats.count(deleted, 'object')} that the file does not have", key=f"{key}_sure"
    )
    st.button(
        f"Apply {formats.count(len(plan.changes), 'change')}",
        type="primary",
        key="apply_import",
        disabled=not is_sure,
        on_click=_apply,
        args=[plan],
    )


def _show_simulation(made: Frame, found: Simulation) -> None:
    """What each team would have been charged."""
    days = Period(found.first_day, found.last_day)
    st.markdown(f"**Cost by team, {formats.plain(formats.days(days))}, as it is and as it would have been**")
    money = parts.money_column(made.currency)
    parts.table(
        [
            {"Team": each.team or "Unallocated", "Now": each.before, "Then": each.after, "Change": each.delta}
            for each in found.teams
        ],
        key="s_import_teams",
        alt="Cost of each team before and after the import",
        columns={"Now": money, "Then": money, "Change": money},
        height="content",
    )
    st.caption(
        formats.plain(
            f"Unallocated: {formats.percent(found.unallocated_before)} now, "
            f"{formats.percent(found.unallocated_after)} then."
        )
    )


def _apply(plan: Plan) -> None:
    """In a callback, in the name of the viewer: all of what was shown, or nothing."""
    identities = identities_of(db.settings())
    try:
        with people.acting(RIGHT) as connection:
            done = apply_rules(connection, plan.file, people.current().name, identities=identities)
            if done != plan.changes:
                # Raised inside of the transaction: what was done is taken back.
                raise BadInput(
                    "Somebody changed something after the comparison was made; nothing was changed by you.",
                    next_step="Look at what the file would change now.",
                )
    except CostPulseError as error:
        st.session_state["import_refused"] = f"{error.message} {error.next_step}"
        return
    # Another uploader, which is empty.
    st.session_state["settings_import"] = next(_numbers)
    st.session_state["said"] = (
        f"Applied {formats.count(len(done), 'change')}. The figures that follow from them are made anew by runs that "
        "start within a minute or so; until these have ended the figures are those of before."
    )


def _show_problems(found: Sequence[str]) -> None:
    with st.container(border=True, key="import_problems"):
        st.markdown(":red[:material/error: **Not imported; nothing was changed.**]")
        st.markdown("\n".join(f"- {formats.plain(one)}" for one in found[:_MOST_PROBLEMS]))
        if len(found) > _MOST_PROBLEMS:
            st.caption(f"Only the first {_MOST_PROBLEMS} are shown.")
