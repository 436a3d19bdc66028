"""Rows that COPY sends, as Arrow tables of one row group each, in bounded memory."""

from collections.abc import Iterator

import psycopg
import pyarrow as pa
from pyarrow import csv

#: Rows of a row group.
ROW_GROUP = 128 * 1024
_PARSED_AT_ONCE = 8 * 1024


def row_groups(copy: psycopg.Copy, schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables of ROW_GROUP rows, the last one of fewer; none where there is no row.

    Args:
        copy: of `copy … to stdout (format csv)` without a header: Arrow reads CSV far faster than rows from Python. An
            unquoted nothing is NULL, a quoted one the empty text.
        schema: names and types of the columns, in their order.
    """
    text, parsed, row_count = bytearray(), [], 0
    for row in copy:
        text += row
        row_count += 1
        # As CSV a row takes more room than parsed.
        if row_count % _PARSED_AT_ONCE == 0:
            parsed.append(_parsed(text, schema))
            text = bytearray()
        if row_count == ROW_GROUP:
            group, parsed, row_count = pa.concat_tables(parsed), [], 0
            yield group
            # Held no longer than its writer needs it.
            del group
    if text:
        parsed.append(_parsed(text, schema))
    if parsed:
        yield pa.concat_tables(parsed)


def _parsed(text: bytearray, schema: pa.Schema) -> pa.Table:
    return csv.read_csv(
        pa.py_buffer(text),
        # One thread keeps up with the server, and more of them take more memory.
        read_options=csv.ReadOptions(column_names=schema.names, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
