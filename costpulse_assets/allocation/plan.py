"""What an apply does, in words: an object that is created, changed or deleted, field by field."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.text_files import plain_number


@dataclass(frozen=True)
class Change:
    """One object that is created, changed or deleted; `details` says in words what it has or gets."""

    action: Literal["create", "change", "delete"]
    kind: str
    name: str
    details: tuple[str, ...] = ()


def change_in_words(kind: str, name: str, before: BaseModel | None, after: BaseModel | None) -> Change:
    """What makes one document of another; None where there is none."""
    if after is None:
        return Change("delete", kind, name)
    if before is None:
        return Change("create", kind, name, tuple(_differences({}, _fields(after))))
    # With defaults, so that a field that goes back to its default is seen to change.
    old, new = ({**each.model_dump(exclude={"name"}), **_fields(each)} for each in (before, after))
    return Change("change", kind, name, tuple(_differences(old, new)))


def changes_in_words(
    kind: str, before: Mapping[Any, BaseModel], after: Mapping[Any, BaseModel], name: Callable[[Any], str]
) -> Iterator[Change]:
    """Every document that differs, by key; `name` says what it is called in the plan."""
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if old != new:
            yield change_in_words(kind, name(new or old), old, new)


def _fields(document: BaseModel) -> dict[str, Any]:
    """What a document has beside its name and defaults; conditions in words."""
    fields = document.model_dump(exclude={"name"}, exclude_defaults=True)
    if "conditions" in fields:
        fields["conditions"] = RULE_TYPES[fields["rule_type"]].describe(fields["conditions"])
    return fields


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for field in {**after, **before}:
        old, new = before.get(field), after.get(field)
        label = field.replace("_", " ")
        if old == new:
            continue
        if isinstance(old or new, tuple):
            parts = [f"+{_words(each)}" for each in new or () if each not in (old or ())]
            parts += [f"-{_words(each)}" for each in old or () if each not in (new or ())]
            yield f"{label}: {', '.join(parts)}"
        elif old is None:
            yield f"{label}: {_words(new)}"
        else:
            yield f"{label}: {_words(old)} -> {'none' if new is None else _words(new)}"


def _words(value: Any) -> str:
    """One value on one line."""
    if isinstance(value, Mapping):
        if not value:
            return "none"
        return " ".join(f"{key}={_words(each)}" for key, each in value.items() if each is not None)
    if isinstance(value, tuple):
        return ",".join(map(_words, value))
    return plain_number(value) if isinstance(value, Decimal) else " ".join(str(value).split())
