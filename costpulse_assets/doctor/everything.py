"""The whole examination, area by area: what is broken in one does not stop the next."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from costpulse_assets.doctor import channels, connections, database
from costpulse_assets.doctor.demo import examine_demo_account
from costpulse_assets.doctor.examination import Examination, Finding, Verdict
from costpulse_assets.doctor.settings import examine_settings
from costpulse_assets.doctor.tables import examine_tables, tables_area, tables_of
from costpulse_assets.errors import BadSettings, CostPulseError
from costpulse_assets.resources.open_source import reads_demo_account
from costpulse_assets.settings import Connection, Settings

_CONNECTIONS, _TABLES, _CLOCK = "connections", "tables", "clock"

#: A cold warehouse needs some minutes; a statement of ours on a warm one needs a moment.
_PATIENCE_SECONDS = 300


def examine(data_dir: Path | None, announce: Callable[[str], None] = lambda step: None) -> list[Finding]:
    """Look at everything and change nothing.

    Args:
        data_dir: of the command line; None: as the settings say.
        announce: told what is looked at next.

    Returns:
        The findings in the order of the areas, settings first.
    """
    examination = Examination(announce)
    settings = examine_settings(examination, data_dir)
    if settings is None:
        for area in (database.AREA, _CONNECTIONS, _TABLES, channels.AREA, _CLOCK):
            examination.skip(area, ["all"], "The settings are not valid.")
        return examination.findings
    database.examine_database(examination, settings)
    _examine_sources(examination, settings)
    channels.examine_channels(examination, settings)
    examination.check(_CLOCK, "this machine", lambda: _clock(settings))
    return examination.findings


def _examine_sources(examination: Examination, settings: Settings) -> None:
    try:
        demo = reads_demo_account(settings)
        sources = () if demo else settings.sources
    except BadSettings:  # a row of the settings says so
        demo, sources = False, ()
    if demo:
        examine_demo_account(examination, settings)
    elif not sources:
        for area in (_CONNECTIONS, _TABLES):
            examination.skip(area, ["all"], "No source is configured.")
    billing = next((connection for connection in sources if "billing" in connection.read), None)
    for connection in sources:
        scopes = [scope for scope in connection.read if scope != "billing" or connection is billing]
        _examine_source(examination, settings, connection, scopes)


def _examine_source(
    examination: Examination, settings: Settings, connection: Connection, scopes: Sequence[str]
) -> None:
    # Imported here, as it takes a second.
    from costpulse_assets.resources.databricks import DatabricksWarehouse

    area, tables = connections.connection_area(connection.name), tables_of(settings, scopes)
    principal = None
    patience = min(_PATIENCE_SECONDS, settings.statement_timeout_seconds)
    try:
        with DatabricksWarehouse(connection, statement_timeout_seconds=patience) as warehouse:
            principal = connections.examine_connection(examination, connection, warehouse)
            if principal is not None:
                examine_tables(
                    examination,
                    connection.name,
                    warehouse,
                    tables,
                    settings=settings,
                    principal=connection.client_id or principal,
                    today=settings.current_date(),
                )
    except CostPulseError as error:  # of the settings of the connection, before anything is sent
        examination.add(area, connections.CHECKS[0], Verdict("failed", error.message, error.next_step))
        examination.skip(area, connections.CHECKS[1:], "The connection cannot be tried.")
    if principal is None:
        names = [table.full_name for table in tables]
        examination.skip(tables_area(connection.name), names, "The warehouse does not answer.")


def _clock(settings: Settings) -> Verdict:
    now = f"It is {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC by this machine's clock"
    if settings.today is None:
        return Verdict("ok", f"{now}.")
    return Verdict(
        "warning", f"{now}, and COSTPULSE_TODAY pretends that it is {settings.today}.", "Unset COSTPULSE_TODAY."
    )
