"""Who asks: the bearer token, the rows it may read, how often it may ask, and which version of the data it meets."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg.rows import dict_row

from costpulse_app import db
from costpulse_app.api.problems import Refused
from costpulse_assets.addresses import is_loopback
from costpulse_assets.api_tokens import TokenInForce, token_of
from costpulse_assets.errors import CostPulseError
from costpulse_assets.resources.database import run
from costpulse_assets.resources.sql_files import load_sql
from costpulse_assets.settings import Settings

#: Threads that read for the API, so that half of the pool's connections stay for the pages.
readers = anyio.CapacityLimiter(4)

_USED_EVERY_SECONDS = 60
_MOST_CALLERS = 10_000
_bearer = HTTPBearer(auto_error=False, description="Made by `costpulse token create`; docs/api.md.")


@dataclass(frozen=True)
class Access:
    """What one request may see.

    Attributes:
        scope: as `db.reading` takes it.
        version: of everything that its answer is made of.
    """

    scope: str
    version: tuple[Any, ...]

    @property
    def teams(self) -> tuple[str, ...] | None:
        """Ids of the teams whose rows it sees; None: everything."""
        return None if self.scope == "all" else tuple(team for team in self.scope.split(",") if team)

    def needs_everything(self) -> None:
        """Refuse a token for some teams.

        Raises:
            Refused: it is one.
        """
        if self.scope != "all":
            raise Refused(
                403,
                "This is counted for the whole account and not by team, and the token is for some teams.",
                next_step="Ask with a token for everything: costpulse token create NAME.",
            )


@dataclass(frozen=True)
class _State:
    version: tuple[Any, ...]
    tokens: Mapping[str, TokenInForce]


class _Latest:
    """One reading for all who ask while the one before is under way: never older than their question."""

    def __init__(self, read: Callable[[], _State]) -> None:
        self._read = read
        self._running: asyncio.Task[_State] | None = None
        self._next: asyncio.Task[_State] | None = None

    async def get(self) -> _State:
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
            # Whoever asked may have gone away: a failure that nobody waits for is no news.
            self._next.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[_State] | None) -> _State:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await anyio.to_thread.run_sync(self._read, limiter=readers)


class _Pace:
    """So many requests a minute for each caller; what was not used adds up to one minute's worth."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, per_minute: int) -> float:
        """Count one request; the seconds to wait before it is allowed, 0 if it is."""
        now = time.monotonic()
        left, at = self._left.get(caller, (per_minute, now))
        left = min(per_minute, left + (now - at) * per_minute / 60)
        if left < 1:
            return (1 - left) * 60 / per_minute
        if caller not in self._left and len(self._left) >= _MOST_CALLERS:
            # Those that did not ask for a minute have all of it again.
            self._left = {name: one for name, one in self._left.items() if now - one[1] < 60}
        self._left[caller] = (left - 1, now)
        return 0

    def forget(self) -> None:
        """Everybody begins anew."""
        self._left.clear()


_pace = _Pace()
_latest: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], _Latest]] = WeakKeyDictionary()
_used_at: dict[int, float] = {}


def access(*versions: str) -> Callable[..., Awaitable[Access]]:
    """The dependency of a route: who asks, checked, with the version of what the route reads.

    Args:
        versions: statements that return one row, which changes whenever an answer may.
    """

    async def checked(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Access:
        settings = db.settings()
        address = request.client.host if request.client else ""
        if credentials is None and needs_token(settings, request):
            _pass(settings, f"address {address}")
            raise _unauthorized("This needs a bearer token.")
        latest = _latest.setdefault(asyncio.get_running_loop(), {})
        if versions not in latest:
            latest[versions] = _Latest(lambda: _read(versions))
        state = await latest[versions].get()
        if credentials is None:
            _pass(settings, f"address {address}")
            return Access("all", state.version)
        token = token_of(credentials.credentials, state.tokens, datetime.now(UTC))
        if token is None:
            _pass(settings, f"address {address}")
            raise _unauthorized("The token is wrong, expired or revoked.")
        _pass(settings, f"token {token.id}")
        await _mark_used(token.id)
        return Access(token.scope, state.version)

    return checked


def needs_token(settings: Settings, request: Request) -> bool:
    """False where nobody signs in, and only this computer reaches the app and called it by an address of its own.

    The last keeps out pages of the web that make a browser here ask for them under a name of their own.
    """
    if settings.has_sign_in:
        return True
    try:
        called = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return True
    return not (is_loopback(settings.app_host) and is_loopback(called))


def _pass(settings: Settings, caller: str) -> None:
    wait = _pace.take(caller, settings.api_requests_per_minute)
    if wait:
        raise Refused(
            429,
            f"More than {settings.api_requests_per_minute} requests came in this minute.",
            next_step="Wait as Retry-After says; take larger pages, and send If-None-Match.",
            headers={"Retry-After": str(int(wait) + 1)},
        )


def _unauthorized(detail: str) -> Refused:
    return Refused(
        401,
        detail,
        next_step="Make one with `costpulse token create NAME`, and send it as Authorization: Bearer.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _read(versions: tuple[str, ...]) -> _State:
    with db.reading("all") as connection:
        connection.row_factory = dict_row
        tokens = {row.pop("prefix"): TokenInForce(**row) for row in run(connection, "app/api_tokens_in_force")}
        version = tuple(
            value
            for statement in versions
            for value in connection.execute(load_sql(statement).encode()).fetchall()[0].values()
        )
    return _State(version, tokens)


def forget() -> None:
    """How often anybody asked, and when tokens were used last."""
    _pace.forget()
    _used_at.clear()


async def _mark_used(token_id: int) -> None:
    now = time.monotonic()
    if now - _used_at.get(token_id, -_USED_EVERY_SECONDS) < _USED_EVERY_SECONDS:
        return
    _used_at[token_id] = now

    def mark() -> None:
        with db.writing("API", "all") as connection:
            run(connection, "app/api_token_used", {"id": token_id})

    try:
        await anyio.to_thread.run_sync(mark, limiter=readers)
    except CostPulseError:
        # A database that may only be read still answers.
        return
