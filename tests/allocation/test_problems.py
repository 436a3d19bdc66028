"""What is wrong with a rule set: each fault is named with its object, field, value and reason."""

from typing import Any

import pytest
from pydantic import ValidationError

from costpulse_assets.allocation.documents import RuleDocument, RuleSet, ShareDocument
from costpulse_assets.allocation.problems import BadRuleSet, problems
from costpulse_assets.allocation.rule_types.declaration import refusals

DATA, RISK = {"name": "Data"}, {"name": "Risk"}


def rule(**fields: Any) -> dict[str, Any]:
    return {"name": "ETL", "team": "Data", "rule_type": "sku_match", "conditions": {"skus": ["*"]}, **fields}


def cluster_rule(pattern: str) -> dict[str, Any]:
    return rule(rule_type="cluster_match", conditions={"pattern": pattern})


def split(basis: str, *shares: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "Rest", "rule_type": "remainder", "conditions": {}, "basis": basis, "shares": shares, **fields}


def share(team: str, weight: Any = None, valid_from: str | None = None, valid_to: str | None = None) -> dict[str, Any]:
    return {"team": team, "weight": weight, "valid_from": valid_from, "valid_to": valid_to}


def said(*, teams: Any = (DATA, RISK), rules: Any = (), splits: Any = ()) -> list[str]:
    return [str(problem) for problem in problems(RuleSet(teams=teams, rules=rules, splits=splits))]


def test_a_sound_rule_set_has_no_problem():
    member = {"email": "ada@x.org", "valid_to": "2026-01-31"}
    assert (
        said(
            teams=[
                {"name": "Child", "parent": "Data", "members": [{"email": "ada@x.org", "valid_from": "2026-02-01"}]},
                {"name": "Data", "members": [member], "tag_patterns": {"team": ["data*"]}},
                RISK,
            ],
            rules=[rule(), cluster_rule("etl-.*") | {"name": "Clusters", "valid_from": "2026-01-01"}],
            splits=[
                split("fixed", share("Data", "33.3"), share("Risk", "66.7")),
                split("fixed", share("Data", 100, None, "2026-01-31"), share("Risk", 100, "2026-02-01"))
                | {"name": "2"},
                split("weights", share("Data", 7, "2026-01-01", "2026-01-31"), share("Data", 0, "2026-02-01"))
                | {"name": "3", "valid_from": "2026-01-01", "valid_to": "2026-01-31"},
                split("even", share("Data"), share("Risk")) | {"name": "4"},
                split("direct_spend") | {"name": "5"},
                split("query_share", idle="leave") | {"name": "6"},
            ],
        )
        == []
    )


@pytest.mark.parametrize(
    ("team", "sentence"),
    [
        ("Marketing", "Rule 'ETL': team 'Marketing' is no team: add the team, or name one that is there."),
        ("data", "Rule 'ETL': team 'data' is no team: write 'Data' if you mean that."),
        ("", "Rule 'ETL': team is missing."),
    ],
)
def test_a_rule_for_a_team_that_does_not_exist_is_refused(team, sentence):
    assert said(rules=[rule(team=team)]) == [sentence]


def test_a_rule_and_a_share_of_a_deleted_team_are_refused():
    assert said(teams=[RISK], rules=[rule()], splits=[split("even", share("Data"), share("Risk"))]) == [
        "Rule 'ETL': team 'Data' is no team: add the team, or name one that is there.",
        "Split 'Rest', share of 'Data': team 'Data' is no team: add the team, or name one that is there.",
    ]


def test_two_of_one_name_are_refused_whatever_the_case():
    assert said(teams=[DATA, {"name": " DATA "}, RISK, RISK]) == [
        "Team 'DATA': name 'DATA' is the same as 'Data' but for upper and lower case: "
        "each team needs a name of its own.",
        "Team 'Risk': name 'Risk' is there twice: each team needs a name of its own.",
    ]
    assert said(rules=[rule(), rule(name="etl")])[0].startswith("Rule 'etl': name 'etl' is the same as 'ETL'")
    assert said(splits=[split("direct_spend")] * 2)[0].startswith("Split 'Rest': name 'Rest' is there twice")


def test_a_rule_and_a_split_may_have_one_name():
    assert said(rules=[rule(name="Rest")], splits=[split("direct_spend")]) == []


def test_names_and_texts_have_a_length():
    faults = said(teams=[{"name": ""}, {"name": "t" * 81}, {"name": "Ok", "cost_center": "c" * 41}])
    assert faults[0] == "Team 1: name is missing."
    assert faults[1].startswith(f"Team '{'t' * 81}': name must have at most 80 characters, not tttt")
    assert faults[2] == f"Team 'Ok': cost_center must have at most 40 characters, not {'c' * 41}."
    assert "name must have at most 120 characters" in said(rules=[rule(name="r" * 121)])[0]


def test_a_member_of_two_teams_at_once_is_refused_with_the_days():
    teams = [
        {"name": "Data", "members": [{"email": "ada@x.org", "valid_to": "2026-03-31"}]},
        {"name": "Risk", "members": [{"email": "Ada@X.org", "valid_from": "2026-03-01"}]},
    ]
    assert said(teams=teams) == [
        "Team 'Risk': members.email 'Ada@X.org' is in team 'Data' as well from 2026-03-01 to 2026-03-31: a person is "
        "in one team at a time, end one before the other begins."
    ]


def test_a_member_twice_in_one_team_is_refused():
    team = {"name": "Data", "members": [{"email": "ada@x.org"}, {"email": "ada@x.org", "valid_to": "2026-03-31"}]}
    assert said(teams=[team])[0].startswith("Team 'Data': members.email 'ada@x.org' is there twice until 2026-03-31")


@pytest.mark.parametrize("email", ["*@x.org", "", "a" * 201])
def test_a_member_is_one_person(email):
    (fault,) = said(teams=[{"name": "Data", "members": [{"email": email}]}])
    assert "members.email" in fault


def test_a_manager_needs_an_address():
    (fault,) = said(teams=[{"name": "Data", "manager_email": "ada"}])
    assert fault == "Team 'Data': manager_email must be an e-mail address, not ada."


def test_a_circle_of_teams_is_refused_once_with_its_path():
    teams = [
        {"name": "A", "parent": "B"},
        {"name": "B", "parent": "C"},
        {"name": "C", "parent": "A"},
        {"name": "Below", "parent": "A"},
        {"name": "Own", "parent": "Own"},
        {"name": "Lost", "parent": "Nobody"},
    ]
    assert said(teams=teams) == [
        "Team 'Lost': parent 'Nobody' is no team: add the team, or name one that is there.",
        "Team 'A': parent 'B' leads back to the team itself (A → B → C → A): a team cannot be above and below another.",
        "Team 'Own': parent 'Own' leads back to the team itself (Own → Own): a team cannot be above and below another.",
    ]


def test_tag_patterns_need_a_key_and_values():
    assert said(teams=[{"name": "Data", "tag_patterns": {"team": [], "x": [" "], "": ["a"]}}]) == [
        "Team 'Data': tag_patterns.team must have at least one pattern.",
        "Team 'Data': tag_patterns.x must not have an empty pattern: it matches nothing.",
        "Team 'Data': tag_patterns must have a tag key before its patterns.",
    ]


@pytest.mark.parametrize("priority", [-1, 1_000_001, 10**30])
def test_a_priority_has_a_range(priority):
    assert said(rules=[rule(priority=priority)]) == [
        f"Rule 'ETL': priority must be a whole number from 0 to 1000000, not {priority}."
    ]


def test_validity_runs_forward_and_stays_in_this_millennium():
    assert said(rules=[rule(valid_from="2026-02-01", valid_to="2026-01-31")]) == [
        "Rule 'ETL': valid_to '2026-01-31' lies before valid_from 2026-02-01."
    ]
    assert said(rules=[rule(valid_from="2026-02-01", valid_to="2026-02-01")]) == []
    for day in ("1999-12-31", "3000-01-01", "9999-12-31"):
        assert said(rules=[rule(valid_to=day)]) == [
            f"Rule 'ETL': valid_to must be left out, or a day from 2000-01-01 to 2999-12-31, not {day}."
        ]
    backwards = {"email": "ada@x.org", "valid_from": "2026-02-01", "valid_to": "2026-01-01"}
    assert said(teams=[{"name": "Data", "members": [backwards]}])[0].startswith("Team 'Data', member 'ada@x.org': ")


def test_an_unknown_rule_type_and_conditions_that_do_not_fit_it_are_refused():
    assert said(rules=[rule(rule_type="sku")])[0].startswith("Rule 'ETL': rule_type must be all_of, cluster_match, ")
    assert "remainder" in said(splits=[split("direct_spend", rule_type="x")])[0]
    assert said(rules=[rule(rule_type="remainder", conditions={})])[0].endswith(", not remainder.")
    assert said(rules=[rule(conditions={"sku": "x"})]) == [
        "Rule 'ETL': conditions.skus is missing.",
        "Rule 'ETL': conditions.sku 'x' is not known here.",
    ]


def test_an_empty_or_endless_pattern_is_refused():
    empty = "Rule 'ETL': conditions must not have an empty pattern: it matches nothing."
    assert said(rules=[rule(conditions={"skus": ["a", " "]})]) == [empty]
    assert said(rules=[cluster_rule("")]) == [empty]
    assert said(rules=[rule(conditions={"skus": ["a" * 201]})])[0].endswith(
        "is too long: 201 characters, at most 200 are accepted."
    )


def test_an_unsafe_regular_expression_is_refused_with_the_reason():
    assert said(rules=[cluster_rule("(a+)+")]) == [
        "Rule 'ETL': conditions '(a+)+' repeats at character 5 a group in which something repeats already, which can "
        "take very long: leave one of the two out."
    ]
    part = {"rule_type": "cluster_match", "conditions": {"pattern": "(a+)+"}}
    assert len(said(rules=[rule(rule_type="all_of", conditions={"parts": [part]})])) == 1


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ([share("Data", 50), share("Risk", "48.5")], "must add up to exactly 100 % at all times, not 98.5 %"),
        ([share("Data", "33.3"), share("Risk", "66.700000000000000001")], "not 100.000000000000000001 %"),
        (
            [share("Data", 50), share("Risk", 50, "2026-02-01")],
            "must add up to exactly 100 % until 2026-01-31, not 50 %",
        ),
        ([share("Data", 100, "2026-02-01")], "shares are missing until 2026-01-31: add them, or let the split begin"),
        ([share("Data", 100), share("Data", 100, "2026-02-01")], "'Data' has two shares from 2026-02-01 on"),
        ([share("Data")], "share of 'Data': weight is missing: basis fixed needs one for each team"),
        ([share("Data", -1), share("Risk", 101)], "weight must be a number from 0 to 1000000000000000, not -1"),
        ([], "shares must list the teams that share, for basis fixed"),
    ],
)
def test_percentages_add_up_to_100_on_every_day(shares, sentence):
    assert sentence in said(splits=[split("fixed", *shares)])[0]


def test_percentages_count_only_while_the_split_is_valid():
    january = [share("Data", 100, "2026-01-01", "2026-01-31"), share("Risk", 100, "2026-02-01")]
    assert said(splits=[split("fixed", *january, valid_from="2026-01-01")]) == []
    assert said(splits=[split("fixed", *january, valid_from="2025-12-31")]) == [
        "Split 'Rest': shares are missing on 2025-12-31: add them, or let the split begin or end there."
    ]


def test_a_weight_table_with_a_missing_period_is_refused():
    january = share("Data", 1, "2026-01-01", "2026-01-31")
    march = share("Data", 1, "2026-03-01", "2026-03-31")
    validity = {"valid_from": "2026-01-01", "valid_to": "2026-03-31"}
    assert said(splits=[split("weights", january, march, **validity)]) == [
        "Split 'Rest': shares.team 'Data' has no weight from 2026-02-01 to 2026-02-28, between two that it has: add "
        "it, or the weight 0.",
        "Split 'Rest': shares are missing from 2026-02-01 to 2026-02-28: "
        "add them, or let the split begin or end there.",
    ]
    assert said(splits=[split("weights", january, valid_from="2026-01-01")]) == [
        "Split 'Rest': shares are missing from 2026-02-01 on: add them, or let the split begin or end there."
    ]
    # another team has all three months: still a hole
    (fault,) = said(splits=[split("weights", share("Risk", 1), january, march)])
    assert "'Data' has no weight from 2026-02-01" in fault


def test_a_weight_table_with_overlapping_validity_is_refused():
    shares = share("Data", 1, None, "2026-01-31"), share("Data", 2, "2026-01-31")
    assert said(splits=[split("weights", *shares)]) == [
        "Split 'Rest': shares.team 'Data' has two shares on 2026-01-31: end the first before the second begins."
    ]


def test_weights_have_something_to_share_by():
    assert said(splits=[split("weights", share("Data", 0))]) == [
        "Split 'Rest': shares must have a weight above 0 at all times, not 0."
    ]
    assert said(splits=[split("weights", share("Data", "0.0000000000000000001"))])[0].endswith(
        "must have at most 18 digits behind the point, not 1E-19."
    )


def test_what_a_basis_does_not_use_is_refused():
    assert said(splits=[split("even", share("Data", 1))]) == [
        "Split 'Rest', share of 'Data': weight '1' has no meaning for basis even: leave it out."
    ]
    assert said(splits=[split("query_share", share("Data"), share("Risk"))]) == [
        "Split 'Rest': shares 'Data or Risk' have no meaning for basis query_share, where queries say who shares: "
        "leave them out."
    ]
    assert said(splits=[split("direct_spend", idle="leave")]) == [
        "Split 'Rest': idle 'leave' counts only for basis query_share: leave it out."
    ]


def test_all_that_is_wrong_is_said_at_once():
    error = BadRuleSet(problems(RuleSet(teams=(DATA,), rules=(rule(team="X", priority=-1), rule(priority=-2)))))
    assert len(error.problems) == len(error.message.splitlines()) == 4
    assert error.problems[0].where == "Rule 'ETL'"
    assert (error.problems[0].field, error.problems[0].value) == ("name", "ETL")


@pytest.mark.parametrize("day", [20260101, "20260101", "2026-02-30", "tomorrow", 0, 1.5])
def test_a_day_is_a_day_of_the_calendar_and_nothing_that_could_be_taken_for_one(day):
    with pytest.raises(ValidationError) as caught:
        RuleDocument(**rule(valid_from=day))
    (refusal,) = refusals(caught.value)
    assert refusal.field == "valid_from"
    assert refusal.reason.startswith("must be a day")


def test_documents_are_equal_when_they_mean_the_same():
    assert RuleDocument(**rule(note=" ", name=" ETL ")) == RuleDocument(**rule())
    assert RuleDocument(**rule(conditions={"skus": [" * "]})) == RuleDocument(**rule())
    assert str(ShareDocument(**share("Data", "50.500")).weight) == "50.5"
    assert str(ShareDocument(**share("Data", "100")).weight) == "100"
    assert str(ShareDocument(**share("Data", "12345678901234567890.123456789012345678")).weight).endswith("345678")


@pytest.mark.parametrize("weight", ["NaN", "Infinity", "much"])
def test_a_weight_is_a_number(weight):
    with pytest.raises(ValidationError):
        ShareDocument(**share("Data", weight))
