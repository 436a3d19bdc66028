"""Inputs for the documents of a rule set; those of conditions come from what the rule type declares."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import BaseModel, ValidationError

from costpulse_app import formats, parts
from costpulse_assets.allocation.plan import Change
from costpulse_assets.allocation.problems import Problem
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.rule_types.declaration import FormField, refusals
from costpulse_assets.allocation.text_files import plain_number

_MOST_PARTS = 8
_MOST_PROBLEMS = 50
_ACTIONS = {"create": "new", "change": "changed", "delete": "removed"}


def kind_of_rule(chosen: str | None, *, for_rules: bool, key: str) -> str:
    """The rule type, by its title; its documentation below."""
    known = [name for name, kind in RULE_TYPES.items() if kind.for_rules or not for_rules]
    name = st.selectbox(
        "Kind",
        known,
        index=known.index(chosen) if chosen in known else known.index("tag_match"),
        format_func=lambda name: RULE_TYPES[name].title,
        key=f"{key}_kind",
    )
    st.caption(RULE_TYPES[name].documentation)
    return name


def conditions(rule_type: str, given: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """The fields that the rule type declares; what is left empty is left out."""
    found = {
        field.name: _value(field, given.get(field.name), key=f"{key}_{rule_type}_{field.name}")
        for field in RULE_TYPES[rule_type].form_fields
    }
    return {name: value for name, value in found.items() if value}


def _value(field: FormField, given: Any, *, key: str) -> Any:
    label = field.label if field.is_required else f"{field.label} (optional)"
    match field.widget:
        case "lines":
            text = st.text_area(
                label, "\n".join(given or ()), help=field.help or None, placeholder=field.example, key=key, height=110
            )
            return lines_of(text)
        case "text":
            return st.text_input(
                label, given or "", help=field.help or None, placeholder=field.example, key=key
            ).strip()
        case "switch":
            return st.toggle(field.label, bool(given), help=field.help or None, key=key)
        case "parts":
            return _parts(field, given or (), key=key)


def _parts(field: FormField, given: Sequence[Mapping[str, Any]], *, key: str) -> list[dict[str, Any]]:
    """Several conditions, each of a rule type of its own."""
    known = [name for name, kind in RULE_TYPES.items() if kind.for_rules and name != "all_of"]
    number = st.number_input(
        f"{field.label}: how many",
        1,
        max(_MOST_PARTS, len(given)),
        len(given) or 2,
        help=field.help or None,
        key=f"{key}_number",
    )
    found = []
    for place in range(int(number)):
        part: Mapping[str, Any] = (
            given[place] if place < len(given) else {"rule_type": known[place % len(known)], "conditions": {}}
        )
        with st.container(border=True):
            rule_type = st.selectbox(
                f"Condition {place + 1}",
                known,
                index=known.index(part["rule_type"]),
                format_func=lambda name: RULE_TYPES[name].title,
                key=f"{key}_{place}_kind",
            )
            of_part = part["conditions"] if rule_type == part["rule_type"] else {}
            found.append({"rule_type": rule_type, "conditions": conditions(rule_type, of_part, key=f"{key}_{place}")})
    return found


def days(first: date | None, last: date | None, *, key: str) -> tuple[date | None, date | None]:
    """First and last day of validity; both may be open."""
    with st.container(horizontal=True):
        valid_from = st.date_input("Valid from (first UTC day)", first, key=f"{key}_from", width=190)
        valid_to = st.date_input("Valid to (last UTC day)", last, key=f"{key}_to", width=190)
    return valid_from, valid_to


def editor(documents: Sequence[BaseModel], columns: Mapping[str, Any], *, key: str, alt: str) -> list[dict[str, Any]]:
    """A table of small documents to be edited; rows that are empty are left out.

    Args:
        documents: the rows.
        columns: the fields that are shown, with their column configuration.
        key: of the widget.
        alt: what the table is, for assistive technology.
    """
    rows = [{name: _cell(getattr(document, name)) for name in columns} for document in documents]
    edited = st.data_editor(
        pd.DataFrame(rows, columns=list(columns), dtype=object),
        column_config=dict(columns),
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        key=key,
        alt=alt,
    )
    found = [
        {str(name): _plain_value(value) for name, value in row.items() if not _is_empty(value)}
        for row in edited.to_dict("records")
    ]
    return [row for row in found if row]


def member_editor(members: Sequence[BaseModel], *, key: str) -> list[dict[str, Any]]:
    """The table in which the members of a team are edited; see `editor`."""
    return editor(
        members,
        {
            "email": st.column_config.TextColumn("E-mail or application id", width="large"),
            "role": st.column_config.SelectboxColumn("Role", options=["member", "owner"], default="member"),
            "valid_from": st.column_config.DateColumn("Valid from", format="YYYY-MM-DD"),
            "valid_to": st.column_config.DateColumn("Valid to", format="YYYY-MM-DD"),
        },
        key=key,
        alt="Members of the team",
    )


def lines_of(text: str) -> list[str]:
    """One entry per line that is not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def refused_by_model(where: str, error: ValidationError) -> list[Problem]:
    """What does not fit a document, as problems of it."""
    return [Problem(where, one.field, one.value, one.reason) for one in refusals(error)]


def show_problems(found: Sequence[Problem]) -> None:
    """Everything that is wrong at once, with field, value and reason; the input is kept."""
    if not found:
        return
    with st.container(border=True, key="problems"):
        st.markdown(":red[:material/error: **Not taken over; nothing was changed.**]")
        st.markdown("\n".join(f"- {formats.plain(str(one))}" for one in found[:_MOST_PROBLEMS]))
        if len(found) > _MOST_PROBLEMS:
            st.caption(f"Only the first {_MOST_PROBLEMS} are shown.")


@dataclass(frozen=True)
class Upload:
    """A CSV file that somebody hands in, to become what is there."""

    name: str
    content: bytes
    #: Whether what is not in the file shall go.
    removes_others: bool


def upload(what: str, now: str, *, key: str, help: str) -> Upload | None:
    """What is there as a file, and the way back: a file chosen by the viewer, or None.

    Args:
        what: what each row is, in the plural: "members".
        now: the file that says what is there.
        key: of the widgets; another one forgets the file.
        help: the columns.
    """
    st.caption(help)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.file_uploader(
            f"{what.capitalize()} from a CSV file", type="csv", key=f"{key}_file", max_upload_size=2
        )
        st.download_button(
            f"Download {what}",
            now,
            f"{what}.csv",
            "text/csv",
            icon=":material/download:",
            key=f"{key}_download",
            on_click="ignore",
        )
    removes_others = st.toggle(f"Remove {what} that are not in the file", key=f"{key}_removes")
    return None if file is None else Upload(file.name, file.getvalue(), removes_others)


def show_changes(
    changes: Sequence[tuple[str, Change]], unchanged: int, *, key: str, alt: str, of: str | None = None
) -> None:
    """What a file would change, and how many rows of it change nothing.

    Args:
        changes: each with what it belongs to.
        unchanged: rows that are there already.
        key: of the table.
        alt: what the table is, for assistive technology.
        of: heading of what the changes belong to; None: that is not shown.
    """
    counted: Counter[str] = Counter(change.action for _, change in changes)
    said = [f"{counted[action]:,} {word}" for action, word in _ACTIONS.items() if counted[action]]
    st.markdown(f"{', '.join(said) or 'Nothing to change'}, {unchanged:,} the same.")
    if changes:
        parts.table(
            [
                {
                    "Is": _ACTIONS[change.action],
                    **({of: belongs_to} if of is not None else {}),
                    "Name": change.name,
                    "What": "; ".join(change.details),
                }
                for belongs_to, change in changes
            ],
            key=key,
            alt=alt,
            columns={"What": st.column_config.TextColumn(width="large")},
        )


def _cell(value: Any) -> Any:
    """Numbers as text: the browser would round them."""
    return plain_number(value) if isinstance(value, Decimal) else value


def _is_empty(value: Any) -> bool:
    return value is None or value is pd.NaT or value != value or (isinstance(value, str) and not value.strip())


def _plain_value(value: Any) -> Any:
    """Days as days, whatever the table made of them."""
    return value.date() if isinstance(value, pd.Timestamp) else value
