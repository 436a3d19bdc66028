"""Runs of the pipeline that fail are told once, with everything one needs, and so is their end; none is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from costpulse_assets.alerts import failed_runs
from costpulse_assets.alerts.failed_runs import record_failed_runs, watch_failed_runs
from costpulse_assets.errors import CostPulseError, SourceCredentials
from costpulse_assets.failures import named_failures
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from tests.dagster_instance import ephemeral_instance

NO_LOG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
REFUSED = SourceCredentials("The token <b>@channel</b> was refused.", next_step="Make a new token.")


@dataclass
class Pipeline:
    """Jobs that end as a test says, an instance that keeps their runs, and a database with alerts."""

    database: Database
    settings: Settings
    instance: dg.DagsterInstance
    cursor: str | None = None
    #: How much later than it is the next look takes place.
    later: timedelta = timedelta(minutes=1)

    def run(
        self, job: str = "cost_cycle", *, fails: Exception | None = None, tags: dict[str, str] | None = None
    ) -> str:
        @dg.op
        def cost_records() -> None:
            if isinstance(fails, CostPulseError):
                with named_failures():
                    raise fails
            if fails is not None:
                raise fails

        @dg.job(name=job)
        def made() -> None:
            cost_records()

        return made.execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags, run_config=NO_LOG
        ).run_id

    def look(self) -> None:
        """As the sensor does."""
        now = datetime.now(UTC) + self.later
        self.cursor = record_failed_runs(self.database, self.settings, self.instance, self.cursor, now)

    def alert(self, name: str = "Pipeline", **options: Any) -> None:
        with self.database.transaction() as connection:
            connection.execute(
                "insert into costpulse.alerts (name, alert_type, notification_channels, options) "
                "values (%s, 'pipeline_failed', %s, %s)",
                [name, Jsonb(["slack:#ops"]), Jsonb(options)],
            )

    def rows(self, statement: str) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @property
    def history(self) -> list[dict[str, Any]]:
        return self.rows(
            "select h.*, a.name as alert_name from costpulse.alert_history as h "
            "inner join costpulse.alerts as a on h.alert_id = a.id order by h.id"
        )

    @property
    def phases(self) -> list[tuple[str, int, str]]:
        return [(row["phase"], row["reminder"], row["evidence"]["job"]) for row in self.history]


@pytest.fixture
def pipeline(database_url: str) -> Iterator[Pipeline]:
    settings = Settings(_env_file=None, database_url=database_url, dagster_url="https://dagster.example.com/")  # type: ignore[call-arg]
    with ephemeral_instance() as instance:
        pipeline = Pipeline(Database(database_url), settings, instance)
        pipeline.alert()
        yield pipeline


def test_a_failed_run_is_told_with_everything_one_needs(pipeline: Pipeline) -> None:
    run_id = pipeline.run(fails=REFUSED)
    pipeline.look()
    (row,) = pipeline.history
    content = row["content"]
    assert content["title"] == "Pipeline: job cost_cycle fails"
    assert content["text"].startswith(
        "Job cost_cycle failed in step cost_records: The token <b>@channel</b> was refused. It fails since "
    )
    assert content["text"].endswith("Next step: Make a new token.")
    assert content["notes"] == [f"Run in Dagster: https://dagster.example.com/runs/{run_id}"]
    since = datetime.fromisoformat(row["evidence"]["since"])
    assert abs(since - datetime.now(UTC)) < timedelta(minutes=1)
    assert f"{since:%H:%M} UTC; 1 run has failed since it succeeded last" in content["text"]
    assert (row["subject"], row["current_value"]) == (f"failed:cost_cycle:{run_id}", 1)
    (message,) = pipeline.rows("select channel, content from costpulse.alert_outbox")
    assert message == {"channel": "slack:#ops", "content": content}


def test_it_is_told_once_however_often_one_looks_and_from_whatever_cursor(pipeline: Pipeline) -> None:
    pipeline.run(fails=REFUSED)
    pipeline.look()
    pipeline.look()
    pipeline.cursor = None
    pipeline.look()
    assert pipeline.phases == [("firing", 0, "cost_cycle")]


def test_a_job_that_goes_on_failing_is_told_once_a_day_and_once_more_when_it_works_again(pipeline: Pipeline) -> None:
    first = pipeline.run(fails=REFUSED)
    pipeline.look()
    pipeline.run(fails=ValueError("of another kind\nwith a second line"))
    pipeline.look()
    assert pipeline.phases == [("firing", 0, "cost_cycle")]
    pipeline.later = timedelta(hours=49)
    pipeline.look()
    pipeline.look()
    assert pipeline.phases[1:] == [("firing", 2, "cost_cycle")]
    reminder = pipeline.history[1]
    assert reminder["content"]["title"] == "Pipeline: job cost_cycle fails, for 2 days now"
    assert "ValueError: of another kind. It fails since" in reminder["content"]["text"]
    assert "2 runs have failed" in reminder["content"]["text"]
    success = pipeline.run()
    pipeline.look()
    assert pipeline.phases[2:] == [("ended", 0, "cost_cycle")]
    assert {row["subject"] for row in pipeline.history} == {f"failed:cost_cycle:{first}"}
    assert all(row["ended_at"] for row in pipeline.history if row["phase"] == "firing")
    over = pipeline.history[2]["content"]
    assert over["title"] == "Pipeline: job cost_cycle works again"
    assert over["notes"] == [f"Run in Dagster: https://dagster.example.com/runs/{success}"]
    pipeline.run()
    pipeline.look()
    assert len(pipeline.history) == 3
    again = pipeline.run(fails=REFUSED)
    pipeline.later = timedelta(minutes=1)
    pipeline.look()
    assert pipeline.history[3]["subject"] == f"failed:cost_cycle:{again}"


def test_what_failed_and_worked_again_between_two_looks_is_no_news(pipeline: Pipeline) -> None:
    pipeline.run(fails=REFUSED)
    pipeline.run()
    pipeline.look()
    assert pipeline.phases == []


def test_jobs_fail_each_for_itself(pipeline: Pipeline) -> None:
    pipeline.alert("Tags only", jobs=["tag_judgement"])
    pipeline.run(fails=REFUSED)
    pipeline.run("budgeting")
    pipeline.look()
    pipeline.run("tag_judgement", fails=REFUSED)
    pipeline.look()
    assert sorted((row["alert_name"], row["evidence"]["job"]) for row in pipeline.history) == [
        ("Pipeline", "cost_cycle"),
        ("Pipeline", "tag_judgement"),
        ("Tags only", "tag_judgement"),
    ]


def test_an_alert_that_is_made_while_a_job_fails_tells_it(pipeline: Pipeline) -> None:
    pipeline.run(fails=REFUSED)
    pipeline.look()
    pipeline.alert("Later")
    pipeline.look()
    assert [row["alert_name"] for row in pipeline.history] == ["Pipeline", "Later"]


def test_an_alert_tells_nothing_of_before_it_watches(pipeline: Pipeline) -> None:
    pipeline.rows("update costpulse.alerts set watches_from = watches_from + 2")
    pipeline.run(fails=REFUSED)
    pipeline.look()
    assert pipeline.phases == []
    pipeline.later = timedelta(days=2, hours=1)
    pipeline.look()
    assert pipeline.phases == [("firing", 2, "cost_cycle")]


def test_a_run_that_dagster_tries_again_has_not_failed_yet(pipeline: Pipeline) -> None:
    pipeline.run(fails=REFUSED, tags={"dagster/will_retry": "true"})
    pipeline.look()
    assert pipeline.phases == []
    pipeline.run(fails=REFUSED, tags={"dagster/will_retry": "false"})
    pipeline.look()
    assert pipeline.phases == [("firing", 0, "cost_cycle")]


def test_a_run_that_died_outside_of_its_steps_is_told_too(pipeline: Pipeline) -> None:
    run = pipeline.instance.create_run_for_job(dg.JobDefinition(name="cost_cycle", graph_def=dg.GraphDefinition("g")))
    pipeline.instance.report_run_failed(run, "The process of the run went away.\nNobody knows why.")
    pipeline.look()
    (row,) = pipeline.history
    assert (
        "Job cost_cycle failed in the run itself: The process of the run went away. It fails" in row["content"]["text"]
    )


def test_a_run_that_a_person_cancelled_is_no_failure(pipeline: Pipeline) -> None:
    run = pipeline.instance.create_run_for_job(dg.JobDefinition(name="cost_cycle", graph_def=dg.GraphDefinition("g")))
    pipeline.instance.report_run_canceled(run)
    pipeline.look()
    assert pipeline.phases == []


def test_many_runs_are_read_in_the_order_in_which_they_ended(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of failures and of successes end at different runs."""
    monkeypatch.setattr(failed_runs, "_PAGE", 2)
    for _ in range(5):
        pipeline.run(fails=REFUSED)
    pipeline.run()
    pipeline.run("budgeting")
    for _ in range(3):
        pipeline.run(fails=REFUSED)
    pipeline.look()
    assert [(row["phase"], row["current_value"]) for row in pipeline.history] == [("firing", 3)]


def test_what_has_just_ended_waits_for_the_next_look(pipeline: Pipeline) -> None:
    """Two runs that end at once may be stored in another order than they are numbered."""
    pipeline.run(fails=REFUSED)
    pipeline.later = timedelta(0)
    pipeline.look()
    assert pipeline.phases == []
    pipeline.later = timedelta(minutes=1)
    pipeline.look()
    assert pipeline.phases == [("firing", 0, "cost_cycle")]


def test_what_could_not_be_recorded_is_recorded_by_the_next_tick(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed_runs, "_SETTLED_AFTER", timedelta(0))
    pipeline.run(fails=REFUSED)
    pipeline.rows("alter table costpulse.alert_history rename to gone")
    sensor = watch_failed_runs(pipeline.settings)
    context = dg.build_sensor_context(instance=pipeline.instance, cursor=None)
    with pytest.raises(CostPulseError):
        sensor(context)
    assert context.cursor is None
    pipeline.rows("alter table costpulse.gone rename to alert_history")
    sensor(context)
    assert pipeline.phases == [("firing", 0, "cost_cycle")]
    assert context.cursor
    sensor(context)
    assert len(pipeline.history) == 1
