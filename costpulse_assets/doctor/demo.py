"""Checks the demo account as it lies in the data directory: it is neither made nor brought up to date here."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from costpulse_assets.doctor.connections import connection_area
from costpulse_assets.doctor.examination import Examination, Verdict
from costpulse_assets.doctor.tables import examine_tables, tables_area, tables_of
from costpulse_assets.errors import CostPulseError
from costpulse_assets.resources.open_source import DEMO_ACCOUNT
from costpulse_assets.settings import Settings


def examine_demo_account(examination: Examination, settings: Settings) -> None:
    """One row saying that it is read, and the rows of its tables."""
    # Imported here: DuckDB is of no use to anybody else.
    from costpulse_assets.resources.demo_account import DemoAccount

    path = settings.data_dir / "demo-account.duckdb"
    facts: dict[str, Any] = {}
    if not examination.check(connection_area(DEMO_ACCOUNT), "source", lambda: _stands_in(path, facts)) or not facts:
        examination.skip(tables_area(DEMO_ACCOUNT), ["all"], "The demo account is not made yet.")
        return
    try:
        # The facts of the file, not those of today: others would make the account anew.
        with DemoAccount(**facts, path=path) as account:
            examine_tables(
                examination,
                DEMO_ACCOUNT,
                account,
                tables_of(settings, ("billing", "regional")),
                settings=settings,
                principal=None,
                today=facts["as_of"],
            )
    except CostPulseError as error:
        examination.add(tables_area(DEMO_ACCOUNT), "all", Verdict("failed", error.message, error.next_step))


def _stands_in(path: Path, facts: dict[str, Any]) -> Verdict:
    """Fills `facts` with what the account was made from, if this version made it."""
    import duckdb

    from costpulse_assets.resources.demo_account.build import GENERATOR_VERSION

    says = "The built-in demo account stands in for Databricks"
    if not path.exists():
        return Verdict("warning", f"{says}; it is not made yet.", "Run `costpulse up --demo`, which makes it.")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            row = connection.execute("select facts from demo_account").fetchone()
        found = json.loads(row[0]) if row else {}
    except duckdb.Error:
        found = {}
    if found.pop("generator", None) != GENERATOR_VERSION:
        return Verdict(
            "warning",
            f"{says}; it was made by another version.",
            "Run `costpulse materialize`: the next collection makes it anew.",
        )
    days = {name: date.fromisoformat(found[name]) for name in ("end_date", "as_of")}
    facts.update(found | days)
    return Verdict("ok", f"{says}: seed {facts['seed']}, {facts['days']} days to {facts['end_date']}.")
