"""Servers on loopback that speak as Slack, a mail server and a webhook do, and fail as a script says.

    with SlackServer() as slack:
        slack.script(["ok", status(500), rate_limited(30), error("channel_not_found"), "silent", "close"])

Each request takes one step; after the last one everything is fine. `with server.down():` refuses connections.
"""

import asyncio
import json
import socket
import ssl
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self, cast
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.alerts.block_schema import faults

TOKEN = "xoxb-1234567890-loopback"
SECRET = "a key of the webhook that is long"
#: Longer than any time-out of a test; a server that is stopped ends it.
_SILENCE = 60


@dataclass(frozen=True)
class Reply:
    """An answer other than the usual one."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    #: Sent in this place of a mail's way: RCPT, DATA (before the content) or end (after it).
    step: Literal["RCPT", "DATA", "end"] = "end"


#: ok; silent: takes it and says nothing; close: takes it and closes the connection; drip (of HTTP alone): takes it and
#: answers letter by letter without an end.
Step = Literal["ok", "silent", "close", "drip"] | Reply


def status(code: int, body: str = "") -> Reply:
    """A status of HTTP."""
    return Reply(code, body)


def rate_limited(seconds: float | str) -> Reply:
    """Too many requests."""
    return Reply(429, "rate_limited", {"Retry-After": str(seconds)})


def error(code: str, http_status: int = 200) -> Reply:
    """An error of Slack: of the API by 200, of a webhook by another status."""
    return Reply(http_status, code if http_status != 200 else json.dumps({"ok": False, "error": code}))


def smtp(code: int, text: str = "no", step: Literal["RCPT", "DATA", "end"] = "end") -> Reply:
    """A reply of a mail server."""
    return Reply(code, text, step=step)


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Received:
    """A request that was read to its end."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, if it is JSON."""
        return json.loads(self.body)


class _Scripted:
    """A script of steps, one per request."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque()
        self._lock = threading.Lock()

    def script(self, steps: Iterable[Step]) -> None:
        """What comes next, one step per request; then all is fine."""
        with self._lock:
            self._steps = deque(steps)

    def next_step(self) -> Step:
        """The step of the request at hand."""
        with self._lock:
            return self._steps.popleft() if self._steps else "ok"


class _HttpServer(_Scripted):
    """Answers POST; subclasses say what to. Whoever asks by GET sees a page."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[Received] = []
        self.port = free_port()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens on the port."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def answer(self, request: Received) -> Reply:
        """What is said if all is fine."""
        raise NotImplementedError

    def _start(self) -> None:
        owner = self
        self._ended.clear()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                owner.received.append(request)
                step = owner.next_step()
                if step == "silent":
                    owner._ended.wait(_SILENCE)
                    return
                if step == "close":
                    return
                if step == "drip":
                    self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
                    while not owner._ended.wait(0.2):
                        self.wfile.write(b"x")
                    return
                reply = owner.answer(request) if step == "ok" else cast(Reply, step)
                content = reply.body.encode()
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                page = b"<html>welcome</html>"
                self.send_response(200)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class SlackServer(_HttpServer):
    """An incoming webhook and the two methods of the API that are used; refuses blocks that Slack would refuse."""

    def __init__(self, token: str = TOKEN) -> None:
        """Start with one token, which may be changed.

        Args:
            token: that is accepted.
        """
        super().__init__()
        self.token = token
        self.channels: set[str] | None = None
        self.people: dict[str, str] = {}

    @property
    def webhook_url(self) -> str:
        """For COSTPULSE_SLACK_WEBHOOK_URL."""
        return f"{self.url}/services/T0/B0/abcdefghijklmnop"

    @property
    def api_url(self) -> str:
        """For COSTPULSE_SLACK_API_URL."""
        return f"{self.url}/api"

    @property
    def messages(self) -> list[Any]:
        """Bodies of the messages that came, whatever was answered."""
        return [each.json for each in self.received if not each.path.endswith("users.lookupByEmail")]

    def answer(self, request: Received) -> Reply:
        """As Slack would."""
        if request.path.startswith("/services/"):
            body = request.json
            if "blocks" in body and faults(body["blocks"]):
                return Reply(400, "invalid_blocks")
            return Reply(200, "ok") if body.get("text") else Reply(400, "no_text")
        return Reply(200, json.dumps(self._api(request)), {"Content-Type": "application/json"})

    def _api(self, request: Received) -> dict[str, Any]:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if request.path == "/api/users.lookupByEmail":
            (mail,) = parse_qs(urlsplit(request.path).query or request.body.decode())["email"]
            if mail not in self.people:
                return {"ok": False, "error": "users_not_found"}
            return {"ok": True, "user": {"id": self.people[mail]}}
        body = request.json
        if self.channels is not None and body["channel"] not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
        if "blocks" in body and (found := faults(body["blocks"])):
            return {"ok": False, "error": "invalid_blocks", "errors": found}
        return {"ok": True, "channel": "C0123456789", "ts": "1700000000.000100"}


class WebhookServer(_HttpServer):
    """Takes whatever comes."""

    @property
    def endpoint(self) -> str:
        """Where to post to."""
        return f"{self.url}/costpulse"

    def answer(self, request: Received) -> Reply:
        """Always fine."""
        return Reply(204)


@dataclass(frozen=True)
class Mailed:
    """A mail that was read to its end."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool
    user: str | None

    @property
    def mail(self) -> EmailMessage:
        """The mail, parsed."""
        return cast(EmailMessage, message_from_bytes(self.content, policy=policy.default))

    def part(self, subtype: Literal["plain", "html"]) -> str:
        """The text or the HTML of it."""
        body = self.mail.get_body((subtype,))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")


@dataclass(frozen=True)
class Certificate:
    """Files of an authority and of a server at localhost and 127.0.0.1."""

    ca: Path
    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def make_certificate(folder: Path) -> Certificate:
    """Made by the openssl command."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2")
    openssl("req", *key, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
    openssl("x509", "-req", "-in", "host.csr", *signing, "-out", "host.pem")
    return Certificate(folder / "ca.pem", folder / "host.pem", folder / "host.key")


class SmtpServer(_Scripted):
    """A mail server: STARTTLS, or TLS from the start, with or without users."""

    def __init__(
        self,
        certificate: Certificate | None = None,
        *,
        encrypted: bool = False,
        users: dict[str, str] | None = None,
        utf8: bool = True,
        host: str = "127.0.0.1",
    ) -> None:
        """Say what it offers.

        Args:
            certificate: None: it speaks without encryption.
            encrypted: TLS from the first byte instead of STARTTLS.
            users: password by name; None: nobody has to sign in.
            utf8: takes addresses in any script.
            host: address it listens on.
        """
        super().__init__()
        self.received: list[Mailed] = []
        self.host, self.port = host, free_port()
        self._certificate, self._encrypted, self._users, self._utf8 = certificate, encrypted, users, utf8

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def url(self, user: str | None = None, password: str = "") -> str:
        """For COSTPULSE_SMTP_URL."""
        scheme, who = "smtps" if self._encrypted else "smtp", f"{user}:{password}@" if user else ""
        return f"{scheme}://{who}{self.host}:{self.port}"

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens on the port."""
        self._controller.stop()
        try:
            yield
        finally:
            self._start()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        """A step for RCPT is taken here."""
        step = self._steps[0] if self._steps else "ok"
        if isinstance(step, Reply) and step.step == "RCPT":
            self._steps.popleft()
            return f"{step.status} {step.body}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """All others once the mail is there."""
        step = self.next_step()
        if isinstance(step, Reply):
            return f"{step.status} {step.body}"
        self.received.append(
            Mailed(
                str(envelope.mail_from),
                tuple(envelope.rcpt_tos),
                cast(bytes, envelope.content),
                session.ssl is not None or self._encrypted,
                session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else None,
            )
        )
        if step == "silent":
            await asyncio.sleep(_SILENCE)
        if step == "close":
            server.transport.abort()
        return "250 OK"

    def _start(self) -> None:
        context = None if self._certificate is None else self._certificate.context()
        self._controller = _Controller(
            self,
            hostname=self.host,
            port=self.port,
            ssl_context=context if self._encrypted else None,
            tls_context=None if self._encrypted else context,
            authenticator=None if self._users is None else self._authenticate,
            auth_required=self._users is not None,
            auth_require_tls=context is not None and not self._encrypted,
            enable_SMTPUTF8=self._utf8,
            server_hostname="localhost",
        )
        self._controller.start()

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        users = self._users or {}
        good = isinstance(data, LoginPassword) and users.get(data.login.decode()) == data.password.decode()
        # not handled: the server itself then says 535
        return AuthResult(success=good, handled=good, auth_data=data)


class _Smtp(SMTP):
    async def smtp_DATA(self, arg: str) -> None:
        owner = self.event_handler
        step = owner._steps[0] if owner._steps else "ok"
        if isinstance(step, Reply) and step.step == "DATA":
            owner._steps.popleft()
            await self.push(f"{step.status} {step.body}")
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Smtp(self.handler, **self.SMTP_kwargs)
