"""Who gets in: which addresses the app may listen on, and what Streamlit is told of the sign-in provider."""

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from pydantic import SecretStr
from starlette.requests import Request

from costpulse_app import __main__, people
from costpulse_app.api.access import needs_token
from costpulse_assets.addresses import expect_guarded_app, expect_guarded_dagster, is_loopback
from costpulse_assets.errors import BadSettings, NotAllowed
from costpulse_assets.people import Person
from costpulse_assets.resources.database import Connection
from costpulse_assets.settings import Settings, load_settings
from tests.app.conftest import Opener

PROVIDER = {
    "oidc_metadata_url": "https://login.example.com/.well-known/openid-configuration",
    "oidc_client_id": "costpulse",
    "oidc_client_secret": SecretStr('pass"word\\n'),
    "oidc_cookie_secret": SecretStr("c" * 32),
    "app_url": "https://costs.example.com/",
}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign-in is configured by the environment."""
    for name, value in PROVIDER.items():
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        monkeypatch.setenv(f"COSTPULSE_{name.upper()}", text)


def settings(**given: Any) -> Settings:
    return load_settings(**given)


# --- addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_the_own_computer_is_loopback_and_needs_no_sign_in(host: str) -> None:
    assert is_loopback(host)
    expect_guarded_app(settings(app_host=host))
    expect_guarded_dagster(settings(dagster_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "costs.example.com", "localhost.example.com", ""])
def test_an_address_that_others_reach_is_refused_without_sign_in(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(BadSettings, match="nobody signs in") as refused:
        expect_guarded_app(settings(app_host=host or "0.0.0.0"))
    assert "COSTPULSE_OIDC_METADATA_URL" in refused.value.next_step
    with pytest.raises(BadSettings, match="Dagster UI"):
        expect_guarded_dagster(settings(dagster_host=host or "0.0.0.0"))


def test_who_takes_the_risk_may_open_both() -> None:
    expect_guarded_app(settings(app_host="0.0.0.0", insecure=True))
    expect_guarded_dagster(settings(dagster_host="0.0.0.0", insecure=True))


def test_sign_in_guards_the_app_but_not_the_dagster_ui() -> None:
    expect_guarded_app(settings(app_host="0.0.0.0", **PROVIDER))
    with pytest.raises(BadSettings):
        expect_guarded_dagster(settings(dagster_host="0.0.0.0", **PROVIDER))


def test_the_app_does_not_start_on_an_open_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTPULSE_APP_HOST", "0.0.0.0")
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it started"))
    with pytest.raises(SystemExit, match=r"nobody signs in[\s\S]*COSTPULSE_INSECURE"):
        __main__.main()


def test_an_open_address_is_said_on_every_page(app: Opener, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [each for each in app(database_url).warning if "Nobody signs in here" in each.value]
    monkeypatch.setenv("COSTPULSE_INSECURE", "true")
    (said,) = [each.value for each in app(database_url).warning if "Nobody signs in here" in each.value]
    assert "sees and changes everything" in said


def test_where_people_sign_in_the_api_wants_a_token_even_from_this_computer() -> None:
    called = Request({"type": "http", "headers": [(b"host", b"127.0.0.1:8501")]})
    assert not needs_token(settings(), called)
    assert needs_token(settings(**PROVIDER), called)


# --- settings


@pytest.mark.parametrize("missing", sorted(PROVIDER))
def test_half_a_provider_is_named(missing: str) -> None:
    with pytest.raises(BadSettings, match=f"COSTPULSE_{missing.upper()}"):
        settings(**{name: value for name, value in PROVIDER.items() if name != missing})


def test_a_key_of_cookies_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(BadSettings, match="at least 32 characters"):
        settings(**PROVIDER | {"oidc_cookie_secret": SecretStr("c" * 31)})


def test_admins_are_names_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTPULSE_ADMINS", " ada@example.com, ,ben@example.com,")
    assert settings().admins == ("ada@example.com", "ben@example.com")


# --- what Streamlit is told


@pytest.fixture
def started(provider: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The command that the app becomes, in a data folder of its own."""
    commands: list[list[str]] = []
    monkeypatch.setenv("COSTPULSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COSTPULSE_APP_HOST", "0.0.0.0")
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    __main__.main()
    __main__.main()
    assert commands[0] == commands[1]
    return commands[0]


def test_streamlit_gets_the_provider_in_a_file_that_only_its_user_reads(started: list[str]) -> None:
    path = Path(started[started.index("--secrets.files") + 1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tomllib.loads(path.read_text(encoding="utf-8"))["auth"] == {
        "redirect_uri": "https://costs.example.com/oauth2callback",
        "cookie_secret": "c" * 32,
        "client_id": "costpulse",
        "client_secret": 'pass"word\\n',
        "server_metadata_url": "https://login.example.com/.well-known/openid-configuration",
    }
    assert not [part for part in started if "ccccc" in part or "pass" in part]


# --- people


class SignedIn(dict[str, Any]):
    """What `st.user` is for somebody who signed in with these claims."""

    is_logged_in = True

    def to_dict(self) -> dict[str, Any]:
        return dict(self)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """For whom and which groups the table was asked; everybody it is asked for is finops."""
    calls: list[tuple[str, list[str]]] = []

    def person_of(connection: Connection, email: str, groups: list[str], *, admins: tuple[str, ...]) -> Person:
        calls.append((email, groups))
        return Person(email, "finops")

    monkeypatch.setattr(people, "person_of", person_of)
    return calls


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"email": "ada@example.com"}, ("ada@example.com", [])),
        ({"email": "ada@example.com", "email_verified": True, "groups": ["a", "b"]}, ("ada@example.com", ["a", "b"])),
        ({"email": "ada@example.com", "groups": "everybody"}, ("ada@example.com", [])),
        ({"email": "ada@example.com", "groups": ["a", 7, None]}, ("ada@example.com", ["a"])),
    ],
)
def test_the_claims_of_the_sign_in_name_the_person_and_the_groups(
    provider: None,
    app: Opener,
    database_url: str,
    asked: list[tuple[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
    expected: tuple[str, list[str]],
) -> None:
    monkeypatch.setattr(st, "user", SignedIn(claims))
    test = app(database_url)
    assert not test.exception
    assert asked[0] == expected
    assert [each.value for each in test.sidebar.caption] == ["Signed in as `ada@example.com` (finops)."]


@pytest.mark.parametrize("claims", [{}, {"email": 7}, {"email": "ada@example.com", "email_verified": False}])
def test_who_has_no_verified_address_has_no_role(
    provider: None,
    app: Opener,
    database_url: str,
    asked: list[tuple[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
) -> None:
    monkeypatch.setattr(st, "user", SignedIn(claims))
    test = app(database_url)
    assert [title.value for title in test.title] == ["No access yet"]
    assert asked == []
    with pytest.raises(NotAllowed):
        people.current()


def test_who_is_in_no_row_sees_nothing_and_may_look_again(
    provider: None, app: Opener, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "user", SignedIn({"email": "<b>eve</b>@example.com"}))
    test = app(database_url)
    assert [title.value for title in test.title] == ["No access yet"]
    assert {button.key for button in test.button} == {"look_again", "sign_out"}
    assert not test.metric


def test_before_the_sign_in_there_is_one_button(
    provider: None, app: Opener, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = SignedIn()
    nobody.is_logged_in = False
    monkeypatch.setattr(st, "user", nobody)
    test = app(database_url)
    assert [button.key for button in test.button] == ["sign_in"]
    with pytest.raises(NotAllowed, match="Nobody is signed in"):
        people.acting_database("manage people")


def test_a_right_that_was_lost_meanwhile_is_lost_at_once(
    provider: None, app: Opener, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "user", SignedIn({"email": "ada@example.com"}))
    monkeypatch.setenv("COSTPULSE_ADMINS", "Ada@example.com")
    app(database_url)
    with people.acting("manage people") as connection:
        connection.execute(
            "insert into costpulse.viewers (kind, name, role) values ('email', 'ada@example.com', 'viewer')"
        )
    monkeypatch.delenv("COSTPULSE_ADMINS")
    app(database_url)
    with (
        pytest.raises(NotAllowed, match=r"takes the role admin; ada@example\.com is viewer"),
        people.acting("manage people"),
    ):
        pytest.fail("it may act")
