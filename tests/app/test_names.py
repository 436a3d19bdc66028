from costpulse_app.names import Names
from costpulse_assets.costs.spend import DIMENSIONS, NONE

NAMES = Names({("workspace", "1"): "prod", ("workspace", "2"): None, ("workspace", "3"): "prod", ("team", "7"): "Risk"})


def test_rows_without_a_value_are_called_by_what_they_lack() -> None:
    assert NAMES.one("team", None) == NAMES.one("team", NONE) == "Unallocated"
    assert all(NAMES.one(name, None) == dimension.without for name, dimension in DIMENSIONS.items())


def test_a_product_is_called_by_its_family_and_says_when_it_is_serverless() -> None:
    assert NAMES.one("product", "JOBS") == "Jobs"
    assert NAMES.one("product", "SQL_SERVERLESS") == "SQL, serverless"
    assert NAMES.one("product", "AI_GATEWAY") == "AI gateway"
    assert NAMES.one("product", "SOMETHING_NEW") == "Something new"


def test_the_same_name_twice_gets_its_workspace() -> None:
    names = NAMES.all("job", [("1/10", "nightly"), ("2/20", "nightly"), ("1/30", "other"), (None, None)])
    assert names["1/30"] == "other"
    assert names["1/10"] == "nightly (prod, …10)"
    assert len(set(names.values())) == 4


def test_two_workspaces_of_one_name_stay_apart() -> None:
    names = NAMES.all("workspace", [("1", None), ("2", None), ("3", None)])
    assert len(set(names.values())) == 3


def test_a_resource_without_a_name_is_known_by_the_end_of_its_id() -> None:
    assert NAMES.one("cluster", "1/0923-164208-meows279") == "…ows279"
    assert NAMES.one("endpoint", "1/chat") == "chat"
    assert NAMES.one("job", "1/123456789") == "…456789"


def test_a_blank_tag_value_is_not_untagged() -> None:
    assert NAMES.one("tag", "") == "(blank)"
    assert NAMES.one("tag", None) == "Untagged"
