"""Which source the settings name: Databricks, or the demo account that stands in for it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from pydantic import BaseModel

from costpulse_assets.errors import BadSettings
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.source import Source
from costpulse_assets.settings import Connection, Settings

#: What collection_status calls the demo account.
DEMO_ACCOUNT = "demo account"


class DemoAccountFacts(BaseModel):
    """What a demo account is made from; time moves on, but its planted facts stay where they were."""

    seed: int
    days: int
    end_date: date


@contextmanager
def open_source(settings: Settings) -> Iterator[Source]:
    """The source that bills are read from.

    Raises:
        BadSettings: neither Databricks nor the demo account is configured.
    """
    # Each adapter is imported where it is used: the libraries behind them take most of a command's start.
    if reads_demo_account(settings):
        from costpulse_assets.resources.demo_account import DemoAccount

        facts = demo_account_facts(settings)
        with DemoAccount(
            seed=facts.seed,
            days=facts.days,
            end_date=facts.end_date,
            as_of=settings.current_date(),
            path=settings.data_dir / "demo-account.duckdb",
        ) as account:
            yield account
        return
    if not settings.sources:
        raise BadSettings(
            "No source is configured.",
            next_step="Set COSTPULSE_DATABRICKS_HOST, COSTPULSE_DATABRICKS_HTTP_PATH and COSTPULSE_DATABRICKS_TOKEN "
            "(or COSTPULSE_DATABRICKS_CLIENT_ID and COSTPULSE_DATABRICKS_CLIENT_SECRET), or start with --demo.",
        )
    with _connected(_billing_connection(settings), settings) as warehouse:
        yield warehouse


@contextmanager
def open_other_regions(settings: Settings) -> Iterator[tuple[Source, ...]]:
    """The connections that regional tables are read over, beside the one that `open_source` opens."""
    with ExitStack() as stack:
        others = [] if reads_demo_account(settings) else settings.sources
        yield tuple(
            stack.enter_context(_connected(connection, settings))
            for connection in others
            if "regional" in connection.read and connection != _billing_connection(settings)
        )


def bills_are_regional_too(settings: Settings) -> bool:
    """Whether the connection of the bills is one of those regional tables are read over."""
    return reads_demo_account(settings) or "regional" in _billing_connection(settings).read


@contextmanager
def _connected(connection: Connection, settings: Settings) -> Iterator[Source]:
    from costpulse_assets.resources.databricks import DatabricksWarehouse

    with DatabricksWarehouse(connection, statement_timeout_seconds=settings.statement_timeout_seconds) as warehouse:
        yield warehouse


def _billing_connection(settings: Settings) -> Connection:
    """Bills are the whole account's, so one connection gives them all: the first that may."""
    return next(connection for connection in settings.sources if "billing" in connection.read)


def reads_demo_account(settings: Settings) -> bool:
    """True when the demo account is asked for, or was made here before and no Databricks is configured."""
    return settings.demo or (not settings.sources and _facts_file(settings).exists())


def connections_of_another_source(database: Database, settings: Settings) -> list[str]:
    """Over what the bills were read if they are not those of the settings' source; empty when nothing is wrong.

    A database holds the bills of a real account or of the demo account, never of both. Without a source there is
    nothing to mix up.
    """
    known = {row["connection"] for row in database.rows("app/connections")}
    demo = reads_demo_account(settings)
    mixed = known - {DEMO_ACCOUNT} if demo else settings.sources and DEMO_ACCOUNT in known
    return sorted(known) if mixed else []


def demo_account_facts(settings: Settings) -> DemoAccountFacts:
    """What this data directory's demo account was made from; the first call fixes it."""
    file = _facts_file(settings)
    if file.exists():
        return DemoAccountFacts.model_validate_json(file.read_text())
    facts = DemoAccountFacts(
        seed=settings.demo_seed,
        days=settings.demo_days,
        end_date=settings.demo_end_date or settings.current_date(),
    )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_text(facts.model_dump_json())
    draft.replace(file)
    return facts


def first_usage_date(settings: Settings) -> date:
    """The first day there can be usage: of the demo account, or the setting."""
    if not reads_demo_account(settings):
        return settings.first_usage_date
    facts = demo_account_facts(settings)
    return facts.end_date - timedelta(days=facts.days - 1)


def current_time(settings: Settings) -> datetime:
    """Now in UTC; noon of the day where today is pretended, and for the demo account, which is seen at noon."""
    if settings.today is None and not reads_demo_account(settings):
        return datetime.now(UTC)
    return datetime.combine(settings.current_date(), time(12), tzinfo=UTC)


def _facts_file(settings: Settings) -> Path:
    return settings.data_dir / "demo-account.json"
