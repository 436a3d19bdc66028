"""The input for what an alert watches: the choices that its type allows, by name."""

from datetime import timedelta

import streamlit as st

from costpulse_app import queries
from costpulse_app.alerts import words
from costpulse_app.parts import Frame
from costpulse_assets.alerts.alert_types import AlertType
from costpulse_assets.allocation.budgets import UNALLOCATED
from costpulse_assets.costs.spend import Selection, Windows
from costpulse_assets.periods import Period

#: Days whose cost says which jobs, SKUs, warehouses and clusters can be chosen.
_DAYS = 30


def scope_input(made: Frame, declared: AlertType, scope_type: str, scope_id: str, *, key: str) -> tuple[str, str]:
    """Scope type and id that are chosen.

    Args:
        made: the frame.
        declared: type of the alert; only its scopes are offered.
        scope_type: what the alert watches now.
        scope_id: which one.
        key: of the widgets; those of another type of scope are others.
    """
    offered = list(declared.scopes)
    # With the types of scopes in the key: another type of alert may not know what was chosen for the one before.
    of_type = f"{key}_{'_'.join(offered)}"
    chosen = (
        st.selectbox(
            "Watches",
            offered,
            index=offered.index(scope_type) if scope_type in offered else 0,
            format_func=words.SCOPES.__getitem__,
            key=f"{of_type}_watches",
        )
        if len(offered) > 1
        else offered[0]
    )
    if chosen == "everything":
        return chosen, ""
    given = scope_id if chosen == scope_type else ""
    if chosen == "tag":
        typed = st.text_input("Tag", given, key=f"{key}_tag", placeholder="project=atlas", help="Written as key=value.")
        return chosen, typed.strip()
    named = options(made, chosen)
    if given:
        named.setdefault(given, words.scope_name(made, chosen, given))
    ids = list(named)
    found = st.selectbox(
        words.SCOPES[chosen].partition(" (")[0],
        ids,
        index=ids.index(given) if given else None,
        format_func=lambda one: named.get(one, one),
        placeholder="Choose one",
        key=f"{key}_{chosen}",
    )
    return chosen, found or ""


def options(made: Frame, scope_type: str) -> dict[str, str]:
    """Names by id of what there is: everything that has a list, the largest of 30 days of what has none."""
    match scope_type:
        case "team":
            ids = [*made.names.ids("team"), UNALLOCATED]
        case "workspace":
            ids = made.names.ids("workspace")
        case "product":
            ids = queries.products(made.version)
        case _:
            last = made.newest
            windows = Windows(Period(max(min(made.days), last - timedelta(days=_DAYS - 1)), last), made.last_final)
            found = queries.by_group(made.version, windows, scope_type, "", Selection(), "cost", queries.LARGEST)
            groups = [(one.group_id, one.group_name) for one in found if one.group_id and not one.further]
            return {group or "": name for group, name in made.names.all(scope_type, groups).items()}
    return {one: words.scope_name(made, scope_type, one) for one in ids}


def as_document(made: Frame, scope_type: str, scope_id: str) -> str:
    """As documents have it: teams by name, everything else by id."""
    if scope_type == "team" and scope_id not in ("", UNALLOCATED):
        return made.names.one("team", scope_id)
    return scope_id
