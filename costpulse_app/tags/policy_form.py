"""The dialog of one tag policy: typed, its score previewed, then saved as a whole or not at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st
from pandas.api.types import is_list_like

from costpulse_app import formats, parts, people
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_app.tags.headline import points
from costpulse_app.tags.words import KINDS
from costpulse_assets.allocation.problems import Problem
from costpulse_assets.allocation.tag_policies import (
    RESOURCE_TYPES,
    BadTagPolicies,
    StoredTagPolicy,
    TagPolicyChangedMeanwhile,
    TagPolicyDocument,
    TagPolicyOverride,
    delete_tag_policy,
    save_tag_policy,
    stored_tag_policies,
    tag_policy_problems,
)
from costpulse_assets.analysis.tag_compliance import Preview, preview_tag_policies
from costpulse_assets.periods import Period

_REQUIRED = {True: "Required", False: "Not required"}
#: What an empty cell of an override means.
_AS_EVERYWHERE = "As everywhere"
_FIELDS = {
    "resource_types": "required for",
    "allowed_values": "allowed values",
    "overrides": "override",
    "valid_from": "valid from",
}
_SHOWN_PATTERNS = 10

#: What a scope of an override is called: ("team" or "workspace", name or id) by label.
Scopes = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Editing:
    """The dialog that is open: "edit" or "delete", the policy as it was read, what the form begins with."""

    what: str
    policy: StoredTagPolicy | None
    given: TagPolicyDocument | None
    number: int


@dataclass(frozen=True)
class Tried:
    """What a document was found to be: faults, or the preview (None while no day is final)."""

    document: TagPolicyDocument
    faults: tuple[str, ...] = ()
    preview: Preview | None = None


@st.dialog("Tag policy", width="large", on_dismiss=lambda: close())
def dialog(made: Frame, version: Version, editing: Editing) -> None:
    """New or changed; it can be saved once its preview was seen."""
    key = f"tag_{editing.number}"
    document = _inputs(made, editing.given, key)
    with st.container(horizontal=True, key="tag_dialog_buttons"):
        preview = st.button("Preview the score", key=f"{key}_preview")
        # Drawn here, and known only after the preview.
        place = st.container(horizontal=True, width="content")
    with parts.panel("tag_policy"):
        if preview:
            with st.spinner("Judging the last 30 final days by it ..."):
                st.session_state[f"{key}_tried"] = try_out(document, editing.policy)
        tried: Tried | None = st.session_state.get(f"{key}_tried")
        is_seen = tried is not None and tried.document == document and not tried.faults
        with place:
            save = st.button(
                "Create tag policy" if editing.policy is None else "Save tag policy",
                type="primary",
                key=f"{key}_save",
                disabled=not is_seen,
                help=None if is_seen else "Look at the preview first.",
            )
            if st.button("Cancel", key=f"{key}_cancel"):
                close()
                st.rerun()
        if save and is_seen:
            faults = _saved(document, editing.policy)
            if not faults:
                close()
                st.rerun()
            _refused(faults)
        elif tried is not None and tried.document != document:
            st.caption("Changed since the preview.")
        elif tried is not None and tried.faults:
            _refused(tried.faults)
        elif tried is not None:
            _show_preview(made, tried)


@st.dialog("Delete tag policy", on_dismiss=lambda: close())
def deleting(policy: StoredTagPolicy) -> None:
    """Asks before a policy goes."""
    key = policy.document.key
    st.markdown(
        formats.plain(
            f"Deletes the policy of “{key}”: the key is not judged any more. The last 90 days are judged again "
            "without it; older days stay as they are."
        )
    )
    with st.container(horizontal=True):
        if st.button("Keep it", type="primary", key="keep_tag"):
            close()
            st.rerun()
        delete = st.button("Delete tag policy", key="delete_tag_really")
    if delete:
        with parts.panel("delete_tag"):
            with people.acting("edit tag policies") as connection:
                delete_tag_policy(connection, policy.id, people.current().name, version=policy.version)
            st.session_state["said"] = f"Deleted the policy of “{key}”. The last 90 days are judged again without it."
            close()
            st.rerun()


def close() -> None:
    """The next run opens no dialog."""
    st.session_state.pop("editing_tag", None)


def try_out(document: TagPolicyDocument, policy: StoredTagPolicy | None) -> Tried:
    """The faults of a document, or the score by it and all other policies; nothing is written."""
    with people.trying() as connection:
        stored = stored_tag_policies(connection)
        others = [each.document for each in stored if policy is None or each.id != policy.id]
        drafts = [*others, document]
        wrong = tag_policy_problems(drafts, connection)
        faults = tuple(in_words(problem) for index, problem in wrong if index == len(others))
        return Tried(document, faults, None if faults else preview_tag_policies(connection, drafts))


def in_words(problem: Problem) -> str:
    """A fault as the form says it, without the name of the policy: Key exists: edit it."""
    if problem.field == "key" and problem.reason.startswith("exists"):
        return "Key exists: edit it."
    said = str(problem).removeprefix(f"{problem.where}: ").removeprefix(problem.field)
    said = _FIELDS.get(problem.field, problem.field) + said.replace("allowed_values", _FIELDS["allowed_values"])
    return said[:1].upper() + said[1:]


def override_rows(document: TagPolicyDocument | None, scopes: Scopes) -> pd.DataFrame:
    """The overrides of a policy as the table of the form has them."""
    labels = {scope: label for label, scope in scopes.items()}
    rows = [
        {
            "Where": labels[each.scope_type, each.scope],
            "Required": None if each.required is None else _REQUIRED[each.required],
            "Allowed values": None if each.allowed_values is None else list(each.allowed_values),
        }
        for each in (document.overrides if document is not None else ())
    ]
    return pd.DataFrame(rows, columns=["Where", "Required", "Allowed values"], dtype=object)


def overrides_of(rows: Iterable[Mapping[Any, Any]], scopes: Scopes) -> tuple[TagPolicyOverride, ...]:
    """The reverse of `override_rows`; rows in which nothing was chosen are left out.

    An empty cell is as everywhere, a list without values allows any.
    """
    required = {label: value for value, label in _REQUIRED.items()}
    found = []
    for row in rows:
        chosen, values = row["Where"], row["Allowed values"]
        if not isinstance(chosen, str):
            continue
        scope_type, scope = scopes[chosen]
        typed = [text for each in values if (text := str(each).strip())] if is_list_like(values) else None
        found.append(
            TagPolicyOverride.model_validate(
                {
                    "scope_type": scope_type,
                    "scope": scope,
                    "required": required.get(row["Required"]),
                    "allowed_values": typed,
                }
            )
        )
    return tuple(found)


def scopes_of(made: Frame, document: TagPolicyDocument | None) -> dict[str, tuple[str, str]]:
    """Where something can be otherwise: every team and workspace, and what the policy names already."""
    found: dict[str, tuple[str, str]] = {}
    for team in made.names.ids("team"):
        name = made.names.one("team", team)
        found[f"Team: {name}"] = ("team", name)
    workspaces = made.names.all("workspace", [(one, None) for one in made.names.ids("workspace")])
    for workspace, name in workspaces.items():
        found[f"Workspace: {name}"] = ("workspace", workspace or "")
    for each in document.overrides if document is not None else ():
        if (each.scope_type, each.scope) not in found.values():
            found[f"{each.scope_type.capitalize()}: {each.scope}"] = (each.scope_type, each.scope)
    return found


def _inputs(made: Frame, given: TagPolicyDocument | None, key: str) -> TagPolicyDocument:
    left, right = st.columns(2, gap="medium")
    with left:
        name = st.text_input("Key", given.key if given else "", key=f"{key}_key", placeholder="cost_center")
        allowed = st.text_area(
            "Allowed values",
            "\n".join(given.allowed_values) if given else "",
            key=f"{key}_allowed",
            height=110,
            placeholder="prod\ncc-*",
            help="One a line; * stands for anything. Empty: every value that is not blank.",
        )
        case = st.toggle(
            "Values in another case are wrong", given.case_sensitive if given else False, key=f"{key}_case"
        )
        valid_from = st.date_input(
            "Valid from (optional)",
            given.valid_from if given else None,
            key=f"{key}_from",
            help="First usage day that is judged by it. Empty: all.",
        )
    with right:
        aliases = st.text_area(
            "Also written (optional)",
            "\n".join(given.aliases) if given else "",
            key=f"{key}_aliases",
            height=110,
            placeholder="cost-center",
            help="One a line: keys that count as this one, the first before the others.",
        )
        exact = st.toggle(
            "Keys in another case are other keys", given.keys_case_sensitive if given else False, key=f"{key}_exact"
        )
        kinds = st.multiselect(
            "Required for",
            list(RESOURCE_TYPES),
            list(given.resource_types if given else RESOURCE_TYPES),
            format_func=KINDS.__getitem__,
            key=f"{key}_kinds",
        )
        required = st.toggle(
            "Required",
            given.required if given else True,
            key=f"{key}_required",
            help="Off: the key is not asked for and not judged.",
        )
    scopes = scopes_of(made, given)
    with st.expander("Otherwise for a team or in a workspace", expanded=bool(given and given.overrides)):
        edited = st.data_editor(
            override_rows(given, scopes),
            num_rows="dynamic",
            hide_index=True,
            key=f"{key}_overrides",
            alt="What is otherwise for teams and workspaces",
            placeholder=_AS_EVERYWHERE,
            column_config={
                "Where": st.column_config.SelectboxColumn(options=list(scopes), width="medium"),
                "Required": st.column_config.SelectboxColumn(options=list(_REQUIRED.values())),
                "Allowed values": st.column_config.ListColumn(width="medium", help="Enter after each value."),
            },
        )
        st.caption(
            "A team holds for the teams below it too, and goes before a workspace. A list of values that was emptied "
            "allows any."
        )
    return TagPolicyDocument.model_validate(
        {
            "key": name,
            "aliases": _lines(aliases),
            "keys_case_sensitive": exact,
            "required": required,
            # In one order, so that a choice made twice is the same document.
            "resource_types": [kind for kind in RESOURCE_TYPES if kind in kinds],
            "allowed_values": _lines(allowed),
            "case_sensitive": case,
            "overrides": overrides_of(edited.to_dict("records"), scopes),
            "valid_from": valid_from if isinstance(valid_from, date) else None,
        }
    )


def _show_preview(made: Frame, tried: Tried) -> None:
    found = tried.preview
    with st.container(border=True, key="tag_preview", gap="xsmall"):
        if found is None:
            st.markdown("The score follows with the first final day.")
            return
        days = Period(found.days[0], found.days[-1])
        for what, before, after in (
            ("of the dollars", found.before.by_cost, found.after.by_cost),
            ("of the resources", found.before.by_resource, found.after.by_resource),
        ):
            change = points(after, before)
            then = f", now {formats.percent(before)}" + (f" ({change})" if change else "")
            st.markdown(f"**{formats.plain(formats.percent(after))}** {what} would be compliant{formats.plain(then)}.")
        for row in found.keys:
            if row["tag_key"] == tried.document.key:
                st.markdown(formats.plain(_of_key(made, row)))
        patterns = [pattern for key, pattern in found.never_match if key == tried.document.key]
        for pattern in patterns[:_SHOWN_PATTERNS]:
            st.markdown(
                f":orange[:material/warning:] This pattern matches none of the values seen: {formats.plain(pattern)}"
            )
        if len(patterns) > _SHOWN_PATTERNS:
            st.markdown(f"And {len(patterns) - _SHOWN_PATTERNS} further patterns match none of them.")
        st.caption(f"{formats.days(days)}, final days. Nothing was saved yet.")


def _of_key(made: Frame, row: Mapping[str, Any]) -> str:
    """The key itself: $1,200 valid, $30 wrong, $200 missing."""
    wrong: Decimal = row["not_allowed_cost_usd"] + row["wrong_case_cost_usd"]
    missing: Decimal = row["missing_cost_usd"] + row["blank_cost_usd"]
    amounts = {"valid": row["valid_cost_usd"], "with a wrong value": wrong, "missing": missing}
    if row["not_required_cost_usd"]:
        amounts["not required"] = row["not_required_cost_usd"]
    said = ", ".join(f"{formats.money(usd, made.currency)} {what}" for what, usd in amounts.items())
    return f"{row['tag_key']}: {said}."


def _refused(faults: Iterable[str]) -> None:
    with st.container(border=True, key="tag_problems"):
        st.markdown(":red[:material/error: **Not saved; nothing was changed.**]")
        st.markdown("\n".join(f"- {formats.plain(fault)}" for fault in faults))


def _saved(document: TagPolicyDocument, policy: StoredTagPolicy | None) -> list[str]:
    """Saves it in the name of the viewer; what is wrong with it, in which case nothing was changed."""
    try:
        with people.acting("edit tag policies") as connection:
            save_tag_policy(
                connection,
                document,
                people.current().name,
                policy_id=None if policy is None else policy.id,
                version=None if policy is None else policy.version,
            )
    except BadTagPolicies as refused:
        return [in_words(problem) for problem in refused.problems]
    except TagPolicyChangedMeanwhile as refused:
        return [refused.message]
    st.session_state["said"] = (
        f"{'Created' if policy is None else 'Saved'} the policy of “{document.key}”. The last 90 days are judged by "
        "it in a run that starts within a minute or so; until then the figures are those of before."
    )
    return []


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
