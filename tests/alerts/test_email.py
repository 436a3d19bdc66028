"""Mail by a real server on loopback: what arrives, what a name can do there, and what every answer means."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from costpulse_assets.alerts.channels import Answer, open_channels
from costpulse_assets.alerts.channels.email import MailServer
from costpulse_assets.alerts.channels.email_body import html_body
from costpulse_assets.alerts.channels.text import printable
from costpulse_assets.alerts.message import Message
from costpulse_assets.settings import Settings
from tests.alerts.messages import HOSTILE, LINKS, message, named
from tests.alerts.servers import Certificate, Mailed, SmtpServer, Step, free_port, make_certificate, smtp

NAMES = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
USER, PASSWORD = "costpulse@example.com", "pass:word/ %"
URL_USER, URL_PASSWORD = "costpulse%40example.com", "pass%3Aword%2F%20%25"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
def servers(certificate: Certificate) -> Iterator[dict[str, SmtpServer]]:
    """STARTTLS with users, TLS from the start, and neither."""
    users = {USER: PASSWORD}
    with (
        SmtpServer(certificate, users=users) as starttls,
        SmtpServer(certificate, encrypted=True) as tls,
        SmtpServer() as plain,
    ):
        yield {"starttls": starttls, "tls": tls, "plain": plain}


@pytest.fixture
def server(servers: dict[str, SmtpServer]) -> SmtpServer:
    for each in servers.values():
        each.script([])
        each.received.clear()
    return servers["starttls"]


def send(
    url: str, said: Message | None = None, *, to: str = "lead@example.com", key: str = "1 > email", **changes: Any
) -> Answer:
    given = {"smtp_url": url, "alert_timeout_seconds": 1, "smtp_from": "CostPulse <costpulse@example.com>"}
    settings = Settings(_env_file=None, **(given | changes))  # type: ignore[call-arg]
    with open_channels(settings) as channels:
        return channels.send(f"email:{to}", said or message(), LINKS, key=key)


def mailed(server: SmtpServer, said: Message, certificate: Certificate) -> Mailed:
    answer = send(server.url(URL_USER, URL_PASSWORD), said, smtp_ca_file=certificate.ca)
    assert answer.outcome == "delivered", answer
    (mail,) = server.received
    return mail


class Page(HTMLParser):
    """The elements of a page and what is written in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.written = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.written += f" {data}"


# --- what arrives


def test_a_mail_arrives_encrypted_with_text_and_html(server: SmtpServer, certificate: Certificate) -> None:
    arrived = mailed(server, message(), certificate)
    assert arrived.encrypted
    assert (arrived.user, arrived.sender, arrived.recipients) == (USER, USER, ("lead@example.com",))
    mail = arrived.mail
    assert mail["Subject"] == "[warning] Budget Data Platform: 83 % of $12,000 is spent"
    assert mail["From"] == "CostPulse <costpulse@example.com>"
    assert mail["To"] == "lead@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    page = Page(arrived.part("html"))
    for text in (arrived.part("plain"), page.written):
        words = " ".join(text.split())
        for part in ("$9,960 of $12,000", "job nightly_load", "+$812.40", "-$40.00", "highest $487.00", "not final"):
            assert part in words
    assert page.links == [LINKS.open, LINKS.acknowledge, LINKS.mute]
    assert f"Mute: {LINKS.mute}" in arrived.part("plain")
    assert max(len(line) for line in arrived.content.splitlines()) <= 998


def test_the_same_message_has_the_same_id(server: SmtpServer, certificate: Certificate) -> None:
    for key in ("one > email", "one > email", "zwei > ✉"):
        send(server.url(URL_USER, URL_PASSWORD), key=key, smtp_ca_file=certificate.ca)
    first, second, other = (each.mail["Message-ID"] for each in server.received)
    assert first == second != other
    assert re.fullmatch(r"<[0-9a-f]{40}@example\.com>", first)


def test_tls_from_the_start_is_spoken_too(
    servers: dict[str, SmtpServer], server: SmtpServer, certificate: Certificate
) -> None:
    assert send(servers["tls"].url(), smtp_ca_file=certificate.ca).outcome == "delivered"
    assert servers["tls"].received[0].encrypted


def test_the_user_is_the_sender_where_no_other_is_named(server: SmtpServer, certificate: Certificate) -> None:
    send(server.url(URL_USER, URL_PASSWORD), smtp_from=None, smtp_ca_file=certificate.ca)
    assert server.received[0].mail["From"] == "CostPulse <costpulse@example.com>"


def test_lines_that_begin_with_a_point_arrive_whole(server: SmtpServer, certificate: Certificate) -> None:
    arrived = mailed(server, message(text="..", notes=(".", "...")), certificate)
    assert "\n\n..\n\n" in arrived.part("plain")
    assert "\n\n.\n\n...\n\n" in arrived.part("plain")


def test_addresses_in_other_scripts_are_reached(server: SmtpServer, certificate: Certificate) -> None:
    url = server.url(URL_USER, URL_PASSWORD)
    assert send(url, to="lead@bücher.example", smtp_ca_file=certificate.ca).outcome == "delivered"
    assert send(url, to="füh.rung@bücher.example", smtp_ca_file=certificate.ca).outcome == "delivered"
    assert [each.recipients for each in server.received] == [
        ("lead@xn--bcher-kva.example",),
        ("füh.rung@xn--bcher-kva.example",),
    ]


def test_a_server_that_knows_ascii_only_is_not_asked_for_more() -> None:
    with SmtpServer(utf8=False) as old:
        assert send(old.url(), to="führung@example.com").code == "no_smtputf8"
        assert send(old.url(), named("データ基盤")).outcome == "delivered"
        assert len(old.received) == 1
        assert old.received[0].content.isascii()


def test_a_recipient_that_cannot_be_is_refused(server: SmtpServer) -> None:
    assert send(server.url(), to=f"lead@{'x' * 70}.example").outcome == "refused"


# --- what a name can do


@NAMES
def test_a_name_of_the_source_is_text_and_nothing_else(server: SmtpServer, certificate: Certificate, name: str) -> None:
    arrived = mailed(server, named(name), certificate)
    harmless = Page(html_body(printable(message(sections=named("x").sections)), LINKS))
    page = Page(arrived.part("html"))
    assert set(page.tags) <= set(harmless.tags)
    assert page.attributes <= harmless.attributes
    assert page.links == harmless.links
    assert arrived.recipients == ("lead@example.com",)
    assert set(arrived.mail.keys()) == {
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type")
    }
    assert len(str(arrived.mail["Subject"])) <= 180
    assert not re.search("[\x00-\x08\x0e-\x1f\u202a-\u202e]", arrived.part("html") + arrived.part("plain"))
    assert arrived.content.isascii()
    shown = " ".join(name.split())
    if len(shown) < 100 and "\x00" not in name and "\u202e" not in name:
        assert shown in " ".join(page.written.split())


def test_a_long_name_keeps_its_head_and_its_tail_in_the_subject(server: SmtpServer, certificate: Certificate) -> None:
    subject = mailed(server, message(title="first " + "x" * 10_000 + " last"), certificate).mail["Subject"]
    assert subject.startswith("[warning] first x")
    assert subject.endswith("x last")


# --- what an answer means


@pytest.mark.parametrize(
    ("step", "outcome", "code"),
    [
        ("ok", "delivered", "250"),
        (smtp(550, "5.1.1 nobody of that name", "RCPT"), "refused", "550 5.1.1"),
        (smtp(450, "4.2.1 later", "RCPT"), "failed", "450 4.2.1"),
        (smtp(554, "no", "DATA"), "refused", "554"),
        (smtp(451, "busy", "DATA"), "failed", "451"),
        (smtp(552, "5.3.4 too big"), "refused", "552 5.3.4"),
        (smtp(452, "full"), "failed", "452"),
        (smtp(530, "5.7.0 sign in first", "RCPT"), "refused", "530 5.7.0"),
        ("silent", "unknown", "timeout"),
        ("close", "unknown", "connection_lost"),
    ],
)
def test_every_reply_has_one_outcome(
    server: SmtpServer, certificate: Certificate, step: Step, outcome: str, code: str
) -> None:
    server.script([step])
    answer = send(server.url(URL_USER, URL_PASSWORD), smtp_ca_file=certificate.ca)
    assert (answer.outcome, answer.code) == (outcome, code)
    assert answer.credentials is (code.startswith("530"))
    assert "nobody of that name" not in answer.text


@pytest.mark.parametrize("password", ["wrong", "%C3%BCmlaut"])
def test_a_wrong_password_is_refused_for_the_credentials(
    server: SmtpServer, certificate: Certificate, password: str
) -> None:
    answer = send(server.url(URL_USER, password), smtp_ca_file=certificate.ca)
    assert (answer.outcome, answer.credentials) == ("refused", True)
    assert password not in answer.text
    assert server.received == []


def test_a_server_without_users_refuses_ours(servers: dict[str, SmtpServer], server: SmtpServer) -> None:
    answer = send(servers["plain"].url(URL_USER, URL_PASSWORD))
    assert (answer.outcome, answer.credentials) == ("refused", True)
    with _speaking([b"220 hi\r\n", b"250 hi\r\n"]) as port:
        answer = send(f"smtp://{URL_USER}:{URL_PASSWORD}@127.0.0.1:{port}")
    assert (answer.outcome, answer.credentials, answer.code) == ("refused", True, "no_authentication")


def test_nobody_there_means_nothing_was_sent(server: SmtpServer, certificate: Certificate) -> None:
    url = server.url(URL_USER, URL_PASSWORD)
    with server.down():
        answer = send(url, smtp_ca_file=certificate.ca)
    assert (answer.outcome, answer.code) == ("failed", "connection_refused")
    assert send(url, smtp_ca_file=certificate.ca).outcome == "delivered"


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_an_untrusted_certificate_stops_the_mail_before_it_is_sent(
    servers: dict[str, SmtpServer], server: SmtpServer, kind: str, tmp_path: Path
) -> None:
    other = make_certificate(tmp_path)
    answer = send(servers[kind].url(), smtp_ca_file=other.ca)
    assert (answer.outcome, answer.code) == ("failed", "tls")
    assert servers[kind].received == []


def test_plain_speech_where_tls_is_expected_is_a_failure_of_tls(
    servers: dict[str, SmtpServer], server: SmtpServer
) -> None:
    answer = send(servers["plain"].url().replace("smtp://", "smtps://"))
    assert (answer.outcome, answer.code) == ("failed", "tls")


def test_on_loopback_a_certificate_of_the_machine_itself_will_do(
    servers: dict[str, SmtpServer], server: SmtpServer
) -> None:
    assert send(server.url(URL_USER, URL_PASSWORD)).outcome == "delivered"
    assert server.received[0].encrypted
    assert send(servers["plain"].url()).outcome == "delivered"


@pytest.mark.parametrize("offers", [True, False], ids=["offered", "not offered"])
def test_beyond_loopback_nothing_is_sent_unencrypted(certificate: Certificate, offers: bool) -> None:
    """0.0.0.0 leads to this machine and is taken for any other."""
    assert not MailServer.parse("smtp://0.0.0.0").is_loopback
    with SmtpServer(certificate if offers else None, host="0.0.0.0") as there:
        answer = send(there.url(), smtp_ca_file=certificate.ca)
        # the certificate is of localhost: even where encryption is offered, this server is not the one it claims to be
        assert (answer.outcome, answer.code) == ("failed", "tls" if offers else "no_starttls")
        assert there.received == []


@pytest.mark.parametrize(
    ("spoken", "outcome", "code"),
    [
        ([b"554 5.7.1 we do not talk to you\r\n"], "refused", "554 5.7.1"),
        ([b"421 4.3.2 come back\r\n"], "failed", "421 4.3.2"),
        ([b"HTTP/1.1 400 Bad Request\r\n"], "failed", "-1"),
        ([], "failed", "connection_failed"),
        ([b"220 hi\r\n", b"250 hi\r\n"], "failed", "connection_failed"),
        ([b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n"], "failed", "connection_failed"),
        ([b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 what?\r\n"], "failed", "250"),
        ([b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"], "unknown", "connection_lost"),
        (
            [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"what?\r\n"],
            "unknown",
            "connection_lost",
        ),
        (
            [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"x" * 9_000 + b"\r\n"],
            "unknown",
            "connection_lost",
        ),
    ],
)
def test_a_server_that_speaks_strangely_is_judged_by_how_far_it_came(
    spoken: list[bytes], outcome: str, code: str
) -> None:
    with _speaking(spoken) as port:
        answer = send(f"smtp://127.0.0.1:{port}")
    assert (answer.outcome, answer.code) == (outcome, code)


def test_a_goodbye_that_goes_wrong_does_not_undo_the_delivery() -> None:
    whole = [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 taken\r\n"]
    with _speaking(whole) as port:
        assert send(f"smtp://127.0.0.1:{port}").outcome == "delivered"


def test_a_server_that_never_greets_is_given_up(server: SmtpServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = send(f"smtp://127.0.0.1:{silent.getsockname()[1]}")
    assert (answer.outcome, answer.code) == ("failed", "connect_timeout")


@pytest.mark.parametrize(
    ("url", "changes", "named_setting"),
    [
        (None, {}, "COSTPULSE_SMTP_URL is not set"),
        ("mail.example.com", {}, "COSTPULSE_SMTP_URL cannot be used"),
        ("smtp://costpulse@mail.example.com", {}, "COSTPULSE_SMTP_URL cannot be used"),
        ("smtp://mail.example.com", {"smtp_from": None}, "COSTPULSE_SMTP_FROM"),
        ("smtp://mail.example.com", {"smtp_ca_file": "/nowhere/ca.pem"}, "COSTPULSE_SMTP_CA_FILE"),
    ],
)
def test_what_is_not_configured_is_refused_by_the_name_of_the_setting(
    url: Any, changes: dict[str, Any], named_setting: str
) -> None:
    answer = send(url, **changes)
    assert (answer.outcome, answer.code) == ("refused", "not_configured")
    assert named_setting in answer.text


@contextmanager
def _speaking(lines: list[bytes]) -> Iterator[int]:
    """A server that says one line per turn, whatever it hears, and then closes."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            said = list(lines)
            while said:
                line = said.pop(0)
                connection.sendall(line)
                _hear(connection, whole=line.startswith(b"354"))

    with socket.create_server(("127.0.0.1", free_port())) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def _hear(connection: socket.socket, *, whole: bool) -> None:
    heard = b""
    while more := connection.recv(65_536):
        heard += more
        if not whole or heard.endswith(b"\r\n.\r\n"):
            return
