"""Slack by an incoming webhook and by a bot, which posts to every channel it was invited to."""

import logging
import re
from functools import lru_cache
from typing import Any

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry import HttpRequest, HttpResponse, RateLimitErrorRetryHandler, RetryState

from costpulse_assets.alerts.channels.answers import Answer, MessageLinks, http_answer, no_http_answer, not_configured
from costpulse_assets.alerts.channels.slack_blocks import USER_ID, blocks, notification, plain_text
from costpulse_assets.alerts.message import Message

_WHO = "Slack"

_CREDENTIALS = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "not_allowed_token_type",
        "missing_scope",
        "invalid_token",
    }
)
_LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable", "request_timeout"})
#: Slack says of these that a part of the work may have been done.
_UNSURE = frozenset({"internal_error", "fatal_error"})
_LAYOUT = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
_MEANINGS = {
    "channel_not_found": "there is no such channel, or it is private and the bot was not invited",
    "not_in_channel": "the bot is not in the channel; invite it there",
    "is_archived": "the channel is archived",
    "channel_is_archived": "the channel is archived",
    "restricted_action": "an administrator does not let it post there",
    "action_prohibited": "an administrator does not let it post there",
    "no_service": "the webhook was removed or switched off",
    "no_team": "the workspace of the webhook is gone",
    "invalid_auth": "the token is not valid",
    "not_authed": "the token is missing",
    "invalid_token": "the address of the webhook is not valid",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "account_inactive": "the bot or its workspace was removed",
    "missing_scope": "the bot lacks a scope, chat:write",
    "msg_too_long": "the message is too long",
}
_CODE = re.compile(r"[a-z][a-z0-9_]{1,59}")
_MAIL = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")

# The client logs addresses, which are keys, and bodies once debugging is on; what happened is in the answer.
_SILENT = logging.getLogger(f"{__name__}.client")
_SILENT.setLevel(logging.CRITICAL + 1)


class _ShortWait(RateLimitErrorRetryHandler):
    """Slack's rate limit, waited for once if that is a moment; the outbox waits for what is longer."""

    SECONDS = 2

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if not super()._can_retry(state=state, request=request, response=response, error=error):
            return False
        given = {name.lower(): values for name, values in (response.headers if response else {}).items()}
        wait = str(next(iter(given.get("retry-after", ())), ""))
        return wait.isdecimal() and int(wait) <= self.SECONDS


class SlackWebhook:
    """An incoming webhook: one channel, chosen in Slack."""

    def __init__(self, url: str, timeout: int) -> None:
        """Keep the address; nothing is sent.

        Args:
            url: of the webhook, which is its key.
            timeout: seconds to connect, and to wait for each part of the answer.
        """
        self._client = WebhookClient(url, timeout=timeout, logger=_SILENT, retry_handlers=[_ShortWait()])

    def send(self, message: Message, links: MessageLinks, owner_id: str | None) -> Answer:
        """Post the message; where its layout is refused, once more as plain text."""
        answer = self._post({"text": notification(message), "blocks": blocks(message, links, owner_id)})
        if answer.code not in _LAYOUT:
            return answer
        return _as_plain_text(self._post({"text": plain_text(message, links, owner_id), "mrkdwn": False}))

    def _post(self, body: dict[str, Any]) -> Answer:
        try:
            response = self._client.send_dict({**body, "unfurl_links": False, "unfurl_media": False})
        except SlackRequestError:
            return not_configured("COSTPULSE_SLACK_WEBHOOK_URL is not the address of a webhook.")
        except Exception as error:
            return no_http_answer(_WHO, error)
        said = response.body.strip()
        if response.status_code == 200 and said != "ok":
            return Answer(
                "unknown",
                "What answered at the address of the webhook did not say `ok`, as Slack does.",
                code="not_slack",
            )
        if response.status_code == 200:
            return Answer("delivered", "Slack posted it.")
        code = said if _CODE.fullmatch(said) else ""
        if code in _MEANINGS and 400 <= response.status_code < 500 and response.status_code != 429:
            return _refusal(code, credentials=response.status_code in (401, 403))
        return http_answer(_WHO, response.status_code, retry_after=_header(response.headers, "Retry-After"), code=code)


class SlackBot:
    """A bot by its token."""

    def __init__(self, token: str, api_url: str, timeout: int) -> None:
        """Keep the token; nothing is sent.

        Args:
            token: xoxb-...
            api_url: of Slack's API.
            timeout: seconds to connect, and to wait for each part of the answer.
        """
        self._client = WebClient(
            token, base_url=api_url, timeout=timeout, logger=_SILENT, retry_handlers=[_ShortWait()]
        )
        self.user_id = lru_cache(maxsize=256)(self._user_id)

    def send(self, target: str, message: Message, links: MessageLinks, owner_id: str | None) -> Answer:
        """Post the message to a channel or person; where its layout is refused, once more as plain text."""
        answer = self._post(target, text=notification(message), blocks=blocks(message, links, owner_id))
        if answer.code not in _LAYOUT:
            return answer
        return _as_plain_text(self._post(target, text=plain_text(message, links, owner_id), mrkdwn=False))

    def _user_id(self, owner: str) -> str | None:
        """Slack's id of the person with this address; None: nobody, or we may not ask."""
        if USER_ID.fullmatch(owner):
            return owner
        if not _MAIL.fullmatch(owner):
            return None
        try:
            user = self._client.users_lookupByEmail(email=owner).get("user")
        except Exception:  # a message without a mention is better than none
            return None
        return str(user["id"]) if isinstance(user, dict) and "id" in user else None

    def _post(self, target: str, **body: Any) -> Answer:
        try:
            self._client.chat_postMessage(channel=target, unfurl_links=False, unfurl_media=False, **body)
        except SlackApiError as error:
            return _api_answer(error)
        except Exception as error:
            return no_http_answer(_WHO, error)
        return Answer("delivered", f"Slack posted it to {target}.")


def _api_answer(error: SlackApiError) -> Answer:
    response = error.response
    status = response.status_code
    said = response.get("error") if isinstance(response.data, dict) else None
    code = said if isinstance(said, str) and _CODE.fullmatch(said) else ""
    retry_after = _header(response.headers, "Retry-After")
    if status == 200:
        if code in _UNSURE:
            return Answer("unknown", f"Slack broke while it worked on the message ({code}).", code=code)
        if code in _LATER:
            return http_answer(_WHO, 429 if "rate" in code else 503, retry_after=retry_after, code=code)
        if not code:
            return Answer("unknown", "What answered in place of Slack is not Slack's API.", code="not_slack")
        return _refusal(code)
    if code in _CREDENTIALS:
        return _refusal(code)
    return http_answer(_WHO, status, retry_after=retry_after, code=code)


def _refusal(code: str, *, credentials: bool = False) -> Answer:
    text = f"Slack refused it: {_MEANINGS[code]} ({code})." if code in _MEANINGS else f"Slack refused it ({code})."
    return Answer("refused", text, credentials=credentials or code in _CREDENTIALS, code=code)


def _as_plain_text(answer: Answer) -> Answer:
    if answer.outcome != "delivered":
        return answer
    return Answer("delivered", "Delivered as plain text, as Slack refused the layout.", code="plain_text")


def _header(headers: Any, name: str) -> str | None:
    """One header, however it is written and whether or not its values are a list."""
    for given, value in headers.items():
        if given.lower() == name.lower():
            return str(value[0] if isinstance(value, list) else value)
    return None
