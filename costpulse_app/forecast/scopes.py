"""Whose forecast, budget or change bridge the filter bar asks for."""

from costpulse_app import formats
from costpulse_app.filters import Filters
from costpulse_app.names import Names
from costpulse_assets.allocation.budgets import UNALLOCATED
from costpulse_assets.analysis.series import Scope, ScopeType
from costpulse_assets.costs.spend import NONE

#: Dimensions of the filters that are scopes of forecasts.
_DIMENSIONS: dict[str, ScopeType] = {"workspace": "workspace", "team": "team", "product": "product", "sku": "sku"}


def chosen(filters: Filters) -> Scope | None:
    """Everything, or the one thing the filters are narrowed to; None where they are narrowed to something else."""
    only, tags = filters.selection.only, filters.selection.tags
    if not only and not tags:
        return Scope("everything")
    if not only and len(tags) == 1:
        ((key, value),) = tags
        return Scope("tag", f"{key}={value}") if value and "=" not in key else None
    if tags or len(only) > 1:
        return None
    ((dimension, ids),) = only
    if dimension not in _DIMENSIONS or len(ids) > 1:
        return None
    without = UNALLOCATED if dimension == "team" else ""
    return Scope(_DIMENSIONS[dimension], without if ids[0] == NONE else ids[0])


def narrowed(filters: Filters, scope: Scope) -> Filters:
    """The same filters, narrowed to a scope and nothing else."""
    free = Filters(range=filters.range, custom=filters.custom, basis=filters.basis)
    if scope.type == "everything":
        return free
    if scope.type == "tag":
        key, _, value = scope.id.partition("=")
        return free.with_tag(key, value)
    return free.with_only(scope.type, [NONE if scope.id in ("", UNALLOCATED) else scope.id])


def name(names: Names, scope: Scope) -> str:
    """What a scope is called."""
    match scope.type:
        case "everything":
            return "Everything"
        case "tag":
            key, _, value = scope.id.partition("=")
            return f"{key} = {value}"
        case _:
            return names.one(scope.type, NONE if scope.id in ("", UNALLOCATED) else scope.id)


def kind(scope: Scope) -> str:
    """Which kind of scope it is, in words."""
    return {"everything": "", "sku": "SKU"}.get(scope.type, scope.type.capitalize())


def probability(share: float | None) -> str:
    """A probability in words of percent, never more certain than it is: <1%, 64%, >99%."""
    if share is None:
        return formats.UNKNOWN
    if share < 0.005:
        return "<1%"
    return ">99%" if share > 0.995 else f"{share * 100:.0f}%"
