"""A message as blocks of Slack, and as plain text.

Names are never markup: `&`, `<` and `>` are written as entities, so that there is no `<!channel>` and no link, and what
mrkdwn formats by is replaced by letters that look alike. Limits are those of Slack's reference of blocks.
"""

import re
from collections.abc import Iterable
from typing import Any

from costpulse_assets.alerts.channels.answers import MessageLinks
from costpulse_assets.alerts.channels.text import cause_line, cut, fitted, sparkline
from costpulse_assets.alerts.message import Message

Block = dict[str, Any]

HEADER_CHARACTERS = 150
TEXT_CHARACTERS = 3_000
FIELD_CHARACTERS = 2_000
FIELDS = 10
BLOCKS = 50
BUTTON_URL_CHARACTERS = 3_000
#: Of a text alone, which Slack recommends and cuts itself only much later.
MESSAGE_CHARACTERS = 4_000
#: Of all blocks together; above some 13,000 Slack refuses a message.
ALL_CHARACTERS = 11_000

_MARKS = {"info": "🔵", "warning": "🟠", "critical": "🔴"}
_EVERYBODY = re.compile(r"@(?=(?:channel|here|everyone|group|all)\b)", re.IGNORECASE)
#: Formatting begins and ends at the edges of words: an underscore within a name stays what it is.
_EDGE_UNDERSCORE = re.compile(r"(?<!\w)_+|_+(?!\w)")
_LOOK_ALIKE = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
#: An id of a person in Slack.
USER_ID = re.compile(r"[UW][A-Z0-9]{6,20}")


def entities(text: str) -> str:
    """Text that holds no control sequence of Slack and calls nobody."""
    text = _EVERYBODY.sub("@\u200b", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(text: str) -> str:
    """Text that also looks as it is where Slack formats."""
    text = text.translate(_LOOK_ALIKE)
    return entities(_EDGE_UNDERSCORE.sub(lambda found: "ˍ" * len(found[0]), text))


def blocks(message: Message, links: MessageLinks, owner_id: str | None = None) -> list[Block]:
    """The message as blocks.

    Args:
        message: as `text.printable` gives it.
        links: for the buttons.
        owner_id: Slack's id of the owner, who is mentioned; None: the owner's address is written only.
    """
    for size in (TEXT_CHARACTERS, 1_200, 400, 150):
        made = _blocks(message, links, owner_id, size)
        if sum(map(_characters, made)) <= ALL_CHARACTERS:
            break
    return made


def notification(message: Message) -> str:
    """What a notification shows beside the blocks."""
    return fitted(f"{heading(message)}: {message.text}", 1_000, entities)


def plain_text(message: Message, links: MessageLinks, owner_id: str | None = None) -> str:
    """All of it without blocks, for where they are refused."""
    lines = [heading(message), message.text]
    lines += [f"{figure.label}: {figure.text}" for figure in message.figures]
    lines += [f"• {cause_line(cause)}" for cause in message.causes]
    for section in message.sections:
        lines += [section.title, *(f"• {each}" for each in (*section.lines, *map(cause_line, section.causes)))]
    lines += message.notes
    ways = "\n".join(f"{label}: <{address}>" for label, address in _buttons(links))
    if owner := _owner(message, owner_id):
        ways = f"{owner}\n{ways}"
    room = max(1_000, MESSAGE_CHARACTERS - len(ways) - 1)
    return f"{fitted(chr(10).join(lines), room, mrkdwn)}\n{ways}"


def heading(message: Message) -> str:
    """The title with what marks a test and the severity."""
    return f"{_MARKS[message.severity]} {'[Test] ' if message.is_test else ''}{message.title}"


def _blocks(message: Message, links: MessageLinks, owner_id: str | None, size: int) -> list[Block]:
    made: list[Block] = [{"type": "header", "text": _plain(heading(message), HEADER_CHARACTERS)}]
    if message.text:
        made.append({"type": "section", "text": _plain(message.text, min(TEXT_CHARACTERS, 10 * size))})
    if owner := _owner(message, owner_id):
        made.append(_section(owner))
    fields = [
        _formatted(f"*{fitted(figure.label, 100, mrkdwn)}*\n{fitted(figure.text, min(600, size), mrkdwn)}")
        for figure in message.figures
    ]
    made += [{"type": "section", "fields": fields[n : n + FIELDS]} for n in range(0, len(fields), FIELDS)]
    if message.series is not None:
        chart = f"{cut(message.series.label, 120)}\n{sparkline(message.series)}"
        made.append(_section(f"```{entities(chart.replace('`', 'ˋ'))}```"))
    if message.causes:
        made.append(_list("What adds to it", map(cause_line, message.causes), size))
    for section in message.sections:
        made.append(_list(section.title, (*section.lines, *map(cause_line, section.causes)), size))
    if message.notes:
        made.append(
            {"type": "context", "elements": [_plain("\n".join(message.notes), min(FIELD_CHARACTERS, 5 * size))]}
        )
    elements = [
        {"type": "button", "text": _plain(label, 75), "url": address, "action_id": f"link_{number}"}
        for number, (label, address) in enumerate(_buttons(links))
    ]
    if elements:
        elements[0]["style"] = "primary"
        made.append({"type": "actions", "elements": elements})
    return made


def _list(title: str, lines: Iterable[str], size: int) -> Block:
    """A heading and points; of too many the first are shown."""
    written = [f"*{fitted(title, 150, mrkdwn)}*"]
    points = [f"• {fitted(each, min(400, size), mrkdwn)}" for each in lines]
    room = size - len(written[0]) - 30
    for number, point in enumerate(points):
        room -= len(point) + 1
        if room < 0 and number:
            written.append(f"• and {len(points) - number} more")
            break
        written.append(point)
    return _section("\n".join(written))


def _owner(message: Message, owner_id: str | None) -> str:
    """Markup that names the owner; an id is one only in Slack's form."""
    if owner_id and USER_ID.fullmatch(owner_id):
        return f"Owner: <@{owner_id}>"
    return f"Owner: {fitted(message.owner, 500, mrkdwn)}" if message.owner else ""


def _buttons(links: MessageLinks) -> list[tuple[str, str]]:
    return [(label, address) for label, address in links.buttons() if len(address) <= BUTTON_URL_CHARACTERS]


def _section(text: str) -> Block:
    return {"type": "section", "text": _formatted(text)}


def _formatted(text: str) -> Block:
    """Markup of ours with escaped names in it; verbatim: Slack makes no links of what looks like one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": fitted(text, limit, entities), "emoji": False}


def _characters(block: Block) -> int:
    if "fields" in block:
        return sum(len(field["text"]) for field in block["fields"])
    if "elements" in block:
        return sum(len(each["text"]) for each in block["elements"] if isinstance(each["text"], str))
    return len(block["text"]["text"])
