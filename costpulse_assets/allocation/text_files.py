"""Files that people hand in, YAML and CSV: every value as they typed it, every place with its file and line.

What a value means is for the document's model to say. So `0123` stays a cost center, `33.3` is exact, and a workspace
id keeps its digits, quoted or not.
"""

import csv
import io
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

from costpulse_assets.errors import BadInput

#: Keys and positions from the top of the document down, e.g. ("rules", 3, "team").
Place = tuple[str | int, ...]

WEIGHT_COLUMNS = ("team", "weight", "valid_from", "valid_to")

_NULL = "tag:yaml.org,2002:null"
#: What a value without a tag may be taken for; all of it is text here.
_TAGS = {
    _NULL,
    *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "bool", "int", "float", "timestamp", "merge", "value")),
    *(f"tag:yaml.org,2002:{kind}" for kind in ("seq", "map")),
}


@dataclass(frozen=True)
class TextFile:
    """A document made of dicts, lists, text and None; `places` says where each of them begins ("a.yaml, line 3")."""

    name: str
    value: Any = None
    places: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """File and line of a place; of what is missing, where it is missing."""
        while place and place not in self.places:
            place = place[:-1]
        return self.places.get(place, self.name)


def read_yaml(content: bytes, name: str) -> TextFile:
    """The one document in a file.

    Raises:
        BadInput: it is not UTF-8 or not YAML, or holds what nobody expects to be there: a key twice, aliases, tags,
            several documents, characters that PostgreSQL cannot store.
    """
    text = decoded(content, name)
    places: dict[Place, str] = {}

    def value(node: yaml.Node, place: Place) -> Any:
        places[place] = _line(name, node.start_mark.line + 1)
        if node.tag not in _TAGS:
            raise yaml.MarkedYAMLError(problem=f"the tag {node.tag!r} means nothing here", problem_mark=node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            return [value(each, (*place, index)) for index, each in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = _scalar(key_node)
                if key in found:
                    problem = f"the key {key!r} is there twice"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
                found[key] = value(value_node, (*place, key))
                places[*place, key] = _line(name, key_node.start_mark.line + 1)
            return found
        return None if node.tag == _NULL else _scalar(node)

    try:
        node = _Loader(text).get_single_node()
        return TextFile(name, None if node is None else value(node, ()), places)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(filter(None, (error.context, error.problem)))
        raise _refused(_line(name, 1 if mark is None else mark.line + 1), reason) from error
    except yaml.reader.ReaderError as error:
        where = _line(name, text.count("\n", 0, error.position) + 1)
        raise _refused(where, f"the character {text[error.position]!r} is not allowed in YAML") from error
    except RecursionError as error:
        raise _refused(name, "it is nested too deeply") from error


def write_yaml(value: Any) -> str:
    """The YAML text of dicts, lists, text, numbers, days and None; equal values are equal texts."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=120)


def plain_number(value: Decimal) -> str:
    """Every digit of a number, and no zeros at its end that say nothing."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_weights(content: bytes, name: str) -> TextFile:
    """Rows of a CSV file `team,weight,valid_from,valid_to`, as a list of dicts; an empty cell is None.

    Raises:
        BadInput: it is not UTF-8 or not such a table.
    """
    rows = csv.reader(io.StringIO(decoded(content, name), newline=""), strict=True)
    found: list[dict[str, str | None]] = []
    places: dict[Place, str] = {}
    try:
        heading = tuple(next(rows, ()))
        if heading != WEIGHT_COLUMNS:
            raise _refused(_line(name, 1), f"it is {','.join(heading)!r} instead of {','.join(WEIGHT_COLUMNS)!r}")
        for row in rows:
            if not row:
                continue  # an empty line
            where = _line(name, rows.line_num)
            if len(row) != len(WEIGHT_COLUMNS):
                raise _refused(where, f"it has {len(row)} values instead of {len(WEIGHT_COLUMNS)}")
            if "\0" in "".join(row):
                raise _refused(where, "it holds a character that cannot be stored")
            places[len(found),] = where
            found.append(dict(zip(WEIGHT_COLUMNS, (cell.strip() or None for cell in row), strict=True)))
    except csv.Error as error:
        raise _refused(_line(name, rows.line_num), str(error)) from error
    return TextFile(name, found, places)


def decoded(content: bytes, name: str) -> str:
    """The text of a UTF-8 file, without the byte order mark that some editors put before it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = _line(name, error.object.count(b"\n", 0, error.start) + 1)
        raise _refused(where, f"the byte {error.object[error.start]:#04x} is not UTF-8", "Save it as UTF-8") from error


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a key must be one word", problem_mark=node.start_mark)
    text: str = node.value
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        problem = f"{text!r} holds a character that cannot be stored"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return text


def _line(name: str, number: int) -> str:
    return f"{name}, line {number}"


def _refused(where: str, reason: str, remedy: str = "Correct it") -> BadInput:
    return BadInput(f"{where}: {reason}.", next_step=f"{remedy}; nothing was changed.")


class _Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them make gigabytes, and nobody sees what they stand for."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not accepted, write it out", problem_mark=alias.start_mark)
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """Lists stand below their key, indented; numbers are plain."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = plain_number(value)
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # PyYAML writes these line breaks as they are, and reads them back as others.
    style = '"' if any(each in value for each in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Decimal, _represent_decimal)
_Dumper.add_representer(date, yaml.SafeDumper.represent_date)
