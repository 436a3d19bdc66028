"""The parts of a change: what each of them means, by hand; and that they add up, whatever happened."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.costs.change_bridge import (
    CHECK,
    PARTS,
    BridgePart,
    Cause,
    change_bridge,
    change_bridges,
    comparisons,
    rebuild_change_bridge,
)
from costpulse_assets.costs.change_bridge_assets import change_bridge_assets
from costpulse_assets.errors import BadInput, InvariantBroken
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.resources.database import Database, run
from tests.allocation.ledger import MONDAY, Ledger, open_ledger, tag
from tests.pipeline import pretend_today

DAY = timedelta(days=1)
TUESDAY, WEDNESDAY = MONDAY + DAY, MONDAY + 2 * DAY
THEN, NOW = Period(MONDAY, MONDAY), Period(TUESDAY, TUESDAY)
EXACT = Context(prec=120)


class Account(Ledger):
    """A ledger with teams, whose usage becomes the tables that a bridge is read from."""

    def team(self, name: str, parent: int | None = None) -> int:
        """A team; what carries its name in the tag `team` is its own."""
        row = self.connection.execute(
            "insert into costpulse.teams (name, parent_team_id) values (%s, %s) returning id", [name, parent]
        ).fetchone()
        assert row is not None
        self.claim(tag("team", name), team=row["id"])
        return int(row["id"])

    def build(self) -> None:
        """Corrections are what was ingested later than on its day; the pass allocates, and the roll-ups follow."""
        self.connection.execute(
            "update costpulse.cost_records set record_type = 'RESTATEMENT' where ingestion_date > usage_date"
        )
        days = [
            row["usage_date"]
            for row in self.connection.execute("select distinct usage_date from costpulse.cost_records").fetchall()
        ]
        if days:
            self.allocate(*days)
            for table in ("key_allocations", "daily_key_costs", "daily_costs"):
                run(self.connection, f"transform/{table}", {"days": days})

    def parts(
        self, scope_type: Any = "everything", scope_id: object = "", then: Period = THEN, now: Period = NOW
    ) -> list[BridgePart]:
        return change_bridge(self.connection, scope_type=scope_type, scope_id=str(scope_id), then=then, now=now)

    def all_parts(self, then: Period, now: Period) -> dict[Any, list[BridgePart]]:
        return dict(
            change_bridges(
                self.connection, scope_types=["everything", "workspace", "product", "sku", "team"], then=then, now=now
            )
        )

    def bridge(self, *scope: Any, **periods: Period) -> dict[str, Decimal]:
        """The parts that are not zero."""
        parts = self.parts(*scope, **periods)
        assert [each.part for each in parts] == list(PARTS)
        return {each.part: each.amount_usd for each in parts if each.amount_usd}


@pytest.fixture
def account(database_url: str) -> Iterator[Account]:
    with open_account(database_url) as account:
        yield account


@contextmanager
def open_account(url: str) -> Iterator[Account]:
    with open_ledger(url) as ledger:
        yield Account(ledger.connection)


def usd(**parts: str) -> dict[str, Decimal]:
    return {part: Decimal(amount) for part, amount in parts.items()}


def fill_worked_example(account: Account) -> tuple[int, int]:
    """The example of docs/methods.md: 146.00 USD on Monday, 153.30 on Tuesday."""
    data, web = account.team("data"), account.team("web")
    nightly = account.key(job_id="nightly", tags={"team": "data"})
    account.cost("100", nightly, rate="0.20")
    account.cost("120", nightly, rate="0.22", day=TUESDAY)
    warehouse = account.key(product="SQL", warehouse_id="bi", tags={"team": "data"})
    account.cost("100", warehouse, sku="SQL", rate="0.70")
    account.cost("100", warehouse, sku="SQL", rate="0.63", list_rate="0.70", day=TUESDAY)
    pipeline = account.key(product="DLT", pipeline_id="bronze", tags={"team": "data"})
    for day, core, advanced in ((MONDAY, "60", "40"), (TUESDAY, "33", "77")):
        account.cost(core, pipeline, sku="DLT_CORE", rate="0.20", day=day)
        account.cost(advanced, pipeline, sku="DLT_ADVANCED", rate="0.40", day=day)
    endpoint = account.key(product="MODEL_SERVING", endpoint_name="chat", tags={"team": "data"})
    account.cost("50", endpoint, sku="SERVING", rate="0.10", day=TUESDAY)
    old = account.key(product="ALL_PURPOSE", cluster_id="old", tags={"team": "data"})
    account.cost("16", old, sku="ALL_PURPOSE", rate="0.50")
    for day, team, quantity in ((MONDAY, "data", "20"), (TUESDAY, "web", "28")):
        shared = account.key(product="ALL_PURPOSE", cluster_id="shared", tags={"team": team})
        account.cost(quantity, shared, sku="ALL_PURPOSE", rate="0.50", day=day)
    network = account.key(product="NETWORKING", tags={"team": "data"})
    for day in (MONDAY, TUESDAY):
        account.cost("10", network, sku="EGRESS", unit="GB", rate="1", day=day)
    account.cost("-2.5", network, sku="EGRESS", unit="GB", rate="1", day=TUESDAY, ingested=WEDNESDAY)
    account.build()
    return data, web


def test_the_worked_example_has_every_part_once(account: Account) -> None:
    fill_worked_example(account)
    assert account.bridge() == usd(
        price="2.20",  # 110 DBU, the mean of 100 and 120, are dearer by 0.02
        discount="-7.00",  # 100 DBU are paid with 0.63 instead of 0.70
        # 20 DBU more at 0.21; 10 DBU more of the pipeline at 0.31, what its DBU costs in the mean; 8 DBU more at 0.50
        volume="11.30",
        mix="6.30",  # the pipeline's 9.40, less the 3.10 of its volume
        new="5.00",
        ended="-8.00",
        restatements="-2.50",
    )
    assert {(part.then_usd, part.now_usd) for part in account.parts()} == {(Decimal("146.00"), Decimal("153.30"))}


def test_what_changes_hands_is_worth_its_mean_cost_to_both_teams(account: Account) -> None:
    data, web = fill_worked_example(account)
    # The shared cluster cost 10 on Monday and 14 on Tuesday.
    assert account.bridge("team", web) == usd(ownership="12.00", volume="2.00")
    of_data = account.bridge("team", data)
    assert of_data["ownership"] == Decimal("-12.00")
    assert of_data["volume"] == Decimal("9.30")


def test_a_bridge_of_one_thing_has_that_thing_alone(account: Account) -> None:
    fill_worked_example(account)
    assert account.bridge("job", "1001/nightly") == usd(price="2.20", volume="4.20")
    assert account.bridge("warehouse", "1001/bi") == usd(discount="-7.00")
    assert account.bridge("product", "DLT") == usd(volume="3.10", mix="6.30")
    assert account.bridge("sku", "SERVING") == usd(new="5.00")
    assert account.bridge("workspace", "1001") == account.bridge()
    assert account.bridge("workspace", "1002") == {}


def test_a_part_names_what_it_comes_from(account: Account) -> None:
    fill_worked_example(account)
    named = {part.part: (part.causes, part.largest) for part in account.parts()}
    assert named["price"] == (1, (Cause("sku", "PREMIUM_JOBS_COMPUTE", Decimal("2.20")),))
    assert named["new"] == (1, (Cause("endpoint", "1001/chat", Decimal("5.00")),))
    assert named["ended"] == (1, (Cause("cluster", "1001/old", Decimal("-8.00")),))
    assert named["restatements"] == (1, (Cause("product", "1001/NETWORKING", Decimal("-2.50")),))
    assert [(cause.type, cause.id) for cause in named["volume"][1]] == [
        ("job", "1001/nightly"),
        ("cluster", "1001/shared"),
        ("pipeline", "1001/bronze"),
    ]


def test_a_dearer_list_under_the_same_discount_is_price_alone(account: Account) -> None:
    account.cost("100", list_rate="0.20", rate="0.18")
    account.cost("100", list_rate="0.30", rate="0.27", day=TUESDAY)
    account.build()
    assert account.bridge() == usd(price="9")


def test_a_list_and_a_discount_that_both_change_are_told_apart(account: Account) -> None:
    account.cost("100", list_rate="0.20", rate="0.20")
    account.cost("100", list_rate="0.30", rate="0.15", day=TUESDAY)
    account.build()
    # A tenth of a dollar more per DBU, three quarters of which are paid in the mean; and half of 0.25 less.
    assert account.bridge() == usd(price="7.5", discount="-12.5")


def test_a_rate_of_the_customers_own_has_no_list_to_compare_with(account: Account) -> None:
    account.cost("100", rate="0.20")
    account.cost("100", rate="0.25", day=TUESDAY)
    account.connection.execute("update costpulse.cost_records set dbu_rate = null where usage_date = %s", [MONDAY])
    account.build()
    assert account.bridge() == usd(discount="5")


@pytest.mark.parametrize("rate", ["0.1", "0.333333333333333333", "0.7000000001"])
def test_the_same_rate_is_no_price_change_to_the_last_digit(account: Account, rate: str) -> None:
    key = account.key(job_id="nightly")
    for quantity, day in (("0.7", MONDAY), ("1.000000000000000003", MONDAY), ("3.3", TUESDAY), ("0.1", TUESDAY)):
        account.cost(quantity, key, rate=rate, day=day)
    account.build()
    assert account.bridge().keys() == {"volume"}


def test_more_days_are_volume_and_said_so(account: Account) -> None:
    key = account.key(job_id="nightly")
    for number in range(5):
        account.cost("10", key, rate="0.5", day=MONDAY + number * DAY)
    account.build()
    volume = account.parts(then=Period(MONDAY, TUESDAY), now=Period(WEDNESDAY, WEDNESDAY + 2 * DAY))[2]
    assert (volume.part, volume.amount_usd, volume.days_usd) == ("volume", Decimal(5), Decimal(5))


def test_a_job_on_another_sku_is_mix_and_neither_new_nor_ended(account: Account) -> None:
    account.cost("100", account.key(job_id="nightly", product="JOBS"), sku="JOBS", rate="0.20")
    account.cost(
        "100", account.key(job_id="nightly", product="JOBS_SERVERLESS"), sku="SERVERLESS", rate="0.35", day=TUESDAY
    )
    account.build()
    assert account.bridge() == usd(mix="15")
    assert account.bridge("product", "JOBS") == usd(volume="-20")


def test_the_same_job_id_in_another_workspace_is_another_job(account: Account) -> None:
    account.cost("10", account.key(job_id="1", workspace_id="1001"))
    account.cost("10", account.key(job_id="1", workspace_id="1002"), day=TUESDAY)
    account.build()
    assert account.bridge() == usd(new="10", ended="-10")


def test_usage_without_a_price_is_left_out(account: Account) -> None:
    key = account.key(job_id="nightly")
    account.cost("10", key, rate=None, sku="PREVIEW")
    account.cost("90", key, rate=None, sku="PREVIEW", day=TUESDAY)
    account.build()
    assert account.bridge() == {}


def test_usage_that_has_got_a_price_is_price(account: Account) -> None:
    key = account.key(job_id="nightly")
    account.cost("10", key, rate=None, sku="PREVIEW")
    account.cost("20", key, rate="0.5", sku="PREVIEW", day=TUESDAY)
    account.build()
    assert account.bridge() == usd(price="10")


def test_a_day_taken_back_and_billed_again_is_a_restatement_of_its_period(account: Account) -> None:
    key = account.key(job_id="nightly")
    for day in (MONDAY, TUESDAY):
        account.cost("10", key, day=day)
    account.cost("-10", key, ingested=WEDNESDAY)
    account.cost("4", key, ingested=WEDNESDAY + DAY)
    account.build()
    assert account.bridge() == usd(restatements="6")
    assert {part.then_usd for part in account.parts()} == {Decimal(4)}


def test_a_move_below_the_same_team_is_none_for_the_team_above(account: Account) -> None:
    above = account.team("above")
    left, right = account.team("left", above), account.team("right", above)
    account.cost("10", account.key(job_id="nightly", tags={"team": "left"}))
    account.cost("10", account.key(job_id="nightly", tags={"team": "right"}), day=TUESDAY)
    account.build()
    assert account.bridge("team", left) == usd(ownership="-10")
    assert account.bridge("team", right) == usd(ownership="10")
    assert account.bridge("team", above) == account.bridge("team", "unallocated") == {}


def test_what_a_rule_gives_to_nobody_moves_to_unallocated(account: Account) -> None:
    team = account.team("data")
    account.cost("10", account.key(job_id="nightly", tags={"team": "data"}))
    account.cost("10", account.key(job_id="nightly"), day=TUESDAY)
    account.build()
    assert account.bridge("team", team) == usd(ownership="-10")
    assert account.bridge("team", "unallocated") == usd(ownership="10")


def test_an_unchanged_share_is_no_move_and_a_changed_one_is(account: Account) -> None:
    first, second = account.team("first"), account.team("second")
    account.split("fixed", {first: "1", second: "2"}, tag("shared", "yes"), valid_to=WEDNESDAY)
    for team in (first, second):
        account.term(900, "fixed", team, "1", valid_from=WEDNESDAY)
    key = account.key(job_id="nightly", tags={"shared": "yes"})
    for day, quantity in ((MONDAY, "10"), (TUESDAY, "20"), (WEDNESDAY, "20")):
        account.cost(quantity, key, rate="0.7", day=day)
    account.build()
    assert account.bridge("team", first).keys() == {"volume"}
    wednesday = Period(WEDNESDAY, WEDNESDAY)
    # From a third to a half of 14.00.
    moved = account.bridge("team", first, then=NOW, now=wednesday)
    assert {part: round(amount, 12) for part, amount in moved.items()} == usd(ownership="2.333333333333")


def test_a_correction_of_something_shared_is_shared(account: Account) -> None:
    teams = [account.team(name) for name in ("first", "second", "third")]
    account.split("even", dict.fromkeys(teams), tag("shared", "yes"))
    key = account.key(job_id="nightly", tags={"shared": "yes"})
    for day in (MONDAY, TUESDAY):
        account.cost("10", key, day=day)
    account.cost("-10", key, day=TUESDAY, ingested=WEDNESDAY)
    account.build()
    bridges = [account.bridge("team", team) for team in teams]
    # What is left of a third is in volume.
    assert all(abs(bridge.pop("volume", Decimal(0))) <= Decimal("1e-18") for bridge in bridges)
    assert [bridge.keys() for bridge in bridges] == [{"restatements"}] * 3
    assert sum(bridge["restatements"] for bridge in bridges) == Decimal(-10)


def test_nothing_at_all_is_eight_zeros(account: Account) -> None:
    assert [(part.part, part.amount_usd) for part in account.parts()] == [(part, Decimal(0)) for part in PARTS]
    assert account.bridge("team", 12345) == {}


def test_an_unknown_type_of_scope_is_refused(account: Account) -> None:
    with pytest.raises(BadInput, match="no change bridge of a tag"):
        account.parts("tag", "team=data")


# Whatever happened


@dataclass(frozen=True)
class Usage:
    """A cost record; `ingested_late` makes it a correction."""

    workspace: str
    resource: Mapping[str, str]
    product: str
    owner: str
    sku: str
    day: int
    quantity: Decimal
    list_rate: Decimal | None
    discount: Decimal
    ingested_late: bool

    @property
    def rate(self) -> Decimal | None:
        return self.list_rate and round(self.list_rate * self.discount, 18)


quantities = st.decimals(min_value=0, max_value=40, places=18) | st.decimals(min_value=-9, max_value=9, places=2)
usages = st.lists(
    st.builds(
        Usage,
        workspace=st.sampled_from(["1001", "1002"]),
        resource=st.sampled_from([{"job_id": "a"}, {"job_id": "b"}, {"warehouse_id": "w"}, {"user_email": "u"}, {}]),
        product=st.sampled_from(["JOBS", "JOBS_SERVERLESS", "SQL"]),
        owner=st.sampled_from(["top", "below", "other", "shared", "nobody"]),
        sku=st.sampled_from(["S1", "S2"]),
        day=st.integers(0, 3),
        quantity=quantities,
        list_rate=st.none() | st.sampled_from([Decimal(0), Decimal("0.1")]) | st.decimals(0, 2, places=18),
        discount=st.sampled_from([Decimal(1), Decimal("0.9")]) | st.decimals(0, 2, places=9),
        ingested_late=st.booleans(),
    ),
    max_size=25,
)
periods = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(
    lambda ends: Period(MONDAY + min(ends) * DAY, MONDAY + max(ends) * DAY)
)
#: Where the tag `shared` goes from Wednesday on, as weights of the teams top and other.
weights = st.tuples(st.integers(0, 3), st.integers(1, 5))
some = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(usages=usages, then=periods, now=periods, weights=weights, leaves=st.booleans())
@some
def test_whatever_happened_the_parts_add_up(
    database_url: str, usages: list[Usage], then: Period, now: Period, weights: tuple[int, int], leaves: bool
) -> None:
    with open_account(database_url) as account, localcontext(EXACT):
        scopes = fill(account, usages, weights, leaves=leaves)
        bridges, back, itself = (account.all_parts(*periods) for periods in ((then, now), (now, then), (now, now)))
        assert {scope for scope in scopes if cost(account, scope, then) or cost(account, scope, now)} <= set(bridges)
        assert set(bridges) <= set(scopes)
        for scope, parts in bridges.items():
            expected = cost(account, scope, now) - cost(account, scope, then)
            assert sum(part.amount_usd for part in parts) == expected, scope
            assert {part.now_usd - part.then_usd for part in parts} == {expected}
            assert amounts(back[scope]) == swapped(amounts(parts)), scope
        assert not any(part.amount_usd for parts in itself.values() for part in parts)
        everything = amounts(bridges.get(("everything", ""), ()))
        assert not everything or everything["ownership"] == 0
        for partition in ("workspace", "product", "sku", "team"):
            # of a tree of teams, the top ones
            members = [
                amounts(parts)
                for (kind, id), parts in bridges.items()
                if kind == partition and id != account_team(account, "below")
            ]
            assert sum(sum(member.values()) for member in members) == sum(everything.values()), partition
            # Prices of what teams share are rounded for each of them.
            for part in ("new", "ended", "restatements", *(("price", "discount") if partition != "team" else ())):
                assert sum(member[part] for member in members) == everything.get(part, 0), (partition, part)


@given(usages=usages, weights=weights)
@some
def test_where_only_owners_change_only_ownership_does(
    database_url: str, usages: list[Usage], weights: tuple[int, int]
) -> None:
    twice = [
        Usage(**{**vars(usage), "day": day, "quantity": abs(usage.quantity), "ingested_late": False})
        for usage in usages
        for day in (0, 2)
    ]
    with open_account(database_url) as account, localcontext(EXACT):
        fill(account, twice, weights, leaves=True)
        moved = Decimal(0)
        for scope, found in account.all_parts(THEN, Period(WEDNESDAY, WEDNESDAY)).items():
            parts = amounts(found)
            for part in set(parts) - {"ownership"}:
                # a share is rounded to 18 digits
                assert abs(parts[part]) < Decimal("1e-12"), (scope, part)
            if scope[0] == "team" and scope[1] != account_team(account, "below"):
                moved += parts["ownership"]
            elif scope[0] != "team":
                assert parts["ownership"] == 0
        assert abs(moved) < Decimal("1e-12")


def fill(account: Account, usages: Iterable[Usage], weights: tuple[int, int], *, leaves: bool) -> list[tuple[str, str]]:
    """The usages, owned by teams that change on Wednesday; all scopes."""
    top = account.team("top")
    account.team("below", top)
    other = account.team("other")
    account.split("fixed", {top: "1", other: "2"}, tag("team", "shared"), valid_to=WEDNESDAY)
    for team, weight in zip((top, other), weights, strict=True):
        account.term(900, "fixed", team, Decimal(weight), valid_from=WEDNESDAY)
    if leaves:
        account.claim(tag("team", "below"), team=other, priority=-1, valid_from=WEDNESDAY)
    for usage in usages:
        key: UUID = account.key(
            workspace_id=usage.workspace, product=usage.product, tags={"team": usage.owner}, **usage.resource
        )
        day = MONDAY + usage.day * DAY
        account.cost(
            usage.quantity,
            key,
            rate=usage.rate,
            list_rate=usage.list_rate,
            sku=usage.sku,
            day=day,
            ingested=day + DAY if usage.ingested_late else None,
        )
    account.build()
    return [
        ("everything", ""),
        *(("workspace", workspace) for workspace in ("1001", "1002")),
        *(("product", product) for product in ("JOBS", "JOBS_SERVERLESS", "SQL")),
        *(("sku", sku) for sku in ("S1", "S2")),
        *(("team", account_team(account, team)) for team in ("top", "below", "other")),
        ("team", "unallocated"),
    ]


def account_team(account: Account, name: str) -> str:
    row = account.connection.execute("select id::text from costpulse.teams where name = %s", [name]).fetchone()
    assert row is not None
    return str(row["id"])


def cost(account: Account, scope: tuple[str, str], period: Period) -> Decimal:
    """What daily_costs have of a scope."""
    kind, id = scope
    teams = [id, account_team(account, "below")] if id == account_team(account, "top") else [id]
    row = account.connection.execute(
        "select coalesce(sum(cost_usd), 0) as cost from costpulse.daily_costs where usage_date between %s and %s and "
        "case %s when 'workspace' then workspace_id = %s when 'product' then product = %s when 'sku' then sku_name = "
        "%s when 'team' then coalesce(team_id::text, 'unallocated') = any(%s) else true end",
        [period.first, period.last, kind, id, id, id, teams],
    ).fetchone()
    assert row is not None
    return Decimal(row["cost"])


def amounts(parts: Iterable[BridgePart]) -> dict[str, Decimal]:
    return {part.part: part.amount_usd for part in parts}


def swapped(parts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The bridge back: what was new has ended."""
    back = {"new": "ended", "ended": "new"}
    return {back.get(part, part): -amount for part, amount in parts.items()}


# What is kept


def final(first: date, last: date) -> list[tuple[date, bool]]:
    return [(day, False) for day in Period(first, last)]


def test_month_to_date_and_the_last_full_month_are_compared_with_the_month_before() -> None:
    days = [*final(date(2026, 1, 1), date(2026, 3, 30)), (date(2026, 3, 31), True)]
    to_date, month = comparisons(days)
    assert (to_date.comparison, to_date.waits_for) == ("month to date", None)
    assert (to_date.then, to_date.now) == (
        Period(date(2026, 2, 1), date(2026, 2, 28)),
        Period(date(2026, 3, 1), date(2026, 3, 30)),
    )
    assert (month.comparison, month.waits_for) == ("last month", None)
    assert (month.then, month.now) == (whole_month(date(2026, 1, 1)), whole_month(date(2026, 2, 1)))


def test_a_month_whose_last_day_is_final_is_the_last_full_one() -> None:
    _, month = comparisons(final(date(2026, 2, 1), date(2026, 3, 31)))
    assert (month.then, month.now) == (whole_month(date(2026, 2, 1)), whole_month(date(2026, 3, 1)))


def test_what_has_missing_days_is_not_compared() -> None:
    to_date, month = comparisons(final(date(2026, 2, 2), date(2026, 3, 30)))
    assert to_date.waits_for == "1 days that are missing or not final, the first 2026-02-01"
    assert month.waits_for is not None
    assert month.waits_for.startswith("32 days that are missing or not final, the first 2026-01-01")
    assert comparisons([(date(2026, 3, 1), True)]) == comparisons([]) == []


@pytest.fixture
def kept(database_url: str) -> Database:
    """An account of June and July 1-15 with its bridges made; a team that another one is above."""
    database = Database(database_url)
    with database.transaction() as connection:
        account = Account(connection)
        above = account.team("above")
        account.team("below", above)
        for number in range(45):
            for owner, workspace in (("above", "1001"), ("below", "1002"), ("nobody", None)):
                key = account.key(job_id="nightly", workspace_id=workspace, tags={"team": owner})
                account.cost(str(10 + number), key, rate="0.1", day=MONDAY + number * DAY)
        account.build()
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select d, 0, 1, false, 'none' from generate_series(%s::date - 31, %s::date, interval '1 day') as d",
            [MONDAY, MONDAY + 44 * DAY],
        )
    rebuild_change_bridge(database)
    return database


def test_the_asset_keeps_both_comparisons_of_every_scope(kept: Database) -> None:
    result = dg.materialize(
        [
            *change_bridge_assets(pretend_today(date(2026, 7, 17))),
            *(dg.AssetSpec(name) for name in ("daily_key_costs", "daily_costs", "completeness")),
        ],
        resources={"database": dg.ResourceDefinition.hardcoded_resource(kept)},
        selection="change_bridge",
    )
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    (made,) = result.get_asset_materialization_events()
    said = {name: value.value for name, value in made.materialization.metadata.items()}
    assert said["month to date"] == "2026-06-01 to 2026-06-15 -> 2026-07-01 to 2026-07-15"
    assert said["last month"] == "2026-05-01 to 2026-05-31 -> 2026-06-01 to 2026-06-30"
    with kept.transaction() as connection:
        rows = connection.execute(
            "select comparison, scope_type, scope_id, part, amount_usd, then_first, then_last, now_first, now_last "
            "from costpulse.change_bridge"
        ).fetchall()
        scopes = {(row["scope_type"], row["scope_id"]) for row in rows}
        teams = connection.execute("select id::text from costpulse.teams").fetchall()
        assert scopes == {
            ("everything", ""),
            *(("workspace", workspace) for workspace in ("", "1001", "1002")),
            *(("team", team["id"]) for team in teams),
            ("team", "unallocated"),
            ("product", "JOBS"),
        }
        assert len(rows) == said["dagster/row_count"] == 2 * 8 * len(scopes)
        for row in rows:
            parts = change_bridge(
                connection,
                scope_type=row["scope_type"],
                scope_id=row["scope_id"],
                then=Period(row["then_first"], row["then_last"]),
                now=Period(row["now_first"], row["now_last"]),
            )
            assert amounts(parts)[row["part"]] == row["amount_usd"]


@pytest.mark.parametrize(
    "harm",
    [
        "update costpulse.change_bridge set amount_usd = amount_usd + 1e-18 where part = 'mix' and scope_type = 'team'",
        "delete from costpulse.change_bridge where part = 'ended' and scope_type = 'everything'",
        "delete from costpulse.change_bridge where scope_type = 'product'",
        "update costpulse.daily_costs set cost_usd = cost_usd + 1e-18 where usage_date = '2026-07-01'",
    ],
)
def test_the_check_finds_what_does_not_add_up(kept: Database, harm: str) -> None:
    assert kept.rows(CHECK) == []
    with kept.transaction() as connection:
        connection.execute(harm.encode())
    assert kept.rows(CHECK) != []


def test_a_bridge_that_would_not_add_up_is_not_written(kept: Database) -> None:
    with kept.transaction() as connection:
        connection.execute("update costpulse.daily_costs set cost_usd = 0 where usage_date = '2026-07-01'")
        before = connection.execute("select count(*), max(computed_at) from costpulse.change_bridge").fetchone()
    with pytest.raises(InvariantBroken, match="would not add up to daily_costs"):
        rebuild_change_bridge(kept)
    with kept.transaction() as connection:
        assert connection.execute("select count(*), max(computed_at) from costpulse.change_bridge").fetchone() == before


def test_only_a_comparison_with_a_day_that_was_built_since_is_made_anew(kept: Database) -> None:
    def made_at() -> dict[str, datetime]:
        with kept.transaction() as connection:
            rows = connection.execute(
                "select comparison, min(computed_at) as first, max(computed_at) as last from costpulse.change_bridge "
                "group by comparison"
            ).fetchall()
        assert all(row["first"] == row["last"] for row in rows)
        return {row["comparison"]: row["last"] for row in rows}

    def rebuilt_after(statement: str) -> set[str]:
        with kept.transaction() as connection:
            connection.execute(statement.encode())
        before = made_at()
        rebuild_change_bridge(kept)
        assert kept.rows(CHECK) == []
        return {comparison for comparison, moment in made_at().items() if moment > before[comparison]}

    def built(day: str) -> str:
        return (
            f"insert into costpulse.built_days values ('daily_key_costs', '{day}', now(), clock_timestamp()) "
            "on conflict (asset, usage_date) do update set built_at = excluded.built_at"
        )

    assert rebuilt_after("select 1") == set()
    assert rebuilt_after(built("2026-07-15")) == {"month to date"}
    assert rebuilt_after(built("2026-06-20")) == {"last month"}
    assert rebuilt_after(built("2026-06-02")) == {"month to date", "last month"}
    assert rebuilt_after(built("2026-07-16")) == set()
    assert rebuilt_after("update costpulse.teams set parent_team_id = null") == {"month to date", "last month"}
    newest = "update costpulse.completeness set is_provisional = true where usage_date >= '2026-07-15'"
    assert rebuilt_after(newest) == {"month to date"}


def test_a_viewer_sees_the_bridges_of_their_teams_alone(kept: Database) -> None:
    with kept.transaction() as connection:
        team = connection.execute("select id::text from costpulse.teams where name = 'below'").fetchone()
        assert team is not None
        connection.execute("set local role costpulse_app")
        seen = {}
        for scope in ("all", team["id"], ""):
            connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
            rows = connection.execute("select distinct scope_type, scope_id from costpulse.change_bridge").fetchall()
            seen[scope] = {(row["scope_type"], row["scope_id"]) for row in rows}
    assert ("everything", "") in seen["all"]
    assert seen[team["id"]] == {("team", team["id"])}
    assert seen[""] == set()
