"""What a rule type consists of; each file beside this one declares one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from costpulse_assets.allocation.rule_types.fields import Field


@dataclass(frozen=True)
class Pattern:
    """What a value is compared with, without regard to case, from its first to its last character.

    - glob: only `*` is special
    - regex: a regular expression of PostgreSQL
    - equal: the value itself, blanks around it left out
    - missing: there is no value; `text` is empty

    An empty `text` of the other kinds matches nothing.
    """

    kind: Literal["glob", "regex", "equal", "missing"]
    text: str = ""

    @property
    def matches_nothing(self) -> bool:
        """Whether there is nothing that it could match."""
        return not self.text and self.kind != "missing"


@dataclass(frozen=True)
class Atom:
    """One of the patterns must match a value of the field; all atoms of a claim must match."""

    field: Field
    #: Compared exactly as stored; "" for other fields than `tag`.
    tag_key: str
    patterns: tuple[Pattern, ...]


def _storable(text: str) -> str:
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds a character that cannot be stored")
    return text


#: Text that PostgreSQL can hold.
Text = Annotated[str, AfterValidator(_storable)]


class Conditions(BaseModel):
    """What a rule of one type asks for. The fields of the model are those of the form, in this order."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    def atoms(self) -> list[Atom]:
        """What must hold, all of it; an empty list holds always."""
        raise NotImplementedError

    def describe(self) -> str:
        """The conditions in words, to follow "cost where": `tag team is etl or etl-*`."""
        raise NotImplementedError

    def protected(self, protect: Callable[[str], str]) -> Self:
        """The same with every identity as the database stores it; unchanged where there are none."""
        return self


@dataclass(frozen=True)
class FormField:
    """One input of the form for a rule type."""

    name: str
    label: str
    help: str
    #: lines: a pattern on each line; text: one line; switch: yes or no; parts: a list of rule types with conditions
    widget: Literal["lines", "text", "switch", "parts"]
    is_required: bool
    example: str


@dataclass(frozen=True)
class RuleType:
    """A kind of rule: what it asks for, in a form, in words, and as patterns over the fields of an attribution key.

    Methods take conditions as they are stored and typed: `{"key": "team", "values": ["etl-*"]}`.
    """

    name: str
    #: What people call it.
    title: str
    #: What it is for and how it compares, in one or two sentences of Markdown.
    documentation: str
    conditions: type[Conditions]
    #: Whether a rule may be of this type; splits may be of any.
    for_rules: bool = True

    def parse(self, conditions: Mapping[str, Any]) -> Conditions:
        """The conditions as their model.

        Raises:
            pydantic.ValidationError: they do not fit it.
        """
        return self.conditions.model_validate(dict(conditions))

    def canonical(self, conditions: Mapping[str, Any]) -> dict[str, Any]:
        """The conditions as they are stored: trimmed, defaults left out. Raises as `parse`."""
        return stored_form(self.parse(conditions))

    def atoms(self, conditions: Mapping[str, Any]) -> list[Atom]:
        """What must hold for a claim, all of it. Raises as `parse`."""
        return self.parse(conditions).atoms()

    def describe(self, conditions: Mapping[str, Any]) -> str:
        """The conditions in words, to follow "cost where". Raises as `parse`."""
        return self.parse(conditions).describe()

    @property
    def form_fields(self) -> tuple[FormField, ...]:
        """The inputs of its form, in order."""
        return tuple(
            FormField(
                name=name,
                label=field.title or name,
                help=field.description or "",
                widget=_WIDGETS.get(str(field.annotation), "parts"),
                is_required=field.is_required(),
                example=str((field.examples or [""])[0]),
            )
            for name, field in self.conditions.model_fields.items()
        )


_WIDGETS: Mapping[str, Literal["lines", "text", "switch"]] = {
    str(tuple[Text, ...]): "lines",
    str(str): "text",
    str(bool): "switch",
}


def stored_form(conditions: Conditions) -> dict[str, Any]:
    """Conditions as they are stored: defaults left out."""
    return conditions.model_dump(mode="json", exclude_defaults=True)


def globs(texts: Iterable[str]) -> tuple[Pattern, ...]:
    """One glob for each text."""
    return tuple(Pattern("glob", text) for text in texts)


def any_of(texts: Iterable[str]) -> str:
    """In words: `a, b or c`."""
    *first, last = texts
    return f"{', '.join(first)} or {last}" if first else last


@dataclass(frozen=True)
class Refusal:
    """A part of a document that does not fit its model."""

    #: "conditions.values.0"
    field: str
    value: str
    #: To follow the field: "must be a list", "is missing".
    reason: str


def refusals(error: ValidationError) -> list[Refusal]:
    """What pydantic refused, in words that follow the name of the field."""
    found = error.errors(include_url=False, include_context=False)
    # What is refused inside of a list leaves the list too short: said once is enough.
    parents = {details["loc"][:end] for details in found for end in range(len(details["loc"]))}
    return [
        Refusal(
            field=".".join(map(str, details["loc"])),
            value="" if details["type"] == "missing" else str(details["input"]),
            reason=_REASONS.get(details["type"])
            or details["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1),
        )
        for details in found
        if details["loc"] not in parents
    ]


_REASONS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "too_short": "must have at least one entry",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "dict_type": "must have fields of its own",
    "model_type": "must have fields of its own",
}
