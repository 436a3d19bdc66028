"""A Dagster instance in memory that stores events as quickly as the one of PostgreSQL does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import dagster as dg
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.types import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import TemporaryLocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage
from sqlalchemy import Connection

from costpulse_assets.cli.environment import DAGSTER_SPEED


@contextmanager
def ephemeral_instance() -> Iterator[dg.DagsterInstance]:
    """As `DagsterInstance.ephemeral`, with the variables that every process of CostPulse has.

    An event for each partition of each asset, stored one by one, was more than half of the time of a run in a test.
    """
    instance = dg.DagsterInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=TemporaryLocalArtifactStorage(),
        run_storage=InMemoryRunStorage(),
        event_storage=_EventLog(),
        compute_log_manager=NoOpComputeLogManager(),
        run_coordinator=DefaultRunCoordinator(),
        run_launcher=SyncInMemoryRunLauncher(),
    )
    with patch.dict("os.environ", DAGSTER_SPEED), instance:
        yield instance


class _EventLog(InMemoryEventLogStorage):
    """Takes a batch of materializations in one statement, as PostgresEventLogStorage does."""

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        # Not a connection for every event, each of which would set up the database anew.
        with self._db_lock, self._held_conn.begin():
            yield self._held_conn

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        if {event.dagster_event_type for event in events} != {dg.DagsterEventType.ASSET_MATERIALIZATION}:
            super().store_event_batch(events)
            return
        with self.index_transaction() as connection:
            stored = connection.execute(self.prepare_insert_event_batch(events).returning(SqlEventLogStorageTable.c.id))
            ids = [row[0] for row in stored]
            self._store_asset_event_tags(connection, events, ids)
            self._store_asset_event(connection, events[-1], ids[-1])
