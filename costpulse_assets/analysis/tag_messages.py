"""What people are told about tags: the nearest allowed value, what is wrong with a resource, the text for its owner.

Texts are plain and meant for Slack, mail or a ticket alike: names from the account are made neutral, so that none of
them becomes a mention, a link, markup or another line.
"""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from difflib import get_close_matches

from costpulse_assets.allocation.rule_types.declaration import any_of
from costpulse_assets.allocation.words import usd
from costpulse_assets.resources.database import Row

#: Resources that a text names; the others are counted.
NAMED_RESOURCES = 20

_LONGEST_NAME = 80
_MOST_VALUES = 5
#: What Slack or a mail program would make something of, and what people see instead.
_LOOK_ALIKES = str.maketrans({"<": "‹", ">": "›", "*": "∗", "`": "'", "~": "∼", "|": "¦", "“": '"', "”": '"'})
_MENTION = re.compile(r"@(?=here|channel|everyone)", re.I)


def nearest_allowed(value: str, allowed: Sequence[str]) -> str | None:
    """The allowed value that was probably meant: the same but for case and signs, else one spelled alike.

    Only values without `*` are proposed: what a pattern stands for is not known.
    """
    literal = [each for each in allowed if "*" not in each]
    folded: dict[str, str] = {}
    for each in literal:
        folded.setdefault(_folded(each), each)
    if _folded(value) in folded:
        return folded[_folded(value)]
    close = get_close_matches(_folded(value), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def neutral(name: str) -> str:
    """A name from the account as it may stand in a text: one line, no markup, no mention, no link."""
    kept = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in name)
    text = " ".join(kept.translate(_LOOK_ALIKES).split())
    text = _MENTION.sub("(at)", text.replace("://", ": //"))
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def faults_in_words(row: Row) -> str:
    """What is wrong with a row of sql/app/tag_violations.sql: `set team; env is “Prod” but must be prod`."""
    said = []
    if row["missing_keys"]:
        said.append(f"set {_listed(row['missing_keys'])}")
    if row["blank_keys"]:
        said.append(f"give {_listed(row['blank_keys'])} a value")
    for wrong in row["wrong_values"]:
        nearest = nearest_allowed(wrong["value"], wrong["allowed"])
        what = f"{neutral(wrong['key'])} is “{neutral(wrong['value'])}”"
        if nearest is not None:
            said.append(f"{what}: write “{neutral(nearest)}”")
        else:
            values = [neutral(each) for each in wrong["allowed"][:_MOST_VALUES]]
            more = " or another allowed value" if len(wrong["allowed"]) > _MOST_VALUES else ""
            said.append(f"{what}: it must be {any_of(values)}{more}")
    return "; ".join(said)


def owner_message(owner: str | None, rows: Sequence[Row]) -> str:
    """The text to send to an owner.

    Args:
        owner: who it is for; None: whoever knows these resources.
        rows: their rows of sql/app/tag_violations.sql, most expensive first, at least one.
    """
    first, last = min(row["from_date"] for row in rows), max(row["to_date"] for row in rows)
    total = sum((row["violating_cost_usd"] for row in rows), Decimal(0))
    what = "1 resource needs" if len(rows) == 1 else f"{len(rows)} resources need"
    lines = [
        f"Hello {neutral(owner) if owner else 'all'},",
        "",
        f"{what} tags. From {first:%d %b %Y} to {last:%d %b %Y} {usd(total)} had none or wrong ones:",
        "",
    ]
    for number, row in enumerate(rows[:NAMED_RESOURCES], 1):
        where = neutral(row["workspace_name"] or row["workspace_id"])
        name = "" if row["resource_kind"] == "product" else f" “{neutral(row['resource_name'])}”"
        kind = f"{neutral(row['resource_name'])} usage" if not name else row["resource_kind"].replace("_", " ")
        cost = usd(row["violating_cost_usd"])
        lines.append(f"{number}. {kind}{name} in {where}, {cost}: {faults_in_words(row)}.")
    further = rows[NAMED_RESOURCES:]
    if further:
        rest = sum((row["violating_cost_usd"] for row in further), Decimal(0))
        lines.append(f"and {len(further)} more, {usd(rest)}.")
    lines += [
        "",
        "Set them where the resource is configured; serverless notebooks and apps get theirs from a usage policy. "
        "New usage counts within a day.",
    ]
    return "\n".join(lines)


def _folded(value: str) -> str:
    """Letters and digits alone, in one case."""
    return "".join(each for each in unicodedata.normalize("NFKC", value).casefold() if each.isalnum())


def _listed(keys: Sequence[str]) -> str:
    *first, last = map(neutral, keys)
    return f"{', '.join(first)} and {last}" if first else last
