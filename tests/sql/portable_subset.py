"""The portable subset of Databricks SQL: its allow-list, and which parts of it a statement uses."""

import re
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import exp

ALLOW_LIST = Path(__file__).with_name("portable_functions.txt")


@dataclass(frozen=True)
class Entry:
    """One allowed function or construct; proof is an expression, or None when whole statements prove it."""

    name: str
    proof: str | None
    comment: str


def allow_list() -> list[Entry]:
    """The entries of portable_functions.txt, in order."""
    entries = []
    for line in ALLOW_LIST.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, proof, comment = (part.strip() for part in line.split(" | "))
            entries.append(Entry(name, None if proof == "-" else proof, comment))
    return entries


def parts_of(statement: str) -> set[str]:
    """The functions and constructs a Databricks statement is made of, by the names of the allow-list."""
    return {_name(node) for node in sqlglot.parse_one(statement, dialect="databricks").walk()}


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Cast):
        return "cast as " + node.to.sql("databricks").partition("(")[0].lower()
    if isinstance(node, exp.If) and isinstance(node.parent, exp.Case):
        return "case"
    if isinstance(node, exp.Func) and (call := re.match(r"(\w+)\(", node.sql("databricks"))):
        return call[1].lower()
    if isinstance(node, exp.Column) and len(node.parts) > 2:
        return "field"  # alias.struct.field
    return str(node.key)
