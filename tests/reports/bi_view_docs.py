"""Writes the part of docs/bi-views.md that is the comments of the database: `python -m tests.reports.bi_view_docs`."""

import tempfile
from itertools import groupby
from pathlib import Path

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.resources.migrations import migrate

PAGE = Path(__file__).parents[2] / "docs" / "bi-views.md"
#: What people wrote stands above this line.
MARKER = "## The views\n"

_COLUMNS = """
select
    c.relname as view_name,
    obj_description(c.oid, 'pg_class') as view_description,
    a.attname as column_name,
    format_type(a.atttypid, a.atttypmod) as column_type,
    col_description(c.oid, a.attnum) as description
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
where
    c.relnamespace = 'costpulse'::regnamespace
    and c.relkind = 'v'
    and starts_with(c.relname, 'v_')
    and a.attnum > 0
order by c.relname, a.attnum
"""


def view_columns(database: Database) -> list[dict[str, str]]:
    """One entry per view for BI tools and column."""
    with database.transaction() as connection:
        return connection.execute(_COLUMNS.encode()).fetchall()


def view_sections(database: Database) -> str:
    """The views as Markdown: a section and a table each."""
    sections = [MARKER]
    for (name, description), columns in groupby(
        view_columns(database), lambda row: (row["view_name"], row["view_description"])
    ):
        sections.append(f"\n### {name}\n\n{description}\n\n| column | type | holds |\n|---|---|---|\n")
        sections += (
            f"| `{column['column_name']}` | {column['column_type']} | {column['description']} |\n" for column in columns
        )
    return "".join(sections)


if __name__ == "__main__":
    written = PAGE.read_text().split(MARKER)[0]
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url())
        PAGE.write_text(written + view_sections(Database(server.url())))
