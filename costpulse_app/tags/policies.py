"""Which tags are required: the list, the buttons to change it, and the keys that could be required."""

from itertools import count

import streamlit as st

from costpulse_app import parts
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_app.tags import policy_form, reads, words
from costpulse_app.tags.reads import KeyScore
from costpulse_assets.allocation.tag_policies import StoredTagPolicy, TagPolicyDocument

_numbers = count(1)


def show(made: Frame, version: Version, policies: list[StoredTagPolicy], keys: list[KeyScore]) -> None:
    """Draw the part."""
    st.subheader("Required tags", anchor=False)
    edits = parts.only("edit tag policies")
    with st.container(horizontal=True, vertical_alignment="bottom", key="tag_buttons"):
        st.button(
            "New tag policy",
            icon=":material/add:",
            key="new_tag",
            on_click=open_form,
            args=["edit", None],
            shortcut="N",
            **edits,
        )
        if policies:
            of_id = {each.id: each for each in policies}
            chosen = st.selectbox(
                "Choose a tag policy",
                list(of_id),
                format_func=lambda policy_id: of_id[policy_id].document.key,
                key="chosen_tag",
                label_visibility="collapsed",
                width=260,
            )
            st.button("Edit", key="edit_tag", on_click=open_form, args=["edit", of_id[chosen]], **edits)
            st.button("Delete", key="delete_tag", on_click=open_form, args=["delete", of_id[chosen]], **edits)
    if policies:
        listing(made, policies, keys)
    if not any(policy.document.required for policy in policies):
        coverage(made, version, policies)
        return
    with st.expander("Keys found in the last 30 final days", key="keys_found", on_change="rerun") as found:
        # As much work as judging these days: only for whoever wants to see it.
        if found.open:
            coverage(made, version, policies)


def dialogs(made: Frame, version: Version) -> None:
    """The dialog that is open, if one is."""
    editing: policy_form.Editing | None = st.session_state.get("editing_tag")
    if editing is None:
        return
    # As it was when the dialog opened: what somebody else changes meanwhile is found when it is saved.
    if editing.what == "delete" and editing.policy is not None:
        policy_form.deleting(editing.policy)
    else:
        policy_form.dialog(made, version, editing)


def listing(made: Frame, policies: list[StoredTagPolicy], keys: list[KeyScore]) -> None:
    """Every policy with what people typed."""
    valid = {key.tag_key: key.share for key in keys}
    workspaces = {one: made.names.one("workspace", one) for one in made.names.ids("workspace")}
    rows = []
    for policy in policies:
        document = policy.document
        share = valid.get(document.key)
        rows.append(
            {
                "Key": document.key,
                "Valid %": None if share is None else share * 100,
                "Also written": ", ".join(document.aliases) or None,
                "Required": "Yes" if document.required else "No",
                "For": words.kinds(document),
                "Allowed values": words.allowed(document),
                "Other case": "Not allowed" if document.case_sensitive else "Allowed",
                "Elsewhere": words.overrides(document, workspaces) or None,
                "From": document.valid_from,
            }
        )
    parts.table(
        rows,
        key="t_policies",
        alt="Tag policies: key, share of cost that is valid, aliases, kinds, allowed values, overrides",
        columns={
            "Valid %": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100),
            "Allowed values": st.column_config.TextColumn(width="medium"),
            "Elsewhere": st.column_config.TextColumn(help="What is otherwise for a team or in a workspace."),
            "From": st.column_config.DateColumn(format="YYYY-MM-DD", help="First usage day that is judged by it."),
        },
        height="content",
    )


def coverage(made: Frame, version: Version, policies: list[StoredTagPolicy]) -> None:
    """Keys found with the share of taggable cost that has a value, and a button to require one."""
    with parts.panel("keys_found"):
        found = reads.keys_found(version)
        if not found:
            st.caption("No taggable cost of a final day carries a tag.")
            return
        taken = {name.lower() for policy in policies for name in policy.document.names}
        parts.table(
            [
                {
                    "Key": row["spellings"][0],
                    "Coverage": None if row["share"] is None else row["share"] * 100,
                    "Cost with a value": row["cost_usd"],
                    "Values": row["value_count"],
                    "Spelled": ", ".join(row["spellings"]),
                    "Has a policy": "yes" if row["tag_key"] in taken else "no",
                }
                for row in found
            ],
            key="t_keys_found",
            alt="Tag keys found, with the share of taggable cost that has a value, most covered first",
            columns={
                "Coverage": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100),
                "Cost with a value": parts.money_column(made.currency),
            },
        )
        free = [row["spellings"][0] for row in found if row["tag_key"] not in taken]
        if free:
            with st.container(horizontal=True, vertical_alignment="bottom", key="require_found"):
                chosen = st.selectbox("Key to require", free, key="t_found", label_visibility="collapsed", width=260)
                st.button(
                    "Require this key",
                    key="require_key",
                    on_click=open_form,
                    args=["edit", None, TagPolicyDocument(key=chosen)],
                    **parts.only("edit tag policies"),
                )


def open_form(what: str, policy: StoredTagPolicy | None, draft: TagPolicyDocument | None = None) -> None:
    """In a callback: the next run opens the dialog."""
    given = draft if policy is None else policy.document
    st.session_state["editing_tag"] = policy_form.Editing(what, policy, given, next(_numbers))
