"""Rule types: what each asks for, in words and as patterns, and what it refuses."""

from typing import Any

import pytest
from pydantic import ValidationError

from costpulse_assets.allocation.rule_types import FIELDS, RULE_TYPES, Atom, Pattern
from costpulse_assets.allocation.rule_types.declaration import refusals

TAG = {"rule_type": "tag_match", "conditions": {"key": "team", "values": ["etl", "etl-*"]}}
SKU = {"rule_type": "sku_match", "conditions": {"skus": ["*SQL*"]}}


def globs(field: Any, *texts: str, tag_key: str = "") -> Atom:
    return Atom(field, tag_key, tuple(Pattern("glob", text) for text in texts))


EXAMPLES = [
    ("tag_match", TAG["conditions"], [globs("tag", "etl", "etl-*", tag_key="team")], "tag team is etl or etl-*"),
    (
        "tag_match",
        {"key": "team", "values": ["x"], "missing": True},
        [Atom("tag", "team", (Pattern("glob", "x"), Pattern("missing")))],
        "tag team is x or missing",
    ),
    ("user_match", {"users": ["ada@x.org", "*@y.org"]}, [globs("user_email", "ada@x.org", "*@y.org")], "user is"),
    ("principal_domain_match", {"domains": ["y.org"]}, [globs("user_domain", "y.org")], "domain of the user is y.org"),
    ("workspace_match", {"workspaces": ["prod", "12"]}, [globs("workspace", "prod", "12")], "workspace is prod or 12"),
    (
        "cluster_match",
        {"pattern": "etl-[0-9]+"},
        [Atom("cluster_name", "", (Pattern("regex", "etl-[0-9]+"),))],
        "name of the cluster matches etl-[0-9]+",
    ),
    ("sku_match", SKU["conditions"], [globs("sku_name", "*SQL*")], "SKU is *SQL*"),
    ("job_match", {"jobs": ["a", "b", "c"]}, [globs("job", "a", "b", "c")], "job is a, b or c"),
    ("warehouse_match", {"warehouses": ["bi-*"]}, [globs("warehouse", "bi-*")], "warehouse is bi-*"),
    ("product_match", {"products": ["JOBS"]}, [globs("product", "JOBS")], "product is JOBS"),
    (
        "all_of",
        {"parts": [TAG, SKU]},
        [globs("tag", "etl", "etl-*", tag_key="team"), globs("sku_name", "*SQL*")],
        "tag team is etl or etl-* and SKU is *SQL*",
    ),
    ("remainder", {}, [], "nothing else claims it"),
]


@pytest.mark.parametrize(("name", "conditions", "atoms", "words"), EXAMPLES)
def test_a_rule_type_says_what_it_asks_for_as_patterns_and_in_words(name, conditions, atoms, words):
    assert RULE_TYPES[name].atoms(conditions) == atoms
    assert RULE_TYPES[name].describe(conditions).startswith(words)


def test_every_rule_type_has_an_example_here():
    assert {example[0] for example in EXAMPLES} == set(RULE_TYPES)


@pytest.mark.parametrize("rule_type", RULE_TYPES.values(), ids=RULE_TYPES)
def test_a_rule_type_has_a_form_and_documentation(rule_type):
    assert rule_type.title
    assert rule_type.documentation.endswith(".")
    assert [field.name for field in rule_type.form_fields] == list(rule_type.conditions.model_fields)
    for field in rule_type.form_fields:
        assert field.label != field.name
        assert field.example or field.widget == "switch"


def test_the_form_knows_how_each_kind_of_value_is_typed():
    widgets = {field.name: field.widget for kind in ("tag_match", "all_of") for field in RULE_TYPES[kind].form_fields}
    assert widgets == {"key": "text", "values": "lines", "missing": "switch", "parts": "parts"}


def test_only_the_rest_cannot_be_a_rule():
    assert [name for name, rule_type in RULE_TYPES.items() if not rule_type.for_rules] == ["remainder"]


def test_conditions_are_stored_trimmed_and_without_defaults():
    part = {"rule_type": "tag_match", "conditions": {"key": " team ", "values": [" x "], "missing": False}}
    stored = {"rule_type": "tag_match", "conditions": {"key": "team", "values": ["x"]}}
    assert RULE_TYPES["tag_match"].canonical(part["conditions"]) == stored["conditions"]
    assert RULE_TYPES["all_of"].canonical({"parts": [part]}) == {"parts": [stored]}


def test_an_empty_pattern_matches_nothing_and_missing_is_not_empty():
    assert Pattern("glob", "").matches_nothing
    assert Pattern("regex", "").matches_nothing
    assert not Pattern("missing").matches_nothing


def test_every_field_is_asked_by_some_rule_type():
    asked = {atom.field for _, _, atoms, _ in EXAMPLES for atom in atoms}
    assert asked == set(FIELDS)


@pytest.mark.parametrize(
    ("name", "conditions", "field", "reason"),
    [
        ("sku_match", {"sku": ["x"], "skus": ["x"]}, "sku", "is not known here"),
        ("sku_match", {}, "skus", "is missing"),
        ("sku_match", {"skus": []}, "skus", "must have at least one entry"),
        ("sku_match", {"skus": "x"}, "skus", "must be a list"),
        ("sku_match", {"skus": [7]}, "skus.0", "must be text"),
        ("sku_match", {"skus": ["a\0b"]}, "skus.0", "holds a character that cannot be stored"),
        ("tag_match", {"key": "", "missing": True}, "key", "must not be empty"),
        ("tag_match", {"key": "team"}, "", "needs values, or missing: true for usage without the tag"),
        ("remainder", {"all": True}, "all", "is not known here"),
        ("all_of", {"parts": []}, "parts", "must have at least one entry"),
        ("all_of", {"parts": [7]}, "parts.0", "must have fields of its own"),
        ("all_of", {"parts": [{"rule_type": "sku_match"}]}, "parts.0.conditions", "is missing"),
        ("all_of", {"parts": [{"rule_type": "sku_match", "conditions": {}}]}, "parts.0", "skus is missing"),
        ("all_of", {"parts": [{"rule_type": "all_of", "conditions": {"parts": [SKU]}}]}, "parts.0", "rule_type of a"),
        ("all_of", {"parts": [{"rule_type": "remainder", "conditions": {}}]}, "parts.0", "rule_type of a part must be"),
    ],
)
def test_conditions_that_do_not_fit_are_refused_with_field_and_reason(name, conditions, field, reason):
    with pytest.raises(ValidationError) as caught:
        RULE_TYPES[name].parse(conditions)
    (refusal,) = refusals(caught.value)
    assert refusal.field == field
    assert refusal.reason.startswith(reason)


def test_only_what_holds_an_identity_is_protected():
    def protect(text: str) -> str:
        return f"<{text}>"

    def protected(name: str, conditions: dict[str, Any]) -> dict[str, Any]:
        return RULE_TYPES[name].parse(conditions).protected(protect).model_dump(mode="json", exclude_defaults=True)

    assert protected("user_match", {"users": ["ada@x.org"]}) == {"users": ["<ada@x.org>"]}
    tag = {"key": "owner", "values": ["ada@x.org", "etl", "*@x.org"]}
    assert protected("tag_match", tag)["values"] == ["<ada@x.org>", "etl", "<*@x.org>"]
    parts = [{"rule_type": "user_match", "conditions": {"users": ["ada@x.org"]}}, SKU]
    assert protected("all_of", {"parts": parts})["parts"] == [
        {"rule_type": "user_match", "conditions": {"users": ["<ada@x.org>"]}},
        SKU,
    ]
    for name, conditions, _, _ in EXAMPLES:
        if name not in ("user_match", "tag_match", "all_of"):
            assert protected(name, conditions) == RULE_TYPES[name].canonical(conditions)
