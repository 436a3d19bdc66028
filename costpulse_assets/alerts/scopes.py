"""What scopes are called, and whether they are there."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from costpulse_assets.alerts.alert_types.declaration import Finding
from costpulse_assets.resources.database import Connection, run

#: (type, id), as in the tables.
Scope = tuple[str, str]


@dataclass(frozen=True)
class KnownScope:
    """What is known of a scope.

    Attributes:
        name: what people call it: the present name, else its id.
        is_there: False: it was deleted, or never was on the bill. Tags are always there, and before the first bill so
            is everything but teams.
    """

    name: str
    is_there: bool


def known_scopes(connection: Connection, scopes: Iterable[Scope]) -> dict[Scope, KnownScope]:
    """What is known of each of these scopes."""
    asked = sorted(set(scopes))
    if not asked:
        return {}
    rows = run(
        connection,
        "transform/named_scopes",
        {"scope_types": [kind for kind, _ in asked], "scope_ids": [scope_id for _, scope_id in asked]},
    )
    return {(row["scope_type"], row["scope_id"]): KnownScope(row["name"], row["is_there"]) for row in rows}


def named(connection: Connection, findings: Iterable[Finding]) -> list[Finding]:
    """The same findings with the names of their scopes."""
    findings = list(findings)
    scopes = known_scopes(connection, [(finding.scope_type, finding.scope_id) for finding in findings])
    return [replace(finding, scope_name=scopes[finding.scope_type, finding.scope_id].name) for finding in findings]
