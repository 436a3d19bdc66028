"""Rules and splits in the order in which they are asked, and their forms."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Literal

import streamlit as st
from pydantic import BaseModel, ValidationError

from costpulse_app import formats, parts
from costpulse_app.allocation import draft as drafts
from costpulse_app.allocation import draft_bar, forms, order, reads, suggested, tried
from costpulse_app.allocation.draft import Draft
from costpulse_app.parts import Frame
from costpulse_assets.allocation.documents import BASES, Basis, RuleDocument, RuleSet, ShareDocument, SplitDocument
from costpulse_assets.allocation.problems import Problem
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.rules_as_code import read_shares
from costpulse_assets.errors import CostPulseError
from costpulse_assets.periods import Period

Kind = Literal["rule", "split"]

_DAYS = 30
_BASES: dict[Basis, str] = {
    "fixed": "Fixed percentages",
    "even": "Evenly",
    "direct_spend": "By what each team was allocated directly that day",
    "query_share": "By what each team's queries cost on the warehouse",
    "weights": "By uploaded weights",
}
_IDLE = {"share": "Shared likewise", "leave": "Left Unallocated"}
_TEMPLATE = "team,weight,valid_from,valid_to\r\n"
_numbers = count(1)


def show(made: Frame, draft: Draft) -> None:
    """Draw the tab."""
    draft_bar.show(made, draft)
    editing: tuple[Kind, str | None, int] | None = st.session_state.get("editing")
    if editing is not None:
        form(made, draft, *editing)
    listing(made, draft, "rule")
    listing(made, draft, "split")
    with parts.panel("suggestions"):
        suggested.show(draft)


def listing(made: Frame, draft: Draft, kind: Kind) -> None:
    """All of a kind, first asked first, and the buttons to change them."""
    documents = _asked(draft, kind)
    st.subheader("Rules" if kind == "rule" else "Splits", anchor=False)
    st.caption(
        "The first rule that matches owns the cost; what no rule, split, member or tag pattern claims is Unallocated."
        if kind == "rule"
        else "What no rule claims and several teams share. “The rest” takes what nothing else claims."
    )
    edits = parts.only("edit rules")
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{kind}_buttons"):
        st.button(f"Add {kind}", icon=":material/add:", key=f"add_{kind}", on_click=_open, args=[kind, None], **edits)
        if documents:
            names = [document.name for document in documents]
            chosen = st.selectbox(
                f"Choose a {kind}", names, key=f"chosen_{kind}", label_visibility="collapsed", width=320
            )
            st.button("Edit", key=f"edit_{kind}", on_click=_open, args=[kind, chosen], **edits)
            for step, label in ((-1, "Move up"), (1, "Move down")):
                is_end = chosen == names[0 if step < 0 else -1]
                if st.button(label, key=f"move_{kind}_{step}", **(edits or {"disabled": is_end})):
                    _take(draft, _moved(draft, kind, chosen, step))
            if st.button("Delete", key=f"delete_{kind}", **edits):
                _take(draft, _with(draft, kind, chosen, None))
    if not documents:
        st.caption("There is none yet.")
        return
    with parts.panel(f"{kind}s"):
        cost = reads.cost_by_rule(
            made.version, Period(made.newest - timedelta(days=_DAYS - 1), made.newest), made.measure
        )
        known = _known(draft, kind)
        stored = {
            document.name: document
            for document in (draft.stored.rule_set.rules if kind == "rule" else draft.stored.rule_set.splits)
        }
        rows = [
            _row(kind, place, document, known, cost, stored.get(document.name))
            for place, document in enumerate(documents, 1)
        ]
        parts.table(
            rows,
            key=f"{kind}s_table",
            alt=f"All {kind}s in the order in which they are asked",
            columns={
                "Where": st.column_config.TextColumn(width="large"),
                "Kind": st.column_config.TextColumn(width="small"),
                f"Cost, {_DAYS} days": parts.money_column(
                    made.currency, help=f"At {made.basis}, days not final included"
                ),
            },
            height="content",
        )


def _row(
    kind: Kind,
    place: int,
    document: RuleDocument | SplitDocument,
    known: Any,
    cost: dict[tuple[str, int], Decimal | None],
    stored: BaseModel | None,
) -> dict[str, Any]:
    number, version = known.get(document.name, (None, None))
    owner: dict[str, Any]
    if isinstance(document, RuleDocument):
        owner = {"Team": document.team}
    else:
        owner = {"Basis": _BASES[document.basis], "Teams": _teams(document)}
    state = "new" if stored is None else "saved" if stored == document else "changed"
    return {
        "Order": place,
        "Name": document.name,
        **owner,
        f"Cost, {_DAYS} days": cost.get((kind, number), Decimal(0)) if number is not None else None,
        "Where": RULE_TYPES[document.rule_type].describe(document.conditions),
        "Kind": RULE_TYPES[document.rule_type].title,
        "Priority": document.priority,
        "On": "yes" if document.is_active else "no",
        "Valid": _valid(document),
        "Version": version,
        "State": state,
    }


def _teams(split: SplitDocument) -> str:
    if not split.shares:
        return "those of the users" if split.basis == "query_share" else "all teams"
    return ", ".join(
        share.team if share.weight is None else f"{share.team} {share.weight:f}{'%' if split.basis == 'fixed' else ''}"
        for share in split.shares
    )


def _valid(document: RuleDocument | SplitDocument) -> str:
    if document.valid_from is None and document.valid_to is None:
        return "always"
    return f"{document.valid_from or '…'} to {document.valid_to or '…'}"


def _known(draft: Draft, kind: Kind) -> Mapping[str, tuple[int, int]]:
    """Id and version of what is stored, by name."""
    return draft.stored.rules if kind == "rule" else draft.stored.splits


def _ids(draft: Draft, kind: Kind) -> dict[str, int]:
    return {name: number for name, (number, _) in _known(draft, kind).items()}


def _asked(draft: Draft, kind: Kind) -> Sequence[RuleDocument | SplitDocument]:
    ids = _ids(draft, kind)
    return order.asked(draft.rule_set.rules, ids) if kind == "rule" else order.asked(draft.rule_set.splits, ids)


def _moved(draft: Draft, kind: Kind, name: str, step: int) -> RuleSet:
    rule_set, ids = draft.rule_set, _ids(draft, kind)
    part = (
        {"rules": order.moved(rule_set.rules, ids, name, step)}
        if kind == "rule"
        else {"splits": order.moved(rule_set.splits, ids, name, step)}
    )
    return rule_set.model_copy(update=part)


def _take(draft: Draft, rule_set: RuleSet) -> None:
    """Makes it the draft, or says what is wrong with it. What the form shows may be gone or have another priority."""
    found = drafts.put(draft, rule_set)
    if not found:
        _close()
        st.rerun()
    forms.show_problems(found)


def _open(kind: Kind, name: str | None) -> None:
    st.session_state["editing"] = (kind, name, next(_numbers))


def _close() -> None:
    st.session_state.pop("editing", None)


def _with(draft: Draft, kind: Kind, name: str | None, document: Any) -> RuleSet:
    rule_set = draft.rule_set
    part = (
        {"rules": drafts.replaced(rule_set.rules, name, document)}
        if kind == "rule"
        else {"splits": drafts.replaced(rule_set.splits, name, document)}
    )
    return rule_set.model_copy(update=part)


def form(made: Frame, draft: Draft, kind: Kind, name: str | None, number: int) -> None:
    """The form of a rule or split; taken over into the draft when nothing is wrong with it."""
    documents: Sequence[RuleDocument | SplitDocument]
    documents = draft.rule_set.rules if kind == "rule" else draft.rule_set.splits
    given: Any = next((document for document in documents if document.name == name), None)
    if name is not None and given is None:
        _close()
        return
    key = f"form_{number}"
    teams = [team.name for team in draft.rule_set.teams]
    with st.container(border=True, key="rule_form"):
        st.subheader(f"New {kind}" if given is None else formats.plain(f"{kind.capitalize()} “{name}”"), anchor=False)
        if not teams:
            st.info("There is no team yet: add one in the tab Teams first.")
        typed: dict[str, Any] = {"name": name}
        if given is None:
            typed["name"] = st.text_input("Name", key=f"{key}_name", placeholder="ETL jobs")
        if kind == "rule":
            typed["team"] = st.selectbox(
                "Team", teams, index=teams.index(given.team) if given else None, key=f"{key}_team"
            )
        typed["rule_type"] = forms.kind_of_rule(given and given.rule_type, for_rules=kind == "rule", key=key)
        as_given = given.conditions if given and given.rule_type == typed["rule_type"] else {}
        typed["conditions"] = forms.conditions(typed["rule_type"], as_given, key=key)
        tried.show(made, typed["rule_type"], typed["conditions"])
        faults: list[Problem] = []
        if kind == "split":
            typed |= _sharing(given, teams, faults, key=key)
        typed["priority"] = int(
            st.number_input(
                "Priority",
                value=given.priority if given else 100,
                step=10,
                help="The lowest is asked first; among equals, the older one.",
                key=f"{key}_priority",
            )
        )
        typed["is_active"] = st.toggle("On", given.is_active if given else True, key=f"{key}_active")
        typed["valid_from"], typed["valid_to"] = forms.days(
            given and given.valid_from, given and given.valid_to, key=key
        )
        typed["note"] = st.text_input("Note (optional)", (given and given.note) or "", key=f"{key}_note")
        with st.container(horizontal=True):
            take = st.button(f"Put {kind} into the draft", type="primary", key=f"{key}_take")
            st.button("Cancel", key=f"{key}_cancel", on_click=_close)
        if take:
            with parts.panel("take"):
                faults += _taken(draft, kind, name, typed)
                if not faults:
                    _close()
                    st.rerun()
        forms.show_problems(faults)


def _taken(draft: Draft, kind: Kind, name: str | None, typed: dict[str, Any]) -> Sequence[Problem]:
    """Puts what was typed into the draft; what is wrong with it."""
    model = RuleDocument if kind == "rule" else SplitDocument
    where = f"{kind.capitalize()} {typed['name'] or ''!r}"
    # What must be there and is not stays empty: so it is said together with everything else that is wrong.
    empty = {"name": "", "team": ""} if kind == "rule" else {"name": ""}
    try:
        document = model.model_validate(empty | {field: value for field, value in typed.items() if value is not None})
    except ValidationError as error:
        return forms.refused_by_model(where, error)
    return drafts.put(draft, _with(draft, kind, name, document))


def _sharing(given: SplitDocument | None, teams: Sequence[str], faults: list[Problem], *, key: str) -> dict[str, Any]:
    """Basis, idle, and the teams with their weights, typed or from a file."""
    basis = st.selectbox(
        "Shared",
        BASES,
        index=BASES.index(given.basis) if given else 0,
        format_func=_BASES.__getitem__,
        key=f"{key}_basis",
    )
    typed: dict[str, Any] = {"basis": basis}
    if basis == "query_share":
        typed["idle"] = st.selectbox(
            "What no query used",
            list(_IDLE),
            index=list(_IDLE).index(given.idle) if given else 0,
            format_func=_IDLE.__getitem__,
            key=f"{key}_idle",
        )
    shares: Sequence[ShareDocument] = given.shares if given else ()
    if basis == "weights":
        with st.container(horizontal=True, vertical_alignment="bottom"):
            file = st.file_uploader("Weights from a CSV file", type="csv", key=f"{key}_file", max_upload_size=2)
            st.download_button(
                "Template", _TEMPLATE, "weights.csv", "text/csv", key=f"{key}_template", on_click="ignore"
            )
        if file is not None:
            try:
                shares = read_shares(file.getvalue(), file.name)
            except CostPulseError as error:
                faults += [Problem(file.name, "file", "", f"is refused: {error.message}")]
    elif basis == "query_share":
        st.caption("Teams are those of the users who ran the queries.")
    columns: dict[str, Any] = {"team": st.column_config.SelectboxColumn("Team", options=list(teams), width="medium")}
    if basis in ("fixed", "weights"):
        label = "Percent" if basis == "fixed" else "Weight"
        columns["weight"] = st.column_config.TextColumn(label)
    columns |= {
        "valid_from": st.column_config.DateColumn("Valid from", format="YYYY-MM-DD"),
        "valid_to": st.column_config.DateColumn("Valid to", format="YYYY-MM-DD"),
    }
    if basis == "direct_spend":
        st.caption("No team listed means all teams.")
    if basis != "query_share":
        # Another file is another table: edits of the one before do not belong to it.
        typed["shares"] = forms.editor(
            shares, columns, key=f"{key}_shares_{basis}_{hash(tuple(shares))}", alt="Teams that share"
        )
    return typed
