"""What machines cost at the cloud provider, which no system table says: a file of the user's, and shipped estimates."""

import csv
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from costpulse_assets.allocation.csv_tables import fitted, read_table
from costpulse_assets.allocation.problems import BadRuleSet, Problem
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Database, run

COLUMNS = ("cloud", "region", "node_type", "usd_per_hour", "valid_from")
_REQUIRED = ("cloud", "node_type", "usd_per_hour")
#: Every machine of three clouds in every region, several times over.
_MOST_ROWS = 100_000
_ESTIMATES = Path(__file__).with_name("vm_price_estimates.csv")
#: From when on a price holds that says no day: older than anything that is collected.
_ALWAYS = date(2020, 1, 1)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class VmPrice(BaseModel):
    """What a machine costs an hour, without Databricks.

    Attributes:
        cloud: AWS, AZURE or GCP, in any case.
        region: of the cloud provider; None: every region.
        node_type: name of the machine, as `node_types` has it.
        usd_per_hour: USD of one machine and hour.
        valid_from: first day (UTC), until a newer price of the same begins.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cloud: Annotated[Literal["AWS", "AZURE", "GCP"], BeforeValidator(_upper)]
    region: str | None = None
    node_type: str
    usd_per_hour: Decimal = Field(ge=0, le=10_000, decimal_places=18)
    valid_from: Annotated[
        date, Field(ge=_ALWAYS, le=date(2999, 12, 31)), BeforeValidator(lambda value: value or _ALWAYS)
    ] = _ALWAYS


def read_vm_prices(content: bytes, name: str) -> list[VmPrice]:
    """The prices in a CSV file with the columns of `COLUMNS`, of which region and valid_from may be missing.

    Args:
        content: CSV in UTF-8 with a heading.
        name: what the file is called in messages.

    Raises:
        BadInput: with file, line, column, value and reason of everything that is wrong.
    """
    table = read_table(content, name, COLUMNS, required=_REQUIRED, at_most=_MOST_ROWS)
    stripped = [{column: cell and cell.strip() for column, cell in row.items()} for row in table.value]
    prices = fitted(TypeAdapter(list[VmPrice]), replace(table, value=stripped))
    seen: dict[tuple[object, ...], str] = {}
    twice = []
    for place, price in enumerate(prices):
        key = (price.cloud, price.region, price.node_type, price.valid_from)
        where = table.where((place,))
        if key in seen:
            reason = f"has a price for this cloud, region and day already: {seen[key]}"
            twice.append(Problem(where, "node_type", price.node_type, reason))
        seen.setdefault(key, where)
    if twice:
        raise BadRuleSet(twice)
    return prices


def estimated_vm_prices() -> list[VmPrice]:
    """The prices shipped with CostPulse: about what machines cost on demand in us-east-1 and East US, with Linux."""
    with _ESTIMATES.open(encoding="utf-8", newline="") as file:
        return [VmPrice.model_validate(row) for row in csv.DictReader(file)]


def load_vm_prices(database: Database, path: Path | None) -> dict[str, int]:
    """Replaces the stored prices by those of the file and the shipped estimates, in one transaction.

    Args:
        database: as the owner.
        path: the user's file; None: only estimates.

    Returns:
        How many prices there are by source, user and estimate.

    Raises:
        BadInput: the file cannot be read, or something in it is wrong; nothing was changed.
    """
    prices = {"user": [] if path is None else _read_file(path), "estimate": estimated_vm_prices()}
    with database.writing() as connection:
        connection.execute("delete from costpulse.vm_prices")
        for source, of_source in prices.items():
            parameters = {
                "source": source,
                "clouds": [price.cloud for price in of_source],
                "regions": [price.region for price in of_source],
                "node_types": [price.node_type for price in of_source],
                "usd_per_hours": [price.usd_per_hour for price in of_source],
                "valid_froms": [price.valid_from for price in of_source],
            }
            run(connection, "transform/vm_prices", parameters)
    return {source: len(of_source) for source, of_source in prices.items()}


def _read_file(path: Path) -> list[VmPrice]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"The prices of machines cannot be read from {path}: {error.strerror}.",
            next_step="Correct COSTPULSE_VM_PRICES, or unset it to use estimates.",
        ) from error
    return read_vm_prices(content, path.name)
