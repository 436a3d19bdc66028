"""Checks the database: the embedded one is started if it is there, and stopped again; nothing is made."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from costpulse_assets.doctor.examination import Examination, Verdict, clock_verdict
from costpulse_assets.errors import BadSettings, CostPulseError, SchemaMismatch
from costpulse_assets.resources.database import Database, Row, open_database, run
from costpulse_assets.resources.migrations import ROLES, check_schema
from costpulse_assets.resources.open_source import connections_of_another_source
from costpulse_assets.settings import Settings

AREA = "database"
CHECKS = ("disk", "server", "TimescaleDB", "schema", "bills", "roles", "size", "clock")

#: Below this a collection of some weeks, or the database's own log of changes, may fill the disk.
_LEAST_FREE_BYTES = 2 << 30
_OLDEST_SERVER = 140_000


def examine_database(examination: Examination, settings: Settings) -> None:
    """Disk, server, extension, schema, roles, size and clock."""
    data_dir = settings.data_dir
    usable = examination.check(AREA, "disk", lambda: _disk(data_dir))
    if settings.database_url is None and not _has_cluster(data_dir):
        if usable:
            examination.add(
                AREA,
                "server",
                Verdict(
                    "warning",
                    f"Not set up yet: there is no database in {data_dir}.",
                    "Run `costpulse up`; it makes one there. Or set COSTPULSE_DATABASE_URL to a database of your own.",
                ),
            )
        examination.skip(AREA, CHECKS[2:] if usable else CHECKS[1:], "There is no database yet.")
        return
    examination.announce(f"{AREA}: server")  # starting the embedded one takes a moment
    opened = False
    try:
        with open_database(settings) as database:
            opened = True
            _examine_open(examination, database, settings)
    except CostPulseError as error:
        examination.add(AREA, "server", Verdict("failed", error.message, error.next_step))
        if not opened:
            examination.skip(AREA, CHECKS[2:], "The database does not run.")


def _examine_open(examination: Examination, database: Database, settings: Settings) -> None:
    facts: Row = {}
    if not examination.check(AREA, "server", lambda: _server(database, facts)):
        examination.skip(AREA, CHECKS[2:], "The database does not answer, or is too old.")
        return
    examination.check(AREA, "TimescaleDB", lambda: _timescaledb(facts))
    examination.check(AREA, "schema", lambda: _schema(database))
    if examination.findings[-1].result == "ok":
        examination.check(AREA, "bills", lambda: _bills(database, settings))
    else:
        examination.skip(AREA, ["bills"], "The schema is that of another version.")
    examination.check(AREA, "roles", lambda: _roles(facts))
    examination.check(AREA, "size", lambda: Verdict("ok", f"The database takes {_size(facts['size_bytes'])}."))
    examination.check(
        AREA,
        "clock",
        lambda: clock_verdict(facts["clock"], facts["before"], facts["after"], whose="the database"),
    )


def _disk(data_dir: Path) -> Verdict:
    absolute = data_dir.absolute()
    there = next(path for path in (absolute, *absolute.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise BadSettings(
            f"The data directory {data_dir} cannot be used: {there} is not a folder that this user may write.",
            next_step="Choose another one with --data-dir or COSTPULSE_DATA_DIR.",
        )
    free = shutil.disk_usage(there).free
    found = f"{_size(free)} free where {data_dir} is" + ("." if there == absolute else " to be made.")
    if free < _LEAST_FREE_BYTES:
        return Verdict("warning", found, f"Free some space, {_size(_LEAST_FREE_BYTES)} at least, or use another disk.")
    return Verdict("ok", found)


def _has_cluster(data_dir: Path) -> bool:
    try:
        return (data_dir / "postgres" / "cluster").exists()
    except OSError:
        return True  # opening it says what is wrong


def _server(database: Database, facts: Row) -> Verdict:
    """Fills `facts` with the row of sql/app/server_facts.sql and our time around it."""
    with database.session() as connection:
        before = datetime.now(UTC)
        facts.update(run(connection, "app/server_facts", {"roles": list(ROLES)})[0])
        facts.update(before=before, after=datetime.now(UTC))
    found = f"PostgreSQL {facts['version']} answers (tested: 17 with TimescaleDB, 18 embedded; 14 is the oldest)."
    if facts["version_number"] < _OLDEST_SERVER:
        return Verdict("failed", found, "Upgrade the server to PostgreSQL 14 or newer.")
    return Verdict("ok", found)


def _timescaledb(facts: Row) -> Verdict:
    if facts["timescaledb"] is None:
        offered = facts["timescaledb_offered"]
        more = f" The server offers {offered}: a database that is made anew uses it." if offered else ""
        return Verdict("ok", f"Not in use: plain tables, as in the embedded database.{more}")
    if facts["timescaledb_licence"] == "timescale":
        return Verdict(
            "ok", f"Version {facts['timescaledb']}, Community edition (timescale): older days are compressed."
        )
    return Verdict("ok", f"Version {facts['timescaledb']}, Apache edition: chunks by time, without compression.")


def _schema(database: Database) -> Verdict:
    try:
        check_schema(database.url)
    except SchemaMismatch as error:
        # Older (or empty) is what the next start mends; everything else needs other files.
        older = "costpulse migrate" in error.next_step
        return Verdict("warning" if older else "failed", error.message, error.next_step)
    return Verdict("ok", "The schema is that of this version.")


def _bills(database: Database, settings: Settings) -> Verdict:
    try:
        foreign = connections_of_another_source(database, settings)
    except BadSettings:
        return Verdict("skipped", "Not known: the source is not configured right.")
    if foreign:
        return Verdict(
            "failed",
            f"It holds what was read over {', '.join(foreign)}, which is not the source of the settings.",
            "Choose another folder with --data-dir, or another COSTPULSE_DATABASE_URL.",
        )
    known = sorted(row["connection"] for row in database.rows("app/connections"))
    return Verdict("ok", f"Read so far over {', '.join(known)}." if known else "Nothing was read so far.")


def _roles(facts: Row) -> Verdict:
    missing = [role for role in ROLES if role not in facts["roles"]]
    if not missing:
        return Verdict("ok", f"{', '.join(ROLES)} exist.")
    if not facts["has_schema"]:
        return Verdict("skipped", "They come with the schema.")
    return Verdict(
        "warning",
        f"Missing: {', '.join(missing)}. Until then `costpulse sql` reads with the owner's rights.",
        "As an administrator run "
        + "; ".join(f"CREATE ROLE {role} NOLOGIN" for role in missing)
        + "; then set the database up anew with `costpulse migrate`, which grants them their rights.",
    )


def _size(count: int) -> str:
    return f"{count / (1 << 30):,.1f} GB" if count >= 1 << 30 else f"{count / (1 << 20):,.0f} MB"
