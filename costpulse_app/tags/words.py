"""What resources, faults and policies are called on the page Tag compliance."""

from collections.abc import Mapping

from costpulse_app import formats
from costpulse_assets.allocation.tag_policies import RESOURCE_TYPES, TagPolicyDocument
from costpulse_assets.analysis.tag_messages import nearest_allowed
from costpulse_assets.resources.database import Row

NOBODY = "Nobody known"
#: Kinds of resources, as forms and tables name them.
KINDS = {
    "cluster": "Clusters",
    "warehouse": "Warehouses",
    "job": "Jobs",
    "pipeline": "Pipelines",
    "endpoint": "Endpoints",
    "other": "Notebooks, apps and others",
}
_MOST_VALUES = 5


def kind(row: Row) -> str:
    """Job; Database instance; Usage where the bill names no resource but the product alone."""
    return "Usage" if row["resource_kind"] == "product" else str(row["resource_kind"]).replace("_", " ").capitalize()


def missing(row: Row) -> str:
    """The keys without a value: team, env (blank)."""
    return ", ".join([*row["missing_keys"], *(f"{key} (blank)" for key in row["blank_keys"])])


def wrong(row: Row) -> str:
    """The values that are not allowed, each with the nearest that is: env: Prod → prod."""
    said = []
    for fault in row["wrong_values"]:
        nearest = nearest_allowed(fault["value"], fault["allowed"])
        instead = f"→ {nearest}" if nearest is not None else f"(allowed: {_listed(fault['allowed'])})"
        said.append(f"{fault['key']}: {fault['value']} {instead}")
    return "; ".join(said)


def where(row: Row) -> str:
    """The workspace by its name."""
    return row["workspace_name"] or f"(unnamed) {formats.unnamed(row['workspace_id'])}"


def kinds(document: TagPolicyDocument) -> str:
    """All, or the kinds it is required for."""
    if set(document.resource_types) == set(RESOURCE_TYPES):
        return "All"
    return ", ".join(KINDS[name] for name in RESOURCE_TYPES if name in document.resource_types)


def allowed(document: TagPolicyDocument) -> str:
    """The allowed values, or that every value counts."""
    return _listed(document.allowed_values) if document.allowed_values else "Any that is not blank"


def overrides(document: TagPolicyDocument, workspaces: Mapping[str, str]) -> str:
    """What is otherwise where: Risk: not required."""
    said = []
    for override in document.overrides:
        name = override.scope if override.scope_type == "team" else workspaces.get(override.scope, override.scope)
        rules = [] if override.required is None else ["required" if override.required else "not required"]
        if override.allowed_values is not None:
            values = f"only {_listed(override.allowed_values)}" if override.allowed_values else "any value"
            rules.append(values)
        said.append(f"{name}: {', '.join(rules)}")
    return "; ".join(said)


def _listed(values: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
    return ", ".join(values[:_MOST_VALUES]) + more
