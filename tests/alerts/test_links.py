"""Links in messages: they lead where they say, and act once, for a week, if they are ours."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from costpulse_assets.alerts.links import (
    LINK_LIFE,
    Action,
    LinkExpired,
    LinkForged,
    Links,
    LinkUsed,
    read_action,
    signing_key,
    use_link,
)
from costpulse_assets.resources.database import Database
from tests.alerts.outbox import APP_URL, NOON

KEY = bytes(range(32))
LINKS = Links(APP_URL, KEY)


def token_of(link: str) -> str:
    address = urlsplit(link)
    assert (address.scheme, address.netloc, address.path) == ("https", "costpulse.example.com", "/alerts")
    return parse_qs(address.query)["act"][0]


@pytest.mark.parametrize("app_url", [APP_URL, f"{APP_URL}/"])
def test_a_view_opens_below_the_address_of_the_app(app_url):
    assert Links(app_url, KEY).view("/anomalies?id=12") == f"{APP_URL}/anomalies?id=12"


def test_a_name_in_a_view_cannot_end_the_link():
    link = LINKS.view('/costs?job=a "b" <c>\nd')
    assert re.fullmatch(r"[!-~]+", link)
    assert not set(link) & set('"<>')
    assert parse_qs(urlsplit(link).query) == {"job": ['a "b" <c>\nd']}


@given(st.integers(1, 2**62), st.sampled_from(["acknowledge", "mute"]))
def test_a_link_says_what_it_is_for(history_id, action):
    token = token_of(LINKS.action(history_id, action, NOON))
    assert read_action(token, KEY, NOON) == Action(history_id, action, NOON + LINK_LIFE)


def test_a_link_expires():
    token = token_of(LINKS.action(7, "mute", NOON))
    assert read_action(token, KEY, NOON + LINK_LIFE - timedelta(seconds=1)).history_id == 7
    with pytest.raises(LinkExpired, match="until 30 Nov 2026, 12:00 UTC"):
        read_action(token, KEY, NOON + LINK_LIFE)


@given(st.data())
def test_a_link_that_was_changed_anywhere_is_forged(data):
    token = token_of(LINKS.action(7, "acknowledge", NOON))
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, len(token)))
    changed = token[:start] + data.draw(st.text(max_size=8)) + token[end:]
    if changed != token:
        with pytest.raises(LinkForged):
            read_action(changed, KEY, NOON)


def test_a_link_of_another_key_is_forged():
    with pytest.raises(LinkForged):
        read_action(token_of(LINKS.action(7, "mute", NOON)), bytes(32), NOON)


def test_the_key_is_made_once_and_stays(database_url):
    database = Database(database_url)
    with database.transaction() as connection:
        key = signing_key(connection)
        assert signing_key(connection) == key
    with database.transaction() as connection:
        assert signing_key(connection) == key
    assert len(key) == 32


def test_a_link_works_once_and_not_at_all_if_what_it_does_fails(database_url):
    database = Database(database_url)
    with database.transaction() as connection:
        use_link(connection, "1.mute.2.aa", "ada")
        connection.rollback()
    with database.transaction() as connection:
        use_link(connection, "1.mute.2.aa", "ada")
    with pytest.raises(LinkUsed), database.transaction() as connection:
        use_link(connection, "1.mute.2.aa", "grace")
    with database.transaction() as connection:
        use_link(connection, "1.mute.3.aa", "grace")
        used = connection.execute("select used_by from costpulse.used_links order by used_at").fetchall()
    assert used == [{"used_by": "ada"}, {"used_by": "grace"}]


def test_the_app_can_use_links_and_never_make_or_change_a_key(database_url):
    database = Database(database_url)
    with database.transaction() as connection:
        key = signing_key(connection)
    with database.transaction() as connection:
        connection.execute("set local role costpulse_app")
        assert signing_key(connection) == key
        use_link(connection, "1.mute.2.aa", "ada")
    for statement in ("delete from costpulse.signing_keys", "delete from costpulse.used_links"):
        with psycopg.connect(database_url) as connection:
            connection.execute("set local role costpulse_app")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL(statement))
