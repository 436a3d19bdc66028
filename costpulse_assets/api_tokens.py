"""Tokens of the API: made once, shown once, kept as a hash.

A token reads `costpulse_<prefix>_<secret>`. The prefix finds it and is no secret; of the whole token only the SHA-256
is stored, which is enough of a hash for what has 256 random bits.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches

from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Row, run

#: Days that a token lives at most, where it is made in the app.
LONGEST_DAYS = 365
_LONGEST_NAME = 80
_SHAPE = re.compile(r"costpulse_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
#: Compared with where there is no such token: an answer takes as long for one as for the other.
_OF_NO_TOKEN = bytes(32)


@dataclass(frozen=True)
class TokenInForce:
    """A token that was not revoked.

    Attributes:
        id: its number.
        token_hash: SHA-256 of it.
        expires_at: from when on it is refused; None: never.
        scope: the rows it may read, as `costpulse_app.db.reading` takes it.
    """

    id: int
    token_hash: bytes
    expires_at: datetime | None
    scope: str


def create_token(
    connection: Connection,
    name: str,
    *,
    teams: Sequence[str] = (),
    last_day: date | None = None,
    actor: str,
    maker_scope: str = "all",
) -> str:
    """Makes a token and returns it: the only time that anybody sees it.

    Args:
        connection: as the owner of the schema, or as the app in the scope "all".
        name: what people will call it; no other token in force has it.
        teams: names of the teams whose rows it reads, each with the teams below it; empty: everything.
        last_day: the last UTC day on which it is good; None: it does not expire.
        actor: who makes it.
        maker_scope: the rows that they see themselves, as row-level security compares it.

    Raises:
        BadInput: the name is missing, too long or taken; a team is not there; the day is over; it would read more than
            whoever makes it.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadInput(
            f"A token needs a name of 1 to {_LONGEST_NAME} characters.",
            next_step="Name it after what will use it, such as 'BI refresh'.",
        )
    if last_day is not None and last_day < datetime.now(UTC).date():
        raise BadInput(f"The token would have expired on {last_day}.", next_step="Name today or a later day (UTC).")
    team_ids = _team_ids(connection, teams)
    if maker_scope != "all" and (not team_ids or not {str(each) for each in team_ids} <= set(maker_scope.split(","))):
        raise BadInput("A token cannot have more rights than you.", next_step="Choose from the teams that you see.")
    _act(connection, actor)
    prefix = secrets.token_hex(6)
    token = f"costpulse_{prefix}_{secrets.token_urlsafe(32)}"
    made = run(
        connection,
        "app/api_token_insert",
        {
            "name": name,
            "prefix": prefix,
            "team_ids": team_ids or None,
            "expires_at": last_day and datetime.combine(last_day + timedelta(days=1), time(), UTC),
            "token_hash": _hash(token),
        },
    )
    if not made:
        raise BadInput(
            f"There is a token called {name} already.",
            next_step="Choose another name, or revoke that one first.",
        )
    return token


def revoke_token(connection: Connection, name: str, *, actor: str) -> None:
    """Revokes the token of that name: it is refused from now on.

    Raises:
        BadInput: no token of that name is in force.
    """
    _act(connection, actor)
    if not run(connection, "app/api_token_revoke", {"name": name.strip()}):
        known = [row["name"] for row in stored_tokens(connection) if row["status"] != "revoked"]
        raise BadInput(
            f"No token called {name} is in force.", next_step=_meant(name, known) or "See `costpulse token list`."
        )


def stored_tokens(connection: Connection) -> list[Row]:
    """Every token that was ever made, without its hash: rows of sql/app/api_token_list.sql."""
    return run(connection, "app/api_token_list")


def token_of(presented: str, tokens: Mapping[str, TokenInForce], now: datetime) -> TokenInForce | None:
    """The token that was presented, if it is one and good now.

    Args:
        presented: what the client sent; anything at all.
        tokens: those in force, by prefix.
        now: in UTC.
    """
    shape = _SHAPE.fullmatch(presented)
    found = tokens.get(shape[1]) if shape else None
    stored = found.token_hash if found else _OF_NO_TOKEN
    is_right = hmac.compare_digest(stored, _hash(presented))
    if found is None or not is_right or (found.expires_at is not None and now >= found.expires_at):
        return None
    return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _act(connection: Connection, actor: str) -> None:
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor])


def _team_ids(connection: Connection, teams: Sequence[str]) -> list[int]:
    known = {row["name"].casefold(): row for row in run(connection, "app/names") if row["dimension"] == "team"}
    ids = []
    for team in teams:
        row = known.get(team.strip().casefold())
        if row is None:
            names = [each["name"] for each in known.values()]
            raise BadInput(
                f"There is no team called {team}.",
                next_step=_meant(team, names) or "Name a team as the app shows it, or leave --team out for all.",
            )
        ids.append(int(row["id"]))
    return sorted(set(ids))


def _meant(name: str, known: Sequence[str]) -> str | None:
    folded = {each.casefold(): each for each in known}
    close = get_close_matches(name.strip().casefold(), folded, n=1)
    return f"Write {folded[close[0]]} if you mean that." if close else None
