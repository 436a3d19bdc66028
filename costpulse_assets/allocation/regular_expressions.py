"""Whether a regular expression typed by a person may be stored: what its text says, and what the database says."""

import re
import string
from collections.abc import Iterable

import psycopg

from costpulse_assets.resources.database import Connection, run

#: Longest expression that is accepted, in characters.
LONGEST = 200
#: How long one may take on all cluster names that are known.
TIME_LIMIT_SECONDS = 2

_PIECE = re.compile(
    r"""
    \\(?P<escaped>.)                                                        # escape
    | \[\^?\]?(?: \[[:.=].*?[:.=]\] | \\. | [^\]\\] )*\]                    # bracket expression
    | (?P<opening>\( (?: \?(?: [:=!] | <[=!] ) )?)
    | (?P<closing>\))
    | (?P<quantifier>[*+?] | \{(?P<least>\d+)(?P<comma>,)?(?P<most>\d+)?\}) \??
    | .
    """,
    re.VERBOSE | re.DOTALL,
)

# The same in lower case for PostgreSQL, for what compares without regard to case, and for us.
_PLAIN = frozenset(string.ascii_letters + string.digits + " -_")


def refusal(expression: str) -> str | None:
    """Why an expression is refused for its text, to follow the name of its field; None if nothing speaks against it."""
    if len(expression) > LONGEST:
        return f"is too long: {len(expression)} characters, at most {LONGEST} are accepted"
    # For each open group, whether something inside of it repeats without limit, or a varying number of times.
    endless, varying = [False], [False]
    of_last_piece = (False, False)
    for piece in _PIECE.finditer(expression):
        position = piece.start() + 1
        inside, of_last_piece = of_last_piece, (False, False)
        if (piece["escaped"] or "").isdigit() and piece["escaped"] != "0":
            return f"refers back to a group at character {position}, which can take very long"
        if piece["opening"]:
            endless.append(False)
            varying.append(False)
        elif piece["closing"]:
            if len(endless) == 1:  # it would close the group that anchors the expression at both ends
                return f"closes at character {position} a group that was not opened"
            of_last_piece = (endless.pop(), varying.pop())
            endless[-1] |= of_last_piece[0]
            varying[-1] |= of_last_piece[1]
        elif piece["quantifier"]:
            is_endless = piece["quantifier"] in "*+" or (piece["comma"] is not None and piece["most"] is None)
            repeats = is_endless or int(piece["most"] or piece["least"] or 1) > 1
            if (repeats and inside[0]) or (is_endless and inside[1]):
                return (
                    f"repeats at character {position} a group in which something repeats already, which can take very "
                    "long: leave one of the two out"
                )
            endless[-1] |= is_endless
            varying[-1] |= repeats and (is_endless or (piece["most"] or piece["least"]) != piece["least"])
    return None


def beginning(expression: str) -> str:
    """The plain characters that every match begins with, without regard to case; empty where that is not certain."""
    plain, is_over, depth = "", False, 0
    for piece in _PIECE.finditer(expression):
        depth += (piece["opening"] is not None) - (piece["closing"] is not None)
        if piece[0] == "|" and depth == 0:
            return ""
        if piece["quantifier"] and not is_over:
            plain = plain[:-1]
        is_over |= piece[0] not in _PLAIN
        if not is_over:
            plain += piece[0]
    # A comment may hold what looks like the beginning of a group.
    return plain if depth == 0 else ""


def refusals_by_database(connection: Connection, expressions: Iterable[str]) -> dict[str, str]:
    """Why PostgreSQL refuses an expression, or takes too long with it; those that it takes are left out.

    Each is tried on all cluster names that are known, in a transaction of its own inside of the caller's.
    """
    found = {}
    for expression in sorted(set(expressions)):
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(
                    "select set_config('statement_timeout', %s, true)", [f"{TIME_LIMIT_SECONDS * 1000:.0f}"]
                )
                run(connection, "transform/try_regular_expression", {"expression": expression})
        except psycopg.errors.InvalidRegularExpression as error:
            message = (error.diag.message_primary or str(error)).removeprefix("invalid regular expression: ")
            found[expression] = f"is no regular expression of PostgreSQL: {message}"
        except psycopg.errors.QueryCanceled:
            found[expression] = f"takes longer than {TIME_LIMIT_SECONDS} seconds on the present cluster names"
    return found
