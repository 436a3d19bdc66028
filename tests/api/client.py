"""A client of the API in this process: one loop, one request after the other or many at once."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from costpulse_app.api import access, answers
from costpulse_app.api.server import build
from costpulse_assets.api_tokens import create_token
from costpulse_assets.resources.database import Database

HERE = "127.0.0.1:8501"


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        rows: list[dict[str, Any]] = self.json["data"]
        return rows

    @property
    def csv(self) -> list[dict[str, str]]:
        assert self.status == 200, self.body
        return list(csv.DictReader(io.StringIO(self.body.decode(), newline="")))

    def problem(self, status: int) -> dict[str, Any]:
        """What went wrong; it has to be of this status, and told as problems are."""
        assert self.status == status, self.body
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == status
        found: dict[str, Any] = self.json
        return found


class Client:
    """Sends GET requests to the ASGI application."""

    def __init__(self) -> None:
        self.app = build()
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def get(self, path: str, **parameters: Any) -> Answered:
        return self._loop.run_until_complete(self.request(path, **parameters))

    def get_many(self, paths: Sequence[str], **parameters: Any) -> list[Answered]:
        async def all_at_once() -> list[Answered]:
            return list(await asyncio.gather(*(self.request(path, **parameters) for path in paths)))

        return self._loop.run_until_complete(all_at_once())

    async def request(
        self,
        path: str,
        *,
        token: str | None = None,
        host: str = HERE,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        query: str | None = None,
        client: str = "127.0.0.1",
        **parameters: Any,
    ) -> Answered:
        given = {"host": host, **(headers or {})} | ({"authorization": f"Bearer {token}"} if token is not None else {})
        sent = {name.rstrip("_"): value for name, value in parameters.items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": (query if query is not None else urlencode(sent, doseq=True)).encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": (client, 1),
            "server": ("127.0.0.1", 8501),
        }
        started: dict[str, Any] = {}
        body = bytearray()

        asked = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not asked:
                await asyncio.Event().wait()  # the client stays
            return asked.pop()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answered(
            started["status"], {name.decode(): value.decode() for name, value in started["headers"]}, bytes(body)
        )

    def pages(self, path: str, **parameters: Any) -> Iterator[Answered]:
        """Every page of a listing, from the first on."""
        cursor: str | None = None
        while True:
            page = self.get(path, **parameters, **({"cursor": cursor} if cursor else {}))
            yield page
            cursor = page.json["next_cursor"]
            if cursor is None:
                return


@contextmanager
def opened() -> Iterator[Client]:
    """A client that remembers nothing of another one."""
    forget()
    made = Client()
    try:
        yield made
    finally:
        made.close()
        forget()


def forget() -> None:
    """Answers that were kept, and how often anybody asked."""
    answers.forget()
    access.forget()


def new_token(url: str, name: str, **more: Any) -> str:
    """A token that was made by the owner."""
    with Database(url).transaction() as connection:
        return create_token(connection, name, actor="ada@example.com", **more)
