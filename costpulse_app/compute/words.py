"""What machines, their states and their settings are called."""

import json
import shlex
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from costpulse_app import formats
from costpulse_app.compute.reads import Detail, Facts, Finding
from costpulse_app.parts import Frame

#: By the value of the URL's parameter `kind`.
KINDS = {
    "all-purpose": "All-purpose cluster",
    "job": "Job cluster",
    "pipeline": "Pipeline cluster",
    "warehouse": "SQL warehouse",
    "other": "Other compute",
}
#: By the value of the URL's parameter `state`.
STATES = {
    "running": "Running",
    "idle": "Running, idle",
    "stopped": "Stopped",
    "deleted": "Deleted",
    "unknown": "Not known",
}
STATE_ICONS = {
    "running": ":material/play_arrow:",
    "idle": ":material/hourglass_empty:",
    "stopped": ":material/stop:",
    "deleted": ":material/delete:",
    "unknown": ":material/help:",
}
SETTINGS = {
    "auto_termination_minutes": "Auto-termination, minutes",
    "auto_stop_minutes": "Auto-stop, minutes",
    "num_workers": "Workers",
    "min_workers-max_workers": "Workers, fewest-most",
    "driver_node_type": "Node type of the driver",
    "worker_node_type": "Node type of the workers",
    "warehouse_size": "Size",
    "min_clusters": "Fewest clusters",
    "max_clusters": "Most clusters",
}
SOURCES = {
    "job": "Jobs",
    "pipeline": "Pipelines",
    "dashboard": "Dashboards",
    "alert": "Alerts",
    "genie": "Genie",
    "notebook": "Notebooks",
    "sql_query": "SQL queries",
    "other": "Other",
    "idle": "Idle: no statement",
    "unknown": "Not known: queries not read",
}
#: Minutes after which a machine that never stops would be ended by the change that is shown.
CLUSTER_MINUTES, WAREHOUSE_MINUTES, SERVERLESS_MINUTES = 30, 30, 10

#: Where nothing was measured, and why.
NOT_MEASURED = (
    "A dash stands where nothing was measured. Databricks gives CPU and memory of classic clusters only, and for 90 "
    "days; SQL warehouses and serverless compute have none. Idle time of a warehouse comes from its events and queries."
)


def names(made: Frame, shown: Iterable[Facts], known: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Names by (cluster or warehouse, workspace/id); different machines have different names.

    Args:
        made: the frame.
        shown: machines of a list.
        known: names that were collected of those whose facts bring none.
    """
    by_type: dict[str, dict[str, str | None]] = {}
    for one in shown:
        by_type.setdefault(one.machine_type, {})[one.id] = one.name or known.get((one.machine_type, one.id))
    return {
        (machine_type, group or ""): name
        for machine_type, found in by_type.items()
        for group, name in made.names.all(machine_type, list(found.items())).items()
    }


def titled(name: str, one: Facts) -> str:
    """The name, and that it is gone."""
    return f"{name} (deleted)" if one.state == "deleted" else name


def size(one: Facts) -> str | None:
    """Fewest to most workers or clusters: 2-8, or 4 where it does not scale."""
    if one.min_size is None and one.max_size is None:
        return None
    if one.min_size == one.max_size or one.min_size is None or one.max_size is None:
        return str(one.max_size if one.max_size is not None else one.min_size)
    return f"{one.min_size}-{one.max_size}"


def node(one: Facts) -> str | None:
    """The node type, or the size of a warehouse as people write it: 2X-Large."""
    if one.machine_type == "warehouse" and one.node_type:
        return one.node_type.replace("_", "-").title()
    return one.node_type


def auto_stop(one: Facts) -> str | None:
    """After how long it ends by itself."""
    if one.never_stops:
        return "never"
    if one.kind in ("job", "pipeline"):
        return "with its run"
    return f"{one.auto_stop_minutes} min" if one.auto_stop_minutes else None


def yes(value: bool | None) -> str | None:
    """A flag in a table."""
    return None if value is None else "yes" if value else "no"


def hours(value: Decimal | None) -> str:
    """Hours on cards: 1,234.5 h."""
    return formats.UNKNOWN if value is None else formats.dbus(value).replace(" DBU", " h")


def percent(value: Decimal | None) -> str:
    """A percentage as it is stored, 0 to 100."""
    return formats.percent(None if value is None else value / 100)


def fix(one: Detail, found: Iterable[Finding]) -> tuple[str, str] | None:
    """What would end the idle time: a sentence, and the line that does it with the Databricks CLI.

    An open recommendation says it with its own figures; else a machine that never stops by itself gets a usual limit.

    Args:
        one: the machine.
        found: what was found about it.
    """
    for finding in found:
        if finding.command and finding.acts_on in ("idle time", "existence"):
            return finding.title, cli_line(finding.command)
    if not one.never_stops:
        return None
    if one.machine_type == "cluster":
        body: dict[str, Any] = {
            "cluster_id": one.machine_id,
            "update_mask": "autotermination_minutes",
            "cluster": {"autotermination_minutes": CLUSTER_MINUTES},
        }
        said = (
            f"It never ends by itself. This ends it after {CLUSTER_MINUTES} idle minutes; it restarts if it is running."
        )
        return said, _post("/api/2.1/clusters/update", body)
    minutes = SERVERLESS_MINUTES if one.is_serverless else WAREHOUSE_MINUTES
    # An edit may set back what it leaves out.
    body = {
        "name": one.name,
        "cluster_size": node(one),
        "min_num_clusters": one.min_size,
        "max_num_clusters": one.max_size,
        "warehouse_type": one.warehouse_type and ("CLASSIC" if one.warehouse_type == "CLASSIC" else "PRO"),
        "enable_serverless_compute": one.is_serverless,
        "auto_stop_mins": minutes,
    }
    said = f"It never stops by itself. This stops it after {minutes} minutes without a statement."
    given = {name: value for name, value in body.items() if value is not None}
    return said, _post(f"/api/2.0/sql/warehouses/{one.machine_id}/edit", given)


def cli_line(command: str) -> str:
    """A request as recommendations write it (POST path body) as a line for the Databricks CLI; others as they are."""
    method, _, rest = command.partition(" ")
    path, _, body = rest.partition(" ")
    if method != "POST":
        return command
    return f"databricks api post {shlex.quote(path)}" + (f" --json {shlex.quote(body)}" if body else "")


def _post(path: str, body: Mapping[str, Any]) -> str:
    return cli_line(f"POST {path} {json.dumps(body)}")
