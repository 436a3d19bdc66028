"""What the app server does around the pages."""

import socket
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from costpulse_app.app import LimitedSessions

MOST = 2


async def echo(session: WebSocket) -> None:
    await session.accept()
    async for text in session.iter_text():
        await session.send_text(text)


async def say(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@pytest.fixture
def address() -> Iterator[str]:
    """A server with sessions, and room for MOST of them."""
    routes = [WebSocketRoute("/echo", echo), Route("/say", say)]
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(LimitedSessions(Starlette(routes=routes), most=MOST), log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)
    listening.close()


def opened(address: str) -> ClientConnection:
    return connect(f"ws://{address}/echo", legacy=True)


def answers(session: ClientConnection) -> bool:
    session.send("x")
    return session.recv(timeout=10) == "x"


def test_a_page_beyond_the_limit_is_refused_until_one_is_closed(address: str, caplog: pytest.LogCaptureFixture) -> None:
    sessions = [opened(address) for _ in range(MOST)]
    with pytest.raises(InvalidStatus):
        opened(address)
    assert "COSTPULSE_APP_SESSIONS" in caplog.text
    assert all(answers(session) for session in sessions)
    with urllib.request.urlopen(f"http://{address}/say", timeout=10) as answer:
        assert answer.read() == b"hello"
    sessions.pop().close()
    sessions.append(patiently(address))
    assert all(answers(session) for session in sessions)
    for session in sessions:
        session.close()


def test_sessions_that_break_off_are_counted_no_more(address: str) -> None:
    for _ in range(3 * MOST):
        session = patiently(address)
        session.socket.close()
    with patiently(address) as session:
        assert answers(session)


def patiently(address: str) -> ClientConnection:
    """A session, once the server has noticed that another one is over."""
    for _ in range(100):
        try:
            return opened(address)
        except InvalidStatus:
            time.sleep(0.1)
    raise AssertionError("it stayed full")
