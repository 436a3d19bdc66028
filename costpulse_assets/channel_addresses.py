"""Where a message can go, as people write it: `slack:#finops`, `email:lead@example.com`, `webhook:pager`."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator

#: The channel of an alert that stands for whatever the routes say.
ROUTED = "routed"

_WORDS = (
    f"write `{ROUTED}`, `slack`, `slack:#channel`, `slack:C0123456789`, `email:name@example.com`, `webhook` or "
    "`webhook:name`"
)
_SLACK_CHANNEL = re.compile(r"#[^\s#@,:]{1,79}|[CDGU][A-Z0-9]{6,20}")
_MAIL = re.compile(r"[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,190}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class ChannelAddress:
    """A way out and the address there.

    - slack without a target: the incoming webhook; else a channel or person the bot posts to
    - email: one mail address
    - webhook without a target: the only one; else its name in the settings
    """

    kind: Literal["slack", "email", "webhook"]
    target: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person wrote.

        Raises:
            ValueError: it is no address; the message says what one looks like.
        """
        kind, separator, target = text.strip().partition(":")
        target = target.strip()
        if separator and not target:
            raise ValueError(f"{text!r} is not a channel: {_WORDS}")
        if kind == "slack" and (not target or _SLACK_CHANNEL.fullmatch(target)):
            return cls("slack", target)
        if kind == "email" and _MAIL.fullmatch(target):
            return cls("email", target)
        if kind == "webhook" and (not target or _NAME.fullmatch(target)):
            return cls("webhook", target)
        raise ValueError(f"{text!r} is not a channel: {_WORDS}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}" if self.target else self.kind


def _canonical(text: str) -> str:
    return ROUTED if text.strip() == ROUTED else str(ChannelAddress.parse(text))


#: Text of a channel in documents: checked, and written in one way.
ChannelText = Annotated[str, AfterValidator(_canonical)]
