"""The app server: the pages, and beside them /healthz and the API. Run it with `streamlit run costpulse_app/app.py`."""

import logging
import uuid

import anyio.to_thread
import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# They bring plotly, pandas and what allocates cost: loaded with the server, not with the first visitor's page.
from costpulse_app import bridge, charts, db, parts  # noqa: F401
from costpulse_app.allocation import rules_tab, share_tab, statement_tab, teams_tab, why_tab  # noqa: F401
from costpulse_app.anomalies import detail, listing  # noqa: F401
from costpulse_app.api.server import api
from costpulse_app.compute import listing as machines  # noqa: F401
from costpulse_app.forecast import budgets_tab, outlook_tab, record_tab  # noqa: F401
from costpulse_app.health import figures, headline  # noqa: F401
from costpulse_app.jobs import listing as jobs  # noqa: F401
from costpulse_app.overview import answers, attention, breakdown, movers, small_cards, trend  # noqa: F401
from costpulse_app.recommendations import proved_tab, units_tab  # noqa: F401
from costpulse_app.settings_page import audit_tab, people_tab, prices_tab  # noqa: F401
from costpulse_app.tags import policies  # noqa: F401
from costpulse_app.team import findings, ownership  # noqa: F401

_log = logging.getLogger("costpulse_app")

_SECURITY_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


async def healthz(request: Request) -> JSONResponse:
    """200 while the database answers, 503 while it does not."""
    if await anyio.to_thread.run_sync(db.is_reachable):
        return JSONResponse({"status": "ok", "database": "ok"})
    return JSONResponse({"status": "failing", "database": "away"}, status_code=503)


class SecurityHeaders:
    """Adds the headers Streamlit does not send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; add the headers to the start of an HTTP answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class LimitedSessions:
    """Refuses a page beyond the number that may be open: each holds memory, and the browser asks again by itself."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; count what is a session."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        if self._open >= self._most:
            _log.warning("%s pages are open, one more is refused (COSTPULSE_APP_SESSIONS)", self._open)
            await send({"type": "websocket.close", "code": 1013})
            return
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1


def log_script_error(error: Exception) -> None:
    """The viewer sees no traceback; the log has it."""
    _log.error("A page failed, reference %s", uuid.uuid4().hex[:8], exc_info=error)


app = st.App(
    "streamlit_app.py",
    routes=[Route("/healthz", healthz), Route("/api/{rest:path}", api)],
    middleware=[Middleware(SecurityHeaders), Middleware(LimitedSessions, most=db.settings().app_sessions)],
    on_script_error=log_script_error,
)
