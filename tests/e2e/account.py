"""What browser tests stand on: the demo account, the app over it, and pages that tell when they misbehave."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urljoin

import psycopg
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from psycopg.rows import dict_row

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.services import Services
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.settings import load_settings
from tests.alerts.servers import SlackServer, free_port
from tests.e2e.browser import open_page

#: The day of the account, the same whenever it is tested. Late in a month; tests/app has what a page says on the first.
TODAY = date(2026, 11, 27)
#: Seconds until a server must have answered.
_PATIENCE = 120
#: Streamlit looks for its own base path on a deep link.
_HARMLESS = "/_stcore/"
_VIEWPORT: ViewportSize = {"width": 1440, "height": 1000}

#: What the app answers without its page.
_NO_PAGE = "/healthz"

_STYLE_OF_THE_PROVIDER = "https://cdn.jsdelivr.net/npm/@picocss/"


class Account:
    """The demo account of 75 days up to TODAY in a folder of its own, and its database."""

    def __init__(self, folder: Path, server: EmbeddedPostgres, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = {
            "COSTPULSE_DATA_DIR": str(folder),
            "COSTPULSE_TODAY": TODAY.isoformat(),
            **environment,
        }
        self.url = server.url("costpulse")

    def rows(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """What the database answers now."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def one(self, statement: str, *parameters: Any) -> Any:
        """The one value of the one row."""
        (row,) = self.rows(statement, *parameters)
        (value,) = row.values()
        return value

    def change(self, statement: str, *parameters: Any) -> None:
        """What no page does: for what comes before a journey."""
        with psycopg.connect(self.url) as connection:
            connection.execute("select set_config('costpulse.actor', 'test', true)")
            connection.execute(statement.encode(), parameters)

    def command(self, *arguments: str, **environment: str) -> str:
        """A command of costpulse on the account."""
        done = subprocess.run(
            [Path(sys.executable).parent / "costpulse", *arguments],
            env=os.environ | self.environment | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def make_demo_account(folder: Path, slack: SlackServer) -> None:
    """Fill a folder by `costpulse up`; the messages of its alerts wait for a webhook of Slack."""
    with _opened(folder, slack) as account:
        account.command("up", "--demo", "--no-ui", "--days", "75")


@contextmanager
def demo_account(ready: Path, folder: Path, slack: SlackServer) -> Iterator[Account]:
    """A copy of a ready account in an empty folder; its alerts go to `slack`."""
    # The server's files belong to another user where root runs the tests.
    subprocess.run(["cp", "-a", f"{ready}/.", str(folder)], check=True)
    with _opened(folder, slack) as account:
        yield account


@contextmanager
def _opened(folder: Path, slack: SlackServer) -> Iterator[Account]:
    # The test is a user of the server as well, so that it lives from the first process to the last.
    with EmbeddedPostgres(folder) as server:
        yield Account(folder, server, {"COSTPULSE_SLACK_WEBHOOK_URL": slack.webhook_url})


@contextmanager
def app_server(account: Account, **environment: str) -> Iterator[str]:
    """The app as people start it; yields its address once it answers."""
    port = free_port()
    log = account.folder / f"app-{port}.log"
    with log.open("wb") as written:
        server = subprocess.Popen(
            [sys.executable, "-m", "costpulse_app"],
            env=os.environ | account.environment | {"COSTPULSE_APP_PORT": str(port)} | _at(port, environment),
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def with_dagster(account: Account) -> Iterator[str]:
    """The app beside Dagster's webserver and daemon, as `costpulse up` leaves them; yields the app's address."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, account.environment))
        settings = load_settings(demo=True, app_port=free_port(), dagster_port=free_port())
        services = stack.enter_context(Services(stack.enter_context(open_environment(settings))))
        services.start()
        yield f"http://127.0.0.1:{settings.app_port}"


@contextmanager
def sign_in_provider(*people: Mapping[str, Any]) -> Iterator[str]:
    """An OpenID Connect provider that knows these people (claims with `sub`); yields the address of its metadata."""
    port = free_port()
    provider = subprocess.Popen(
        [Path(sys.executable).parent / "oidc-provider-mock", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/.well-known/openid-configuration", provider, None)
        for person in people:
            _put(f"{address}/users/{person['sub']}", {name: value for name, value in person.items() if name != "sub"})
        yield f"{address}/.well-known/openid-configuration"
    finally:
        provider.terminate()
        provider.wait(timeout=20)


def _put(url: str, claims: Mapping[str, Any]) -> None:
    body = json.dumps(claims).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


def _at(port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """{address} is the app's own."""
    return {name: value.replace("{address}", f"http://127.0.0.1:{port}") for name, value in environment.items()}


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path | None) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except urllib.error.HTTPError:
            # An answer too: the health check of an app without its database.
            return
        except (OSError, urllib.error.URLError):
            assert process.poll() is None, log.read_text() if log else f"no answer of {url}"
            assert time.monotonic() < deadline, f"no answer of {url}"
            time.sleep(0.1)
        else:
            return


class Watch:
    """Opens pages, and keeps what they ask for beyond this machine and what they complain about."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        # Windows of one person share what they loaded: the scripts of the pages are megabytes.
        self._everyday: dict[str, BrowserContext] = {}
        self._others: list[BrowserContext] = []
        self.outside: list[str] = []
        self.complaints: list[str] = []

    def page(self, *, scheme: str = "light", width: int = 1440) -> Page:
        """A window."""
        if scheme not in self._everyday:
            self._everyday[scheme] = self._browser.new_context(
                color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce", viewport=_VIEWPORT
            )
        page = self._watched(self._everyday[scheme].new_page())
        page.set_viewport_size(_VIEWPORT | {"width": width})
        return page

    def page_of_somebody_else(self) -> Page:
        """A window of a browser that nobody has used before, of a person who will sign in."""
        self._others.append(self._browser.new_context(reduced_motion="reduce", viewport=_VIEWPORT))
        page = self._watched(self._others[-1].new_page())
        # The form of the sign-in provider, which is not ours, would take its looks from outside. Nothing is kept for
        # the next page where an answer is made up.
        page.route(f"{_STYLE_OF_THE_PROVIDER}**", lambda route: route.fulfill(content_type="text/css", body=""))
        return page

    def open(self, address: str, heading: str, *, scheme: str = "light", width: int = 1440) -> Page:
        """A page that is complete, in a window of its own."""
        page = self.page(scheme=scheme, width=width)
        open_page(page, address, heading)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        return page

    def close_pages(self) -> None:
        """All windows, but one of each colour scheme that stays at an address without a page: its process, which has
        read the scripts of the pages, takes the next."""
        for context in self._everyday.values():
            kept, *pages = context.pages
            for page in pages:
                page.close()
            if not kept.url.endswith(_NO_PAGE):
                kept.goto(urljoin(kept.url, _NO_PAGE))
        while self._others:
            self._others.pop().close()

    def expect_clean(self) -> None:
        """Nothing was asked from outside, and the console is clean, since this was asked last."""
        outside, complaints, self.outside, self.complaints = self.outside, self.complaints, [], []
        assert not outside, outside
        assert not complaints, complaints

    def _watched(self, page: Page) -> Page:
        page.on("request", lambda request: self._seen(request.url))
        page.on("websocket", lambda socket: self._seen(socket.url))
        page.on("console", lambda message: self._said(message.type, f"{message.text} {message.location}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _seen(self, url: str) -> None:
        known = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", _STYLE_OF_THE_PROVIDER)
        if not url.startswith(known):
            self.outside.append(url)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and _HARMLESS not in text:
            self.complaints.append(text)
