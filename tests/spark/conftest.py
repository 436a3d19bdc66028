"""One Spark session for the dialect tests, or a skip that says what is missing."""

import importlib.util
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costpulse_assets.resources.source import Parameter, Source


def _java_major() -> int | None:
    java = shutil.which("java")
    if java is None:
        return None
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else None


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Apache Spark 4 in this process, one core, in UTC, with nothing but its built-in SQL."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip('pyspark is not installed: pip install -c requirements.lock -e ".[spark]"')
    java = _java_major()
    if java is None or java < 17:
        pytest.skip(f"Spark 4 needs a Java runtime of version 17 or newer, found {java or 'none'}")
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    settings: dict[str, bool | float | int | str | None] = {
        "spark.driver.memory": "1g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.pyspark.python": sys.executable,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    yield session
    session.stop()


class SparkSource:
    """A `Source` over Spark: the tables of another source, copied as Parquet."""

    name = "spark"

    def __init__(self, spark: Any, folder: Path) -> None:
        self._spark = spark
        self._folder = folder

    def load(self, table: str, rows: pa.Table) -> None:
        """Hold `rows` as a table such as billing.usage, with the column types they have."""
        schema, _, name = table.rpartition(".")
        file = self._folder / f"{name}.parquet"
        pq.write_table(rows, file)
        if schema:
            self._spark.sql(f"create database if not exists {schema}")
        self._spark.sql(f"drop table if exists {table}")
        self._spark.sql(f"create table {table} using parquet location '{file}'")

    def fetch(self, statement: str, parameters: dict[str, Parameter] | None = None) -> pa.Table:
        """The result of a statement; three-part names lose their catalog, all else is unchanged."""
        with warnings.catch_warnings():
            # Spark warns about pandas 3 although the Arrow result never touches pandas.
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            return self._spark.sql(re.sub(r"\bsystem\.(?=\w+\.\w)", "", statement), args=parameters or {}).toArrow()


@pytest.fixture(scope="session")
def on_spark(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> SparkSource:
    return SparkSource(spark, tmp_path_factory.mktemp("tables"))


def table_of(source: Source, statement: str, parameters: dict[str, Parameter] | None = None) -> pa.Table:
    """The whole result of a statement."""
    return source.fetch(statement, parameters).read_all()


def assert_same(expected: pa.Table, actual: pa.Table) -> None:
    """Same columns, same types (decimal precision and scale included), same rows in any order."""
    assert [(field.name, field.type) for field in actual.schema] == [
        (field.name, field.type) for field in expected.schema
    ]
    assert _rows(actual) == _rows(expected)


def _rows(table: pa.Table) -> list[str]:
    # repr tells Decimal('1.0') from Decimal('1.00'): scale is part of the value here.
    return sorted(map(repr, zip(*(column.to_pylist() for column in table.columns), strict=True)))
