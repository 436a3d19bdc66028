"""The SQL files: `sql/` beside the packages in a checkout, inside the package when installed."""

import re
from functools import cache
from pathlib import Path

from costpulse_assets.errors import BadInput

_PACKAGE = Path(__file__).resolve().parents[1]

#: The folder of migrations/, collect/, transform/, app/ and checks/.
SQL_DIR: Path = _PACKAGE / "sql" if (_PACKAGE / "sql").is_dir() else _PACKAGE.parent / "sql"


@cache
def load_sql(name: str) -> str:
    """The text of one SQL file.

    Args:
        name: path below `sql/` without the ending, e.g. "collect/cost_records".

    Raises:
        BadInput: there is no such file.
    """
    path = SQL_DIR / f"{name}.sql"
    if not re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_]+)*", name) or not path.is_file():
        raise BadInput(
            f"There is no SQL file named {name!r}.",
            next_step=f"Name a file below {SQL_DIR} without .sql, such as collect/cost_records.",
        )
    return path.read_text(encoding="utf-8")
