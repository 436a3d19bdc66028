"""What Slack's reference of Block Kit says about the blocks of messages, as a check."""

import re
from typing import Any

_TEXT_KEYS = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
_CONTROL = re.compile(r"<([^>]*)>")


def faults(blocks: Any) -> list[str]:
    """What Slack would refuse; nothing if it takes them."""
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 50:
        return ["a message has 1 to 50 blocks"]
    found = [f"block {number}: {fault}" for number, block in enumerate(blocks) for fault in _block(block)]
    actions = [each["action_id"] for block in blocks for each in block.get("elements", ()) if "action_id" in each]
    if len(actions) != len(set(actions)):
        found.append("two elements have one action_id")
    return found


def calls(blocks: Any) -> list[str]:
    """Every control sequence in markup: `@U0123` of a mention, `!channel`, an address."""
    return [
        control
        for text in texts(blocks)
        if text["type"] == "mrkdwn"
        for control in _CONTROL.findall(text["text"].replace("```", ""))
    ]


def texts(value: Any) -> list[dict[str, Any]]:
    """Every text object, however deep."""
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    if not isinstance(value, dict):
        return []
    if value.get("type") in _TEXT_KEYS:
        return [value]
    return [text for each in value.values() for text in texts(each)]


def _block(block: Any) -> list[str]:
    match block.get("type"):
        case "header":
            return _only(block, {"type", "text"}) + _text(block.get("text"), 150, {"plain_text"})
        case "section":
            found = _only(block, {"type", "text", "fields"})
            if "text" not in block and "fields" not in block:
                found.append("a section has text or fields")
            if "text" in block:
                found += _text(block["text"], 3_000)
            if "fields" in block:
                found += [] if 1 <= len(block["fields"]) <= 10 else ["a section has 1 to 10 fields"]
                found += [fault for each in block["fields"] for fault in _text(each, 2_000)]
            return found
        case "context":
            found = _only(block, {"type", "elements"})
            found += [] if 1 <= len(block["elements"]) <= 10 else ["a context has 1 to 10 elements"]
            return found + [fault for each in block["elements"] for fault in _text(each, 3_000)]
        case "actions":
            found = _only(block, {"type", "elements"})
            found += [] if 1 <= len(block["elements"]) <= 25 else ["there are 1 to 25 actions"]
            return found + [fault for each in block["elements"] for fault in _button(each)]
        case "divider":
            return _only(block, {"type"})
    return [f"type {block.get('type')}"]


def _button(element: Any) -> list[str]:
    found = _only(element, {"type", "text", "url", "action_id", "style"})
    if element.get("type") != "button":
        return ["an action that is no button"]
    found += _text(element.get("text"), 75, {"plain_text"})
    if not re.fullmatch(r"https?://\S+", element.get("url", "")) or len(element["url"]) > 3_000:
        found.append("the address of a button")
    if not 1 <= len(element.get("action_id", "")) <= 255 or element.get("style") not in (None, "primary", "danger"):
        found.append("the name or the style of a button")
    return found


def _text(text: Any, limit: int, types: set[str] | None = None) -> list[str]:
    kind = text.get("type") if isinstance(text, dict) else None
    if kind not in (types or _TEXT_KEYS):
        return [f"a text of type {kind}"]
    found = _only(text, _TEXT_KEYS[kind])
    if not isinstance(text["text"], str) or not 1 <= len(text["text"]) <= limit:
        found.append(f"a text of {len(text['text'])} characters, where 1 to {limit} may be")
    return found


def _only(value: dict[str, Any], keys: set[str]) -> list[str]:
    return [f"unknown field {key}" for key in value.keys() - keys]
