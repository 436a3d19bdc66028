"""Texts of the data in cells of CSV and Excel: shown as text, whatever they say, and never run as a formula.

The same rules stand twice, once for Python and once for the database that streams CSV by itself; both are made of the
same character classes, which the regular expressions of Python and of PostgreSQL read alike.
"""

import re
from collections.abc import Sequence

from psycopg import sql

#: What Excel can hold in a cell, in UTF-16 units; a longer text is cut and ends with the mark.
LONGEST = 32_767
_MARK = "…"

# Controls, line and paragraph separators, everything that turns the direction of writing, and what XML refuses.
_DROPPED = r"\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
# Blanks, seen and unseen: spreadsheets look behind them.
_BLANK = r" \u00a0\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff"
# The full-width forms too: spreadsheets in East Asian languages take them for the narrow ones.
_FORMULA = r"=+@\-\uff1d\uff0b\uff20\uff0d"
_STARTS_FORMULA = rf"^[{_BLANK}{_DROPPED}]*[{_FORMULA}\t\r]"
_SUSPICIOUS = rf"(^|\|)[{_BLANK}]*[{_FORMULA}]|[{_DROPPED}]"
_ASTRAL = r"[\U00010000-\U0010ffff]"

# Neither a NUL nor half a character can come from the database, but both can from a test or a file.
_STRAY = re.compile("[\0\ud800-\udfff]")
_suspicious = re.compile(_SUSPICIOUS)
_starts_formula = re.compile(_STARTS_FORMULA)
_dropped = re.compile(f"[{_DROPPED}]")
_astral = re.compile(_ASTRAL)


def harmless(text: str) -> str:
    """A text as a cell of CSV or Excel may hold it.

    One that starts like a formula (= + - @, a tab, a carriage return; blanks before it count for nothing) gets a
    leading apostrophe; control characters and marks that turn the direction of writing are dropped; what is longer
    than a cell of Excel is cut and ends with an ellipsis. Numbers do not come here: a negative one is no formula.
    """
    text = _STRAY.sub("", text)
    if _suspicious.search(text):
        apostrophe = "'" if _starts_formula.search(text) else ""
        text = apostrophe + _dropped.sub("", text)
    if len(text) > LONGEST // 2:
        astral = len(_astral.findall(text))
        if len(text) + astral > LONGEST:
            # A character outside the basic plane takes two units; to count them one by one is not worth it.
            text = text[: LONGEST // 2 if astral else LONGEST - 1] + _MARK
    return text


def harmless_sql(text: sql.Composable) -> sql.Composed:
    """The expression that does in the database what `harmless` does; `text` is a column or an expression of text."""
    return sql.SQL(
        "(select case when length(c.text) + c.astral <= {longest} then c.text "
        "else left(c.text, case when c.astral > 0 then {half} else {longest} - 1 end) || {mark} end "
        "from (select d.text, regexp_count(d.text, {astral}) as astral "
        "from (select case when {text} ~ {starts_formula} then '''' else '' end "
        "|| regexp_replace({text}, {dropped}, '', 'g') as text) as d) as c)"
    ).format(
        text=text,
        starts_formula=sql.Literal(_STARTS_FORMULA),
        dropped=sql.Literal(f"[{_DROPPED}]"),
        astral=sql.Literal(_ASTRAL),
        half=sql.Literal(LONGEST // 2),
        longest=sql.Literal(LONGEST),
        mark=sql.Literal(_MARK),
    )


def is_suspicious_sql(texts: Sequence[sql.Composable]) -> sql.Composed:
    """Whether `harmless_sql` might change one of these texts: one cheap look at a row, nearly always false."""
    # A bar inside a text makes a row suspicious without need, never the other way round.
    joined = sql.SQL(" || '|' || ").join(sql.SQL("coalesce({}, '')").format(text) for text in texts)
    return sql.SQL("({joined} ~ {suspicious} or octet_length({joined}) > {half})").format(
        joined=joined, suspicious=sql.Literal(_SUSPICIOUS), half=sql.Literal(LONGEST // 2)
    )
