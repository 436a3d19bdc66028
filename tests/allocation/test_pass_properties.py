"""Random keys, names, rules, splits and corrections: the pass against a plain loop over every key, day and claim."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.allocation.ledger import MONDAY, Atom, Ledger, field, open_ledger
from tests.conftest import database

DAYS = [MONDAY + timedelta(days=n) for n in range(4)]
MEASURES = ("usage_quantity", "unpriced_quantity", "list_cost_usd", "cost_usd", "record_count")
METHODS = {1: "rule", 2: "split", 3: "user", 4: "tag", 5: "split"}


@pytest.fixture(scope="module")
def url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with database(postgres_server, template=migrated_template) as url:
        yield url


@dataclass(frozen=True)
class Claim:
    stage: int
    priority: int
    atoms: tuple[Atom, ...]
    valid_from: date | None
    valid_to: date | None
    #: Of a split: teams and weights; a rule has one team.
    weights: dict[int, Decimal]


@dataclass(frozen=True)
class Book:
    keys: list[dict[str, Any]]
    #: (place of the key, day, quantity, rate, SKU)
    costs: list[tuple[int, date, Decimal, Decimal | None, str]]
    #: Name of cluster c1 or c2 from a day on
    names: dict[tuple[str, date], str | None]
    claims: list[Claim]


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


_keys = st.fixed_dictionaries(
    {
        "job_id": _maybe("1", "2"),
        "user_email": _maybe("ada@x.example", "Bo@x.example", "robot"),
        "cluster_id": _maybe("c1", "c2"),
        "tags": st.dictionaries(
            st.sampled_from(["team", "env"]), st.sampled_from(["etl", "ETL-2", "bi", ""]), max_size=2
        ),
    }
)
_atoms: st.SearchStrategy[Atom] = st.one_of(
    st.builds(
        lambda key, texts: ("tag", key, texts),
        st.sampled_from(["team", "env"]),
        st.lists(
            st.sampled_from([("glob", "etl"), ("glob", "e*"), ("glob", "*i"), ("glob", "*"), ("missing", "")]),
            min_size=1,
            max_size=2,
            unique=True,
        ),
    ),
    st.sampled_from([field("job", "1"), field("job", "2", "x"), field("job", "", kind="missing")]),
    st.sampled_from([field("user_domain", "x.*"), field("user_email", "bo@x.example", kind="equal")]),
    st.sampled_from([field("cluster_name", "e.*", kind="regex"), field("cluster_name", "", kind="missing")]),
    st.sampled_from([field("sku_name", "*SQL"), field("sku_name", "jobs", "x*")]),
)


@st.composite
def _claims(draw: st.DrawFn) -> Claim:
    stage = draw(st.sampled_from([1, 1, 1, 2, 3, 4, 5]))
    teams = st.integers(1, 5)
    return Claim(
        stage=stage,
        priority=draw(st.integers(0, 2)),
        atoms=tuple(draw(st.lists(_atoms, min_size=0 if stage == 5 else 1, max_size=3))),
        valid_from=draw(_maybe(*DAYS[:3])),
        valid_to=draw(_maybe(DAYS[3], DAYS[3] + timedelta(days=3))),
        weights=draw(
            st.dictionaries(teams, st.decimals("0.001", 9, places=3), min_size=1, max_size=3)
            if stage in (2, 5)
            else st.dictionaries(teams, st.just(Decimal(1)), min_size=1, max_size=1)
        ),
    )


@st.composite
def _books(draw: st.DrawFn) -> Book:
    keys = draw(st.lists(_keys, min_size=1, max_size=4, unique_by=lambda key: repr(sorted(key.items()))))
    costs = st.tuples(
        st.integers(0, len(keys) - 1),
        st.sampled_from(DAYS),
        st.decimals(-1000, 1000, places=18),
        st.none() | st.decimals(0, 5, places=6),
        st.sampled_from(["JOBS", "SERVERLESS_SQL"]),
    )
    return Book(
        keys=keys,
        costs=draw(st.lists(costs, min_size=1, max_size=8)),
        names=draw(
            st.dictionaries(
                st.tuples(st.sampled_from(["c1", "c2"]), st.sampled_from(DAYS)), _maybe("etl", "adhoc"), max_size=4
            )
        ),
        claims=draw(st.lists(_claims(), max_size=7)),
    )


def _values(book: Book, key: dict[str, Any], sku: str, day: date, name: str, tag_key: str) -> list[str]:
    value: str | None
    if name == "tag":
        value = key["tags"].get(tag_key)
    elif name == "job":
        value = key["job_id"]
    elif name == "sku_name":
        value = sku
    elif name == "user_email":
        value = key["user_email"]
    elif name == "user_domain":
        value = key["user_email"].split("@")[1] if "@" in (key["user_email"] or "") else None
    else:
        starts = sorted(start for cluster, start in book.names if cluster == key["cluster_id"])
        in_force = [start for start in starts if start <= day] or starts[:1]
        value = book.names[key["cluster_id"], in_force[-1]] if in_force else None
    return [] if value is None else [value]


def _holds(atom: Atom, values: list[str]) -> bool:
    def matches(kind: str, text: str, value: str) -> bool:
        if kind == "glob":
            text = ".*".join(map(re.escape, text.split("*")))
        elif kind == "equal":
            text = re.escape(text)
        return re.fullmatch(text, value, re.IGNORECASE | re.DOTALL) is not None

    return any(
        not values if kind == "missing" else any(matches(kind, text, value) for value in values)
        for kind, text in atom[2]
    )


def _first(book: Book, key: dict[str, Any], sku: str, day: date) -> Claim | None:
    """The claim that wins, by looking at all of them in order."""
    order = sorted(enumerate(book.claims), key=lambda place: (place[1].stage, place[1].priority, place[0]))
    for _, claim in order:
        if (
            (claim.valid_from is None or claim.valid_from <= day)
            and (claim.valid_to is None or day < claim.valid_to)
            and all(_holds(atom, _values(book, key, sku, day, atom[0], atom[1])) for atom in claim.atoms)
        ):
            return claim
    return None


def _write(ledger: Ledger, book: Book) -> list[UUID]:
    keys = [ledger.key(**key) for key in book.keys]
    for place, day, quantity, rate, sku in book.costs:
        ledger.cost(quantity, keys[place], rate=rate, day=day, sku=sku)
    by_cluster = defaultdict(list)
    for cluster, start in sorted(book.names):
        by_cluster[cluster].append(start)
    for cluster, starts in by_cluster.items():
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            ledger.name("cluster", cluster, book.names[cluster, start], start, end)
    for number, claim in enumerate(book.claims):
        options: dict[str, Any] = {
            "stage": claim.stage,
            "priority": claim.priority,
            "valid_from": claim.valid_from,
            "valid_to": claim.valid_to,
        }
        if claim.stage in (2, 5):
            ledger.claim(*claim.atoms, split=900 + number, **options)
            for team, weight in claim.weights.items():
                ledger.term(900 + number, "weights", team, weight)
        else:
            ledger.claim(*claim.atoms, team=next(iter(claim.weights)), **options)
    return keys


@given(_books())
@settings(max_examples=40, deadline=None)
def test_every_key_goes_to_whom_a_plain_loop_gives_it_and_nothing_is_lost(url: str, book: Book):
    with open_ledger(url) as ledger:
        keys = _write(ledger, book)
        rows = ledger.allocate(*DAYS)
        assert ledger.allocate(*reversed(DAYS)) == rows, "the pass is a function of what it reads"
        one_by_one = [row for day in DAYS for row in ledger.allocate(day)]
        recorded = ledger.connection.execute(
            "select usage_date, key_id, sku_name, sum(usage_quantity) as usage_quantity, coalesce(sum(usage_quantity) "
            "filter (where effective_rate is null), 0) as unpriced_quantity, sum(list_cost_usd) as list_cost_usd, "
            "sum(cost_usd) as cost_usd, sum(record_count) as record_count from costpulse.cost_records "
            "group by usage_date, key_id, sku_name"
        ).fetchall()
    assert one_by_one == rows, "a day does not depend on the days that are built with it"

    found: dict[Any, dict[Any, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        found[row["usage_date"], row["key_id"], row["sku_name"]][row["team_id"]] = row
    assert len(found) == len(recorded)
    for record in recorded:
        of_key = found[record["usage_date"], record["key_id"], record["sku_name"]]
        claim = _first(book, book.keys[keys.index(record["key_id"])], record["sku_name"], record["usage_date"])
        assert set(of_key) == ({None} if claim is None else set(claim.weights))
        assert {row["method"] for row in of_key.values()} == {METHODS[claim.stage] if claim else "unallocated"}
        for measure in MEASURES:
            with localcontext(prec=60):
                parts = [row[measure] for row in of_key.values()]
                assert record[measure] == (None if None in parts else sum(parts)), measure
