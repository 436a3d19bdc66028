"""Links in messages: into the app at the very view, and signed ones that let a person act there once."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from urllib.parse import quote

from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, run

LinkAction = Literal["acknowledge", "mute"]

#: How long a link lets somebody act.
LINK_LIFE = timedelta(days=7)

_PURPOSE = "links"
_KEY_BYTES = 32


class BadLink(BadInput):
    """A link of a message cannot be acted on."""


class LinkForged(BadLink):
    """The link was not made by this CostPulse, or not as it is now."""


class LinkExpired(BadLink):
    """The link is too old."""


class LinkUsed(BadLink):
    """Somebody has acted on the link before."""


@dataclass(frozen=True)
class Action:
    """What a link asks for.

    Attributes:
        history_id: the finding, a row of alert_history.
        action: what to do with it, once a person has confirmed it in the app.
        expires_at: from when on the link does nothing.
    """

    history_id: int
    action: LinkAction
    expires_at: datetime


@dataclass(frozen=True)
class Links:
    """Makes the links of messages.

    Attributes:
        app_url: address of the app.
        key: that of `signing_key`.
    """

    app_url: str
    key: bytes

    def view(self, path: str) -> str:
        """The address of a view; `path` begins with a slash and may have a query."""
        return view_url(self.app_url, path)

    def action(self, history_id: int, action: LinkAction, now: datetime) -> str:
        """The address of the page where a person confirms the action; following it changes nothing yet."""
        claim = f"{history_id}.{action}.{int((now + LINK_LIFE).timestamp())}"
        return self.view(f"/alerts?act={claim}.{_signature(claim, self.key)}")


def view_url(app_url: str, path: str) -> str:
    """The address of a view of the app, for messages without links to act on."""
    return app_url.rstrip("/") + quote(path, safe="/?&=%:,+~@!$'()*;")


def signing_key(connection: Connection) -> bytes:
    """The key that links are signed with; made on first use, in the caller's transaction, by the owner of the schema.

    Raises:
        psycopg.errors.InsufficientPrivilege: there is none yet, and the connection may not make one.
    """
    rows = run(connection, "transform/outbox_signing_key", {"purpose": _PURPOSE})
    if not rows:
        new = {"purpose": _PURPOSE, "key": secrets.token_bytes(_KEY_BYTES)}
        run(connection, "transform/outbox_make_signing_key", new)
        # Another process may have been first.
        rows = run(connection, "transform/outbox_signing_key", {"purpose": _PURPOSE})
    return bytes(rows[0]["key"])


def read_action(token: str, key: bytes, now: datetime) -> Action:
    """What the token of a link asks for; nothing is changed, and it is not asked whether it was used before.

    Args:
        token: the value of `act` in the link.
        key: that of `signing_key`.
        now: the present time.

    Raises:
        LinkForged: the signature is not ours.
        LinkExpired: it is older than LINK_LIFE.
    """
    claim, _, signature = token.rpartition(".")
    # Compared as text: another spelling of the same bytes would be another link to `use_link`.
    if not hmac.compare_digest(signature.encode(), _signature(claim, key).encode()):
        raise LinkForged(
            "This link was not made by CostPulse, or was cut on its way.",
            next_step="Find the alert in the history below and act on it there.",
        )
    history_id, action, expires = claim.split(".")
    assert action in get_args(LinkAction)  # ours, as it is signed
    found = Action(int(history_id), action, datetime.fromtimestamp(int(expires), UTC))  # type: ignore[arg-type]
    if found.expires_at <= now:
        raise LinkExpired(
            f"This link worked until {found.expires_at:%d %b %Y, %H:%M} UTC.",
            next_step="Find the alert in the history below and act on it there.",
        )
    return found


def use_link(connection: Connection, token: str, actor: str) -> None:
    """Notes that the link is used, in the transaction that does what it asks for.

    Args:
        connection: with an open transaction.
        token: that `read_action` accepted.
        actor: who acts.

    Raises:
        LinkUsed: it was used before; the caller's transaction changes nothing.
    """
    digest = hashlib.sha256(token.encode()).hexdigest()
    if not run(connection, "transform/outbox_use_link", {"digest": digest, "actor": actor}):
        raise LinkUsed(
            "This link was used before; each works once.",
            next_step="Find the alert in the history below: it shows who acted.",
        )


def _signature(claim: str, key: bytes) -> str:
    return hmac.digest(key, claim.encode(), "sha256").hex()
