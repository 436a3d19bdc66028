"""Members by CSV: refused with line, column, value and reason, and what is written reads back as the same."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from costpulse_assets.allocation.documents import RuleSet
from costpulse_assets.allocation.members_csv import member_changes, members_text, read_members, with_members
from costpulse_assets.allocation.problems import problems
from costpulse_assets.allocation.protection import protected
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities

CLEAR = Identities(None)
HASHED = Identities(SecretStr("a key that is long enough to be one"))

RULES = RuleSet.model_validate(
    {
        "teams": [
            {
                "name": "Finance",
                "tag_patterns": {"team": ["fin"]},
                "members": [
                    {"email": "nina@northwind.example", "role": "owner"},
                    {"email": "omar@northwind.example", "valid_to": "2026-03-31"},
                ],
            },
            {"name": "Risk", "members": [{"email": "omar@northwind.example", "valid_from": "2026-04-01"}]},
            {"name": "=Web"},
        ]
    }
)
HEADING = "team,email,role,valid_from,valid_to\n"


def taken(
    text: str, *, rule_set: RuleSet = RULES, identities: Identities = CLEAR, removes_others: bool = False
) -> RuleSet:
    file = read_members(text.encode(), "m.csv")
    return with_members(rule_set, file, identities=identities, removes_others=removes_others)


def said(text: str, **how: bool) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (each.change.action, each.team, each.change.name, each.change.details)
        for each in member_changes(RULES, taken(text, **how))
    ]


def refused(text: str, *, identities: Identities = CLEAR) -> str:
    with pytest.raises(BadInput) as error:
        taken(text, identities=identities)
    return error.value.message


def test_the_present_members_are_written_team_by_team() -> None:
    assert members_text(RULES) == (
        "\ufeffteam,email,role,valid_from,valid_to\r\n"
        "Finance,nina@northwind.example,owner,,\r\n"
        "Finance,omar@northwind.example,member,,2026-03-31\r\n"
        "Risk,omar@northwind.example,member,2026-04-01,\r\n"
    )


@pytest.mark.parametrize("removes_others", [False, True])
@pytest.mark.parametrize("identities", [CLEAR, HASHED])
def test_what_was_downloaded_changes_nothing(identities: Identities, removes_others: bool) -> None:
    stored = protected(RULES, identities)
    found = taken(members_text(stored), rule_set=stored, identities=identities, removes_others=removes_others)
    assert found == stored


_DAYS = st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(
    st.lists(
        st.tuples(
            st.text(st.sampled_from("=+-@'\" ,;\na"), min_size=1, max_size=6).filter(str.strip),
            st.sampled_from(["owner", "member"]),
            _DAYS,
            _DAYS,
            st.integers(0, 2),
        )
    )
)
def test_any_members_that_may_be_saved_read_back_as_they_were(rows: list[tuple[str, str, date, date, int]]) -> None:
    teams: list[dict[str, object]] = [{"name": name, "members": []} for name in ("A", "=B", "'-C")]
    for email, role, first, last, team in rows:
        member = {"email": email, "role": role, "valid_from": first, "valid_to": last}
        teams[team]["members"].append(member)  # type: ignore[attr-defined]
    rule_set = RuleSet.model_validate({"teams": teams})
    if problems(rule_set):
        return
    empty = rule_set.model_copy(
        update={"teams": tuple(team.model_copy(update={"members": ()}) for team in rule_set.teams)}
    )
    found = taken(members_text(rule_set), rule_set=empty)
    assert [team.in_order for team in found.teams] == [team.in_order for team in rule_set.teams]


def test_rows_change_the_membership_that_begins_that_day_and_add_others() -> None:
    assert said(HEADING + "Risk,bo@northwind.example,owner,2026-05-01,\n") == [
        ("create", "Risk", "bo@northwind.example", ("role: owner", "valid from: 2026-05-01"))
    ]
    text = "email,team,role,valid_to\nOMAR@northwind.example,Finance,owner,2026-02-28\nbo@northwind.example,=Web,,\n"
    assert said(text) == [
        ("create", "=Web", "bo@northwind.example", ()),
        (
            "change",
            "Finance",
            "OMAR@northwind.example",
            (
                "email: omar@northwind.example -> OMAR@northwind.example",
                "role: member -> owner",
                "valid to: 2026-03-31 -> 2026-02-28",
            ),
        ),
    ]


def test_members_that_are_not_in_the_file_stay_unless_they_shall_go() -> None:
    text = HEADING + "Finance,nina@northwind.example,owner,,\nRisk,eve@northwind.example,,,\n"
    assert [(each[0], each[1]) for each in said(text)] == [("create", "Risk")]
    assert [each[:3] for each in said(text, removes_others=True)] == [
        ("delete", "Finance", "omar@northwind.example"),
        ("create", "Risk", "eve@northwind.example"),
        ("delete", "Risk", "omar@northwind.example"),
    ]
    assert taken(text, removes_others=True).teams[0].tag_patterns == RULES.teams[0].tag_patterns


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("Financ,bo@x.example,,,\n", "m.csv, line 2: team 'Financ' is no team: write 'Finance' if you mean that."),
        ("Risk,nina@northwind.example,,,\n", "m.csv, line 2: email 'nina@northwind.example' is in team 'Finance' as"),
        (
            "Finance,bo@x.example,,,\nRisk,BO@x.example,,2026-05-01,\n",
            "m.csv, line 3: email 'BO@x.example' is in team 'Finance' as well from 2026-05-01 on",
        ),
        (
            "Risk,bo@x.example,,,2026-05-31\nRisk,al@x.example,,,\nRisk,bo@x.example,,2026-05-01,\n",
            "m.csv, line 4: email 'bo@x.example' is there twice from 2026-05-01 to 2026-05-31",
        ),
        ("Risk,bo@x.example,,,\nRisk,bo@x.example,,,\n", "m.csv, line 3: email 'bo@x.example' is there twice at all"),
        (
            "Risk,bo@x.example,,,\nRisk,al@x.example,,2026-05-01,2026-04-01\n",
            "m.csv, line 3: valid_to '2026-04-01' lies before valid_from 2026-05-01.",
        ),
        ("Risk,bo@x.example,boss,,\n", "m.csv, line 2: role must be 'owner' or 'member', not boss."),
        ("Risk,bo@x.example,,1.5.2026,\n", "m.csv, line 2: valid_from must be a day such as 2026-01-31, not 1.5.2026."),
        ("Risk,bo@x.example,,2026-02-30,\n", "m.csv, line 2: valid_from must be a day of the calendar"),
        ("Risk,,,,\n,bo@x.example,,,\n", "m.csv, line 2: email is missing.\nm.csv, line 3: team is missing."),
        ("Risk,*@x.example,,,\n", "m.csv, line 2: email '*@x.example' is not one person"),
    ],
)
def test_what_is_wrong_is_said_with_line_column_value_and_reason(rows: str, message: str) -> None:
    assert message in refused(HEADING + rows)


def test_everything_wrong_is_said_at_once() -> None:
    message = refused(HEADING + "Nowhere,a@x.example,,,\nElsewhere,b@x.example,,,\n")
    assert "line 2: team 'Nowhere'" in message
    assert "line 3: team 'Elsewhere'" in message


def test_a_person_who_fills_the_file_is_refused_before_anything_is_compared() -> None:
    message = refused(HEADING + "Risk,bo@x.example,,,\n" * 5_000)
    assert message == "m.csv, line 102: email 'bo@x.example' is there more than 100 times."
    with pytest.raises(BadInput, match="has 10,001 rows: at most 10,000 are accepted"):
        taken(HEADING + "".join(f"Risk,u{number}@x.example,,,\n" for number in range(10_001)))


def test_people_are_found_and_kept_by_their_hashes() -> None:
    stored = protected(RULES, HASHED)
    text = HEADING + "Finance,Nina@Northwind.example,member,,\n"
    found = taken(text, rule_set=stored, identities=HASHED)
    (change,) = member_changes(stored, found)
    assert change.change.details == ("role: owner -> member",)
    assert "nina" not in members_text(found).casefold()
    message = refused(HEADING + "Risk,bo@x.example,,,\nRisk,b*,,,\n", identities=HASHED)
    assert message.startswith("m.csv, line 3: email 'b*' matches nobody while identities are hashed")
