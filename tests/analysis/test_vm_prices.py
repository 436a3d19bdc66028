"""What machines cost: a file of the user's is read exactly or refused with every fault, and goes before estimates."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costpulse_assets.analysis.vm_prices import VmPrice, estimated_vm_prices, load_vm_prices, read_vm_prices
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account.model import NODE_SHAPE

HEADING = "cloud,region,node_type,usd_per_hour,valid_from\n"


def read(text: str) -> list[VmPrice]:
    return read_vm_prices(text.encode(), "prices.csv")


def test_a_file_is_read_with_every_digit_and_what_is_left_out_holds_everywhere_and_always() -> None:
    assert read(HEADING + "aws,eu-west-1,i3.xlarge,0.123456789012345678,2026-02-03\n Azure ,, Standard_X ,0,\n") == [
        VmPrice(
            cloud="AWS",
            region="eu-west-1",
            node_type="i3.xlarge",
            usd_per_hour=Decimal("0.123456789012345678"),
            valid_from=date(2026, 2, 3),
        ),
        VmPrice(cloud="AZURE", region=None, node_type="Standard_X", usd_per_hour=Decimal(0)),
    ]
    assert read("node_type;cloud;usd_per_hour\ni3.xlarge;GCP;1\n")[0].cloud == "GCP"
    assert read(HEADING) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("AWS,,i3.xlarge,free,", ("prices.csv, line 3", "usd_per_hour", "free")),
        ("AWS,,i3.xlarge,-1,", ("line 3", "usd_per_hour", "-1", "greater than or equal to 0")),
        ("AWS,,i3.xlarge,NaN,", ("line 3", "usd_per_hour", "NaN")),
        ("AWS,,i3.xlarge,1e9,", ("line 3", "usd_per_hour", "1e9", "10000")),
        ("AWS,,i3.xlarge,0.1234567890123456789,", ("line 3", "usd_per_hour", "18")),
        ("AWS,,i3.xlarge,,", ("line 3", "usd_per_hour")),
        ("AWS,,,1,", ("line 3", "node_type")),
        ("Oracle,,i3.xlarge,1,", ("line 3", "cloud", "ORACLE", "'AWS', 'AZURE' or 'GCP'")),
        ("AWS,,i3.xlarge,1,2026-02-30", ("line 3", "valid_from", "2026-02-30")),
        ("AWS,,i3.xlarge,1,1999-01-01", ("line 3", "valid_from", "1999-01-01", "2020-01-01")),
        ("AWS,,i3.xlarge,1", ("line 3", "has 4 values instead of 5")),
        ("aws, ,m5.large,2,2020-01-01", ("line 3", "node_type", "m5.large", "already", "line 2")),
    ],
)
def test_a_line_that_is_wrong_is_named_with_column_value_and_reason(line: str, said: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        read(f"{HEADING}AWS,,m5.large,1,\n{line}\n")
    assert all(part in refused.value.message for part in said), refused.value.message


def test_every_fault_of_a_file_is_said_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        read(HEADING + "AWS,,a,x,\nAWS,,b,1,\nAWS,,c,y,\n")
    assert [line.partition(":")[0] for line in refused.value.message.splitlines()] == [
        "prices.csv, line 2",
        "prices.csv, line 4",
    ]


def test_a_column_that_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(BadInput, match=r"'price'(?s:.)*'usd_per_hour' is missing"):
        read("cloud,node_type,price\nAWS,a,1\n")


def test_the_estimates_have_each_machine_once_and_every_one_of_the_demo_account() -> None:
    known = [(price.cloud, price.node_type) for price in estimated_vm_prices()]
    assert len(set(known)) == len(known)
    assert {name for _, name in known} >= NODE_SHAPE.keys()
    assert all(cloud == ("AZURE" if name.startswith("Standard_") else "AWS") for cloud, name in known)


def price(database: Database, *arguments: Any) -> tuple[Any, ...] | None:
    with database.transaction() as connection:
        row = connection.execute("select * from costpulse.vm_price_in_force(%s, %s, %s, %s)", arguments).fetchone()
    return row and tuple(row.values())


def test_a_price_of_the_user_goes_before_an_estimate_and_one_of_the_region_before_one_of_all(
    database_url: str, tmp_path: Path
) -> None:
    database = Database(database_url)
    file = tmp_path / "prices.csv"
    file.write_text(
        HEADING
        + "AWS,,i3.xlarge,0.3,2026-01-01\nAWS,,i3.xlarge,0.2,2026-06-01\nAWS,eu-west-1,i3.xlarge,0.25,2026-01-01\n"
    )
    assert load_vm_prices(database, file) == {"user": 3, "estimate": len(estimated_vm_prices())}
    estimate = next(each.usd_per_hour for each in estimated_vm_prices() if each.node_type == "i3.xlarge")
    day = date(2026, 7, 1)
    assert price(database, "AWS", "eu-west-1", "i3.xlarge", day) == (Decimal("0.25"), "user")
    assert price(database, "aws", "us-east-1", "i3.xlarge", day) == (Decimal("0.2"), "user")
    assert price(database, "AWS", None, "i3.xlarge", date(2026, 5, 31)) == (Decimal("0.3"), "user")
    assert price(database, "AWS", "us-east-1", "i3.xlarge", date(2025, 12, 31)) == (estimate, "estimate")
    assert price(database, "AZURE", "eastus", "i3.xlarge", day) is None
    assert price(database, "AWS", "us-east-1", "x9.none", day) is None


def test_loading_again_replaces_and_a_file_that_is_wrong_changes_nothing(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    file = tmp_path / "prices.csv"
    file.write_text("cloud,node_type,usd_per_hour\nAWS,i3.xlarge,0.3\n")
    load_vm_prices(database, file)
    file.write_text("cloud,node_type,usd_per_hour\nAWS,i3.xlarge,cheap\n")
    with pytest.raises(BadInput):
        load_vm_prices(database, file)
    day = date(2026, 7, 1)
    assert price(database, "AWS", None, "i3.xlarge", day) == (Decimal("0.3"), "user")
    load_vm_prices(database, None)
    loaded = price(database, "AWS", None, "i3.xlarge", day)
    assert loaded is not None
    assert loaded[1] == "estimate"


def test_a_file_that_is_not_there_is_named(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file") as refused:
        load_vm_prices(Database(database_url), tmp_path / "none.csv")
    assert "COSTPULSE_VM_PRICES" in refused.value.next_step
