"""Texts about tags: the value that was meant, and names that stay names in Slack and in mail."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costpulse_assets.analysis.tag_messages import (
    NAMED_RESOURCES,
    faults_in_words,
    nearest_allowed,
    neutral,
    owner_message,
)
from costpulse_assets.resources.demo_account import planted


@pytest.mark.parametrize(
    ("value", "allowed", "nearest"),
    [
        ("Prod", ["dev", "prod"], "prod"),
        ("data platform", ["data-platform", "data"], "data-platform"),
        ("production", ["prod", "staging"], None),
        ("prodd", ["prod", "staging"], "prod"),
        ("stagign", ["prod", "staging"], "staging"),
        ("cc9090", ["cc-*"], None),
        ("cc9090", ["cc-*", "cc-9090"], "cc-9090"),
        ("x", [], None),
    ],
)
def test_the_nearest_allowed_value_is(value: str, allowed: list[str], nearest: str | None) -> None:
    assert nearest_allowed(value, allowed) == nearest


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("legacy_dwh_load", "legacy_dwh_load"),
        ("<!channel> @here", "‹!channel› (at)here"),
        ("<b>bold</b> *b* `c` ~d~", "‹b›bold‹/b› ∗b∗ 'c' ∼d∼"),
        ("a\nb\r\n\tc", "a b c"),
        ("right\u202eleft", "right left"),
        (planted.ODD_TAG, 'O\'Brien "R&D" team 🚀'),
    ],
)
def test_a_name_is_shown_as(name: str, shown: str) -> None:
    assert neutral(name) == shown


def test_no_name_of_the_account_becomes_a_link() -> None:
    assert "://" not in neutral(planted.HYPERLINK_TAG)


@given(st.text())
def test_a_name_is_one_short_line_without_markup(name: str) -> None:
    shown = neutral(name)
    assert len(shown) <= 80
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set("<>*`~|")
    assert "@channel" not in shown.lower()


def row(**more: Any) -> dict[str, Any]:
    return {
        "workspace_id": "100",
        "workspace_name": "prod",
        "resource_kind": "job",
        "resource_name": "load",
        "missing_keys": [],
        "blank_keys": [],
        "wrong_values": [],
        "violating_cost_usd": Decimal("12.34"),
        "from_date": date(2026, 10, 1),
        "to_date": date(2026, 10, 30),
    } | more


def wrong(value: str, *allowed: str) -> dict[str, Any]:
    return {"key": "env", "value": value, "verdict": "not allowed", "allowed": list(allowed)}


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"missing_keys": ["team"]}, "set team"),
        ({"missing_keys": ["cost_center", "env", "team"]}, "set cost_center, env and team"),
        ({"blank_keys": ["team"]}, "give team a value"),
        ({"wrong_values": [wrong("Prod", "prod", "dev")]}, "env is “Prod”: write “prod”"),
        ({"wrong_values": [wrong("9", "prod", "dev-∗")]}, "env is “9”: it must be prod or dev-∗"),
        (
            {"missing_keys": ["team"], "wrong_values": [wrong("9", "aa", "bb", "cc", "dd", "ee", "ff")]},
            "set team; env is “9”: it must be aa, bb, cc, dd or ee or another allowed value",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(faults: dict[str, Any], words: str) -> None:
    assert faults_in_words(row(**faults)) == words


def test_the_text_names_the_most_expensive_resources_and_counts_the_others() -> None:
    rows = [row(resource_name=f"job {number}", missing_keys=["team"]) for number in range(NAMED_RESOURCES + 3)]
    text = owner_message("nina@northwind.example", rows)
    assert text.startswith("Hello nina@northwind.example,")
    assert "23 resources need tags. From 01 Oct 2026 to 30 Oct 2026 $283.82 had none or wrong ones:" in text
    assert "1. job “job 0” in prod, $12.34: set team." in text
    assert "and 3 more, $37.02." in text
    assert f"job {NAMED_RESOURCES}" not in text


def test_usage_without_a_resource_is_named_by_its_product_and_nobody_is_called_all() -> None:
    text = owner_message(None, [row(resource_kind="product", resource_name="AI_RUNTIME", missing_keys=["team"])])
    assert text.startswith("Hello all,")
    assert "1 resource needs tags." in text
    assert "1. AI_RUNTIME usage in prod, $12.34: set team." in text
