"""What things are called on the pages: names where they are known, the end of the id where not."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from costpulse_app import formats
from costpulse_assets.costs.spend import DIMENSIONS, NONE

_PRODUCTS = {
    "ALL_PURPOSE": "All-purpose compute",
    "INTERACTIVE": "Interactive",
    "JOBS": "Jobs",
    "SQL": "SQL",
    "DLT": "Pipelines",
    "LAKEFLOW_CONNECT": "Lakeflow Connect",
    "MODEL_SERVING": "Model serving",
    "DEFAULT_STORAGE": "Storage",
    "VECTOR_SEARCH": "Vector search",
    "UNKNOWN": "Unknown product",
}
_ACRONYMS = frozenset({"AI", "API", "DLT", "ML", "SQL"})
# Ids of these are workspace/resource.
_RESOURCES = frozenset({"job", "cluster", "warehouse", "pipeline", "endpoint"})


@dataclass(frozen=True)
class Names:
    """Names of workspaces and teams by (dimension, id)."""

    known: Mapping[tuple[str, str], str | None]

    def one(self, dimension: str, group_id: str | None, name: str | None = None) -> str:
        """What one group is called.

        Args:
            dimension: a key of DIMENSIONS.
            group_id: its id; None or NONE for rows without one.
            name: its name where the rows bring it (jobs).
        """
        if group_id is None or group_id == NONE:
            return DIMENSIONS[dimension].without
        if dimension == "product":
            return _product(group_id)
        if dimension in ("workspace", "team"):
            return self.known.get((dimension, group_id)) or f"(unnamed) {formats.unnamed(group_id)}"
        if dimension == "tag":
            return group_id or "(blank)"
        if dimension in _RESOURCES:
            resource = group_id.partition("/")[2]
            return name or (resource if dimension == "endpoint" else formats.unnamed(resource))
        return group_id

    def all(self, dimension: str, groups: Iterable[tuple[str | None, str | None]]) -> dict[str | None, str]:
        """Names of a whole list by id, different for different ids: a name met twice gets its workspace."""
        named = {group_id: self.one(dimension, group_id, name) for group_id, name in groups}
        twice = {name for name, times in Counter(named.values()).items() if times > 1}
        for group_id, name in named.items():
            if name in twice and group_id is not None and dimension in _RESOURCES:
                workspace, _, resource = group_id.partition("/")
                where = self.one("workspace", workspace or None)
                named[group_id] = f"{name} ({where}, {formats.unnamed(resource)})"
            elif name in twice and group_id is not None:
                named[group_id] = f"{name} ({formats.unnamed(group_id)})"
        return named

    def ids(self, dimension: str) -> list[str]:
        """All ids of workspaces or teams."""
        return [group_id for kind, group_id in self.known if kind == dimension]


def _product(product: str) -> str:
    base = product.removesuffix("_SERVERLESS")
    words = [word if word in _ACRONYMS else word.lower() for word in base.split("_")]
    name = _PRODUCTS.get(base, " ".join([words[0] if words[0] in _ACRONYMS else words[0].capitalize(), *words[1:]]))
    return name if base == product else f"{name}, serverless"
