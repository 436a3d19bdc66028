"""Mail by SMTP, encrypted, one connection per message."""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from costpulse_assets.addresses import is_loopback
from costpulse_assets.alerts.channels.answers import Answer, MessageLinks, lost, not_sent
from costpulse_assets.alerts.channels.email_body import html_body, subject, text_body
from costpulse_assets.alerts.message import Message

_WHO = "The mail server"


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over.

    Attributes:
        host: name or address.
        port: 587 and 465 are usual.
        encrypted: from the first byte (smtps://); else by STARTTLS.
        user: None: without signing in.
        password: of the user.
    """

    host: str
    port: int
    encrypted: bool
    user: str | None
    password: str = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read smtp://user:password@host:587 or smtps://...

        Raises:
            ValueError: it is no such URL; the message is a sentence that does not repeat it.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or (465 if parts.scheme == "smtps" else 587)
        except ValueError:
            raise ValueError("It is not a URL.") from None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("It is not the URL of a mail server.")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("It has a user without a password, or a password without a user.")
        user = None if parts.username is None else unquote(parts.username)
        return cls(parts.hostname, port, parts.scheme == "smtps", user, unquote(parts.password or ""))

    @property
    def is_loopback(self) -> bool:
        """On this machine, where nobody listens in."""
        return is_loopback(self.host)


def sender_of(server: MailServer, given: str | None) -> str | None:
    """The sender: as the settings say, else the user if that is an address; None: there is none."""
    if given is not None:
        return given
    return server.user if server.user and re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", server.user) else None


class Mail:
    """Mails of one sender by one server."""

    def __init__(self, server: MailServer, sender: str, timeout: float, ca_file: Path | None = None) -> None:
        """Keep what is needed; nothing is sent.

        Args:
            server: that takes the mails.
            sender: address, with or without a name.
            timeout: seconds to connect, and for each answer.
            ca_file: CA bundle of the server; None: the system's.
        """
        self._server, self._timeout, self._ca_file = server, timeout, ca_file
        name, self._address = parseaddr(sender)
        self._sender = Address(name or "CostPulse", *self._address.rsplit("@", 1))

    def send(self, recipient: str, message: Message, links: MessageLinks, *, key: str) -> Answer:
        """Hand over one mail.

        Args:
            recipient: address.
            message: what it says.
            links: of its buttons.
            key: of the message: the same key is the same Message-ID.
        """
        mailbox, domain = recipient.rsplit("@", 1)
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return Answer("refused", f"{domain} is not a domain of mail.", code="bad_recipient")
        content = self._mail(Address("", mailbox, domain), message, links, key)
        try:
            connection = self._connect()
            try:
                return self._hand_over(connection, f"{mailbox}@{domain}", content)
            finally:
                with suppress(OSError):  # whatever comes of it now, the answer stands
                    connection.putcmd("QUIT")
                connection.close()
        except smtplib.SMTPAuthenticationError as error:
            return _reply(error.smtp_code, error.smtp_error, signing_in=True)
        except smtplib.SMTPResponseException as error:
            return _reply(error.smtp_code, error.smtp_error)
        except smtplib.SMTPServerDisconnected as error:
            return not_sent(_WHO, _cause(error))
        except _NoEncryption:
            return Answer("failed", f"{_WHO} offers no encryption; nothing was sent.", code="no_starttls")
        except (smtplib.SMTPException, UnicodeError):
            return Answer(
                "refused",
                f"{_WHO} offers no way to sign in that works with this user and password.",
                credentials=True,
                code="no_authentication",
            )
        except OSError as error:
            return not_sent(_WHO, error)

    def _mail(self, recipient: Address, message: Message, links: MessageLinks, key: str) -> bytes:
        """The mail as it goes over the wire."""
        mail = EmailMessage(WIRE if recipient.username.isascii() else WIRE.clone(utf8=True))
        mail["Subject"] = subject(message)
        mail["From"] = self._sender
        mail["To"] = recipient
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text_body(message, links), cte="quoted-printable")
        mail.add_alternative(html_body(message, links), subtype="html", cte="quoted-printable")
        return mail.as_bytes()

    def _connect(self) -> smtplib.SMTP:
        """A connection that is encrypted and signed in; on loopback it is encrypted where the server offers it."""
        server = self._server
        if server.encrypted:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=self._context()
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            connection.ehlo_or_helo_if_needed()
            if not server.encrypted and connection.has_extn("starttls"):
                connection.starttls(context=self._context())
                connection.ehlo_or_helo_if_needed()
            elif not server.encrypted and not server.is_loopback:
                raise _NoEncryption
            if server.user is not None:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file)
        if self._server.is_loopback and self._ca_file is None:
            # a server of this machine has a certificate of its own making, and nobody is in between
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _hand_over(self, connection: smtplib.SMTP, recipient: str, content: bytes) -> Answer:
        options = () if recipient.isascii() else ("SMTPUTF8",)
        if options and not connection.has_extn("smtputf8"):
            return Answer("refused", f"{_WHO} does not take addresses with such letters.", code="no_smtputf8")
        steps: tuple[tuple[int, Callable[[], tuple[int, bytes]]], ...] = (
            (2, lambda: connection.mail(self._address, options)),
            (2, lambda: connection.rcpt(recipient)),
            (3, lambda: connection.docmd("DATA")),
        )
        for expected, step in steps:
            code, reply = step()
            if code // 100 != expected:
                return _reply(code, reply)
        connection.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
        # From here the server has all of it, whatever is heard.
        try:
            code, reply = connection.getreply()
        except OSError as error:
            return lost(_WHO, _cause(error))
        if code // 100 == 2:
            return Answer("delivered", f"{_WHO} took the mail to {recipient}.", code=str(code))
        if code < 400:
            return lost(_WHO, ValueError())
        return _reply(code, reply)


class _NoEncryption(Exception):
    """The server offers no STARTTLS, and the way there is open to others."""


def _reply(code: int, reply: bytes | str, *, signing_in: bool = False) -> Answer:
    """What it means that a step was not accepted."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    extended = re.match(r"([45]\.\d{1,3}\.\d{1,3})\b", text)
    said = f"{code} {extended[1]}" if extended else str(code)
    if code < 400:
        return Answer("failed", "What answered does not speak as a mail server does; nothing was sent.", code=said)
    if code < 500:
        return Answer("failed", f"{_WHO} put it off ({said}).", code=said)
    if signing_in or code in (530, 534, 535, 538):
        return Answer("refused", f"{_WHO} does not let us in ({said}).", credentials=True, code=said)
    return Answer("refused", f"{_WHO} refused it ({said}).", code=said)


def _cause(error: Exception) -> Exception:
    """What ended a connection: smtplib says so only in the context of its own exception."""
    context = error.__context__
    return context if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(context, OSError) else error
