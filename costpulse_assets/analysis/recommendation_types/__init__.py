"""Types of recommendations, one file each: a new file that declares a `RECOMMENDATION_TYPE` is a new type."""

from importlib import import_module
from pkgutil import iter_modules

from costpulse_assets.analysis.recommendation_types.declaration import RecommendationType, Threshold

__all__ = ["RECOMMENDATION_TYPES", "RecommendationType", "Threshold"]

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]

#: Every type by its name, which is that of its file.
RECOMMENDATION_TYPES: dict[str, RecommendationType] = {
    module.RECOMMENDATION_TYPE.name: module.RECOMMENDATION_TYPE
    for module in _MODULES
    if hasattr(module, "RECOMMENDATION_TYPE")
}
