"""What people decide about recommendations: who may, what is asked for and written down, and what it adds up to."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from costpulse_assets.analysis.recommendation_status import accept, assign, dismiss, done, reopen
from costpulse_assets.errors import BadInput, CostPulseError
from costpulse_assets.resources.database import Database
from tests.analysis.recommendation_books import LAST, TODAY, Advice, Found

IDLE, SIZE = Found("600"), Found("300", type="right_size_cluster", acts_on="size")
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def advice(database_url: str) -> Advice:
    """One cluster with two recommendations: 600 USD of idle time, and 120 more of its size."""
    advice = Advice(Database(database_url))
    advice.bill()
    advice.run(IDLE, SIZE)
    return advice


def idle(advice: Advice) -> dict[str, Any]:
    return advice.rows()[0]


def open_savings(advice: Advice) -> Decimal:
    (row,) = advice.query(
        "select sum(estimated_savings) as usd from costpulse.recommendations where status in ('open', 'accepted')"
    )
    return row["usd"]


def test_accepting_names_who_does_it_and_by_when_and_survives_the_next_run(advice: Advice) -> None:
    number = idle(advice)["id"]
    accept(advice.database, [number], actor="ada", to=" ben@x.example ", due_date=TOMORROW, note=" soon ")
    advice.run(IDLE, SIZE, later=1)
    row = idle(advice)
    assert (row["status"], row["assigned_to"], row["due_date"], row["note"], row["decided_by"]) == (
        "accepted",
        "ben@x.example",
        TOMORROW,
        "soon",
        "ada",
    )
    accept(advice.database, [number], actor="cleo")
    assert (idle(advice)["assigned_to"], idle(advice)["note"]) == ("ben@x.example", "soon")
    assert open_savings(advice) == 720


def test_what_is_done_or_dismissed_gives_its_part_to_the_others_at_once_and_reopened_takes_it_back(
    advice: Advice,
) -> None:
    number = idle(advice)["id"]
    dismiss(advice.database, [number], actor="ada", reason="needed", today=TODAY)
    assert open_savings(advice) == 300
    assert (idle(advice)["estimated_savings"], idle(advice)["dismissed_savings"]) == (600, 600)
    reopen(advice.database, [number], actor="ada")
    assert open_savings(advice) == 720
    assert (idle(advice)["dismissed_savings"], idle(advice)["dismissed_until"]) == (None, None)
    done(advice.database, [number], actor="ada", on=LAST, today=TODAY)
    assert open_savings(advice) == 300


def test_a_done_one_that_is_reopened_after_newer_runs_counts_again_from_the_next_one(advice: Advice) -> None:
    number = idle(advice)["id"]
    done(advice.database, [number], actor="ada", on=LAST, today=TODAY)
    advice.run(Found("100", "150"), Found("50", "150", "right_size_cluster", "size"), later=1)
    reopen(advice.database, [number], actor="ada", reason="it was not")
    # Its own figures are of another window, in which the cluster cost more.
    assert open_savings(advice) == 50
    advice.run(Found("100", "150"), Found("50", "150", "right_size_cluster", "size"), later=1)
    assert open_savings(advice) == pytest.approx(Decimal("116.666666666666666667"))


def test_every_decision_is_in_the_audit_log_with_who_made_it_and_runs_are_not(advice: Advice) -> None:
    number = idle(advice)["id"]
    accept(advice.database, [number], actor="ada")
    advice.run(Found("610"), SIZE, later=1)
    assign(advice.database, [number], actor="ben", to="cleo@x.example", due_date=TOMORROW)
    done(advice.database, [number], actor="cleo", on=TODAY, today=TODAY)
    reopen(advice.database, [number], actor="dan", reason="it is back")
    dismiss(advice.database, [number], actor="eva", reason="needed", until=TOMORROW, today=TODAY)
    assert advice.audit() == [
        ("ada", "open", "accepted"),
        ("ben", "accepted", "accepted"),
        ("cleo", "accepted", "done"),
        ("dan", "done", "open"),
        ("eva", "open", "dismissed"),
    ]


def test_one_that_expired_because_it_was_done_can_be_called_done(advice: Advice) -> None:
    advice.run(SIZE, later=1)
    done(advice.database, [idle(advice)["id"]], actor="ada", on=TODAY, today=TOMORROW)
    assert (idle(advice)["status"], idle(advice)["done_on"]) == ("done", TODAY)


def test_assigning_keeps_the_status_and_can_be_taken_back(advice: Advice) -> None:
    number = idle(advice)["id"]
    assign(advice.database, [number], actor="ada", to="ben", due_date=TOMORROW)
    assert (idle(advice)["status"], idle(advice)["assigned_to"], idle(advice)["due_date"]) == ("open", "ben", TOMORROW)
    assign(advice.database, [number], actor="ada", to=None)
    assert (idle(advice)["assigned_to"], idle(advice)["due_date"]) == (None, None)


@pytest.mark.parametrize(
    ("decide", "message"),
    [
        (lambda d, i: dismiss(d, i, actor="a", reason="  ", today=TODAY), "Give a reason; it trains the rules."),
        (lambda d, i: dismiss(d, i, actor="a", reason="no", until=TODAY, today=TODAY), "must lie after today"),
        (lambda d, i: done(d, i, actor="a", on=TOMORROW, today=TODAY), "Done date cannot lie in the future."),
        (lambda d, i: accept(d, i, actor="a", to=" "), "Nobody is named"),
        (lambda d, i: assign(d, i, actor="a", to=" "), "Nobody is named"),
        (lambda d, i: accept(d, i, actor=" "), "Nobody is named who decides"),
        (lambda d, i: accept(d, [*i, -1], actor="a"), "There is no recommendation -1; nothing was changed"),
        (lambda d, i: assign(d, [*i, -1], actor="a", to="b"), "There is no recommendation -1; nothing was changed"),
    ],
)
def test_what_is_not_acceptable_changes_nothing(advice: Advice, decide: Any, message: str) -> None:
    before = advice.rows()
    with pytest.raises(BadInput, match=message):
        decide(advice.database, [idle(advice)["id"]])
    assert advice.rows() == before
    assert advice.audit() == []


def test_a_status_that_does_not_allow_it_is_said_with_the_title(advice: Advice) -> None:
    number = idle(advice)["id"]
    done(advice.database, [number], actor="ada", on=TODAY, today=TODAY)
    with pytest.raises(BadInput, match="'Stop c1' is done and cannot become dismissed"):
        dismiss(advice.database, [number], actor="ada", reason="needed", today=TODAY)
    with pytest.raises(BadInput, match="'Stop c1' is done and cannot become accepted"):
        accept(advice.database, [number], actor="ada")


def test_what_is_not_found_any_more_cannot_be_reopened_or_accepted(advice: Advice) -> None:
    advice.run(SIZE, later=1)
    number = idle(advice)["id"]
    for decide in (reopen, accept):
        with pytest.raises(BadInput, match="was not found by the newest run"):
            decide(advice.database, [number], actor="ada")


# The app: what a viewer sees and may do.


class AsApp(Database):
    """Connected as the app, with a viewer's scope."""

    def __init__(self, url: str, scope: str | None) -> None:
        super().__init__(url)
        self._scope = scope

    def _connect(self) -> psycopg.Connection[Any]:
        connection = super()._connect()
        connection.execute("set role costpulse_app")
        if self._scope is not None:
            connection.execute("select set_config('costpulse.scope', %s, false)", [self._scope])
        connection.commit()
        return connection


def of_team(advice: Advice, type_: str, team: int | None) -> int:
    (row,) = advice.query("update costpulse.recommendations set team_id = %s where type = %s returning id", team, type_)
    return row["id"]


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ("all", {"idle_cluster", "right_size_cluster", "auto_termination"}),
        ("1", {"idle_cluster"}),
        ("1,2", {"idle_cluster", "right_size_cluster"}),
        ("3", set()),
        (None, set()),
    ],
)
def test_a_viewer_sees_the_recommendations_of_their_teams(advice: Advice, scope: str | None, seen: set[str]) -> None:
    advice.run(IDLE, SIZE, Found("50", type="auto_termination", resource="c2"))
    for type_, team in (("idle_cluster", 1), ("right_size_cluster", 2), ("auto_termination", None)):
        of_team(advice, type_, team)
    with AsApp(advice.database.url, scope).transaction() as connection:
        rows = connection.execute("select type from costpulse.recommendations where status = 'open'").fetchall()
        assert {row["type"] for row in rows} == seen


def test_a_viewer_decides_about_their_teams_and_what_others_save_follows(advice: Advice) -> None:
    mine, other = of_team(advice, "idle_cluster", 1), of_team(advice, "right_size_cluster", 2)
    app = AsApp(advice.database.url, "1")
    dismiss(app, [mine], actor="ada@x.example", reason="needed", today=TODAY)
    assert open_savings(advice) == 300
    with pytest.raises(BadInput, match="There is no recommendation"):
        dismiss(app, [other], actor="ada@x.example", reason="needed", today=TODAY)
    assert advice.audit() == [("ada@x.example", "open", "dismissed")]


def test_the_app_cannot_change_what_the_pipeline_found_nor_decide_without_a_name(advice: Advice) -> None:
    app = AsApp(advice.database.url, "all")
    for change in ("estimated_savings = 0", "team_id = 1", "title = 'x'", "evidence = '{}'"):
        with pytest.raises(CostPulseError, match="permission denied"), app.transaction() as connection:
            connection.execute(f"update costpulse.recommendations set {change}".encode())
    with pytest.raises(CostPulseError, match=r"costpulse\.actor is not set"), app.transaction() as connection:
        connection.execute("update costpulse.recommendations set note = 'x'")
    for statement in ("delete from costpulse.recommendations", "delete from costpulse.vm_prices"):
        with pytest.raises(CostPulseError, match="permission denied"), app.transaction() as connection:
            connection.execute(statement.encode())
