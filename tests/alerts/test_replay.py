"""The dry run says what an alert would have said, by the same statement, and writes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType
from costpulse_assets.alerts.replay import Replay, would_have_fired
from costpulse_assets.allocation.alerts import AlertDocument
from costpulse_assets.errors import BadInput, DatabaseRefused
from costpulse_assets.resources.database import Connection, Database
from tests.alerts.planted import TODAY, TYPES, Planted, planted_type
from tests.pipeline import pretend_today


def replayed(planted: Planted, types: dict[str, AlertType] = TYPES, days: int = 90, **draft: Any) -> Replay:
    document = AlertDocument.model_validate({"name": "Draft", "alert_type": "planted", **draft})
    return would_have_fired(planted.database, pretend_today(TODAY), document, days=days, types=types)


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def test_each_message_there_would_have_been_stands_on_its_day(planted: Planted) -> None:
    planted.plant(None, "b", occurred_on=days_ago(3), current_value=Decimal(30), reminder=1)
    planted.plant(None, "a", occurred_on=days_ago(89), current_value=Decimal(89))
    planted.plant(None, "b", occurred_on=days_ago(10), current_value=Decimal(20))
    planted.plant(None, "b", occurred_on=days_ago(1), phase="ended")
    planted.plant(None, "too old", occurred_on=days_ago(90))
    planted.plant(None, "c", occurred_on=days_ago(2), phase="ended")
    found = replayed(planted)
    assert [(each.day, each.value, each.phase, each.reminder) for each in found.fired] == [
        (days_ago(89), 89, "firing", 0),
        (days_ago(10), 20, "firing", 0),
        (days_ago(3), 30, "firing", 1),
        (days_ago(1), Decimal("12.5"), "ended", 0),
    ]
    assert found.fired[0].title.startswith("Whole account: a")
    assert (found.days.first, found.days.last, found.unit, found.reason) == (days_ago(89), TODAY, "USD", "")


def test_a_threshold_is_covered_by_a_higher_one_of_the_same_day_and_not_of_a_later_one(planted: Planted) -> None:
    for threshold, back in ((50, 9), (80, 5), (90, 5), (100, 2), (70, 1)):
        planted.plant(None, threshold=threshold, occurred_on=days_ago(back))
    assert [(each.day, each.threshold) for each in replayed(planted).fired] == [
        (days_ago(9), Decimal(50)),
        (days_ago(5), Decimal(90)),
        (days_ago(2), Decimal(100)),
    ]


def test_it_says_what_evaluations_of_every_day_say_and_writes_nothing(planted: Planted) -> None:
    for number in range(12):
        columns = {"threshold": (None, 50, 80)[number % 3], "occurred_on": days_ago(number % 4)}
        planted.plant(None, f"event {number % 2}", **columns)
    dry = replayed(planted, days=30)
    assert (planted.history(), planted.outbox()) == ([], [])

    alert = planted.alert()
    planted.rows("update public.planted set alert_id = %s returning 1", alert)
    for day in (days_ago(back) for back in reversed(range(5))):
        planted.evaluate(datetime.combine(day, time(12), UTC), pretend_today(day))
    told = [(each["occurred_on"], each["message"]) for each in planted.history() if each["status"] == "told"]
    assert sorted(set(told)) == sorted((each.day, each.title) for each in dry.fired)


def test_a_saved_alert_and_what_it_told_change_nothing_of_it(planted: Planted) -> None:
    planted.plant(planted.alert(), "of the alert")
    planted.plant(None, "of the draft")
    planted.evaluate(datetime.combine(TODAY, time(12), UTC))
    assert [each.title.split(": ")[1].split(" firing")[0] for each in replayed(planted).fired] == ["of the draft"]


def test_a_type_whose_past_is_not_kept_says_so(planted: Planted) -> None:
    kept = {"planted": planted_type(no_dry_run="Runs of long ago are gone.")}
    assert replayed(planted, kept).reason == "Runs of long ago are gone."


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ({"alert_type": "horoscope"}, "horoscope"),
        ({"scope_type": "team", "scope": "Nobody"}, "There is no team Nobody"),
        ({"options": {"divisor": "many"}}, "divisor"),
        ({"threshold_value": Decimal(5000)}, "between 0 and 1000 USD"),
    ],
)
def test_a_draft_that_could_not_be_evaluated_is_refused(planted: Planted, draft: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        replayed(planted, **draft)


def test_a_statement_that_raises_is_a_named_failure(planted: Planted) -> None:
    planted.plant(None)
    with pytest.raises(DatabaseRefused, match="division by zero"):
        replayed(planted, options={"divisor": "0"})


def test_a_team_goes_by_its_name(planted: Planted) -> None:
    planted.insert("teams", name="Data")
    planted.plant(None)
    assert len(replayed(planted, scope_type="team", scope="Data").fired) == 1
    assert len(replayed(planted, scope_type="team", scope="unallocated").fired) == 1


class AsTheApp(Database):
    """The database with the rights of the app, for a viewer who sees everything."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            connection.execute("set local role costpulse_app")
            connection.execute("select set_config('costpulse.scope', 'all', true)")
            yield connection


@pytest.mark.parametrize(
    "kind", [kind for kind in ALERT_TYPES.values() if kind.has_statement], ids=lambda kind: kind.name
)
def test_the_app_can_try_every_type_with_its_own_rights(planted: Planted, kind: AlertType) -> None:
    threshold = kind.threshold.minimum if kind.threshold is not None else None
    for scope_type in kind.scopes:
        if scope_type not in ("everything", "team"):
            continue
        scope = "unallocated" if scope_type == "team" else ""
        draft = AlertDocument(
            name="Draft", alert_type=kind.name, scope_type=scope_type, scope=scope, threshold_value=threshold
        )
        found = would_have_fired(AsTheApp(planted.database.url), pretend_today(TODAY), draft)
        assert (found.fired, found.reason) == ((), kind.no_dry_run)
