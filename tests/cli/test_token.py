"""`costpulse token`: printed once, listed without its secret, revoked by name."""

import json

from tests.cli.conftest import Run
from tests.cli.processes import refused


def test_a_token_is_printed_once_alone_on_stdout_and_is_good_until_revoked(on_demo: Run) -> None:
    made = on_demo("token", "create", "BI refresh", "--expires", "2099-12-31")
    assert made.returncode == 0, made.stderr
    (token,) = made.stdout.splitlines()
    assert token.startswith("costpulse_")
    assert "not shown again" in made.stderr
    listed = on_demo("token", "list", "--format", "json")
    (row,) = [each for each in json.loads(listed.stdout) if each["name"] == "BI refresh"]
    assert (row["status"], row["teams"], row["prefix"]) == ("in force", None, token.split("_")[1])
    assert token[-43:] not in listed.stdout
    refused(on_demo("token", "create", "bi REFRESH"), "called bi REFRESH already")
    assert on_demo("token", "revoke", "bi refresh", "--actor", "ada").returncode == 0
    listed = on_demo("token", "list")
    assert "revoked" in listed.stdout
    assert "all" in listed.stdout
    refused(on_demo("token", "revoke", "BI refresh"), "No token called BI refresh is in force")


def test_a_token_that_cannot_be_made_is_refused_in_a_sentence(on_demo: Run) -> None:
    refused(on_demo("token", "create", "x", "--team", "no such team"), "There is no team called no such team")
    refused(on_demo("token", "create", "x", "--expires", "2020-01-01"), "would have expired on 2020-01-01")
    assert on_demo("token", "create", "x", "--expires", "soon").returncode == 2
