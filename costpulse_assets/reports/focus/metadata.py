"""The metadata that FOCUS wants beside the data: who made it, of what columns it is, and how complete its days are."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version as version_of
from typing import Any
from uuid import UUID, uuid5

from costpulse_assets.reports.focus.columns import CREATED_AT, FocusColumn, Version, columns_of

_NAMESPACE = UUID("8f1d2c1e-6b0e-5f7c-9a53-0c7d0a4f6f11")
_DATA_TYPES = {"text": "STRING", "decimal": "DECIMAL", "time": "DATETIME", "key_value": "JSON", "json": "JSON"}
_DEPRECATED = ("ProviderName", "PublisherName")


@dataclass(frozen=True)
class Sector:
    """A usage day (UTC): when it was last collected, and whether no more usage of it is expected."""

    usage_date: date
    collected_at: datetime
    is_complete: bool


def schema_id(version: Version, account_id: str) -> str:
    """The GUID of the schema that files of this version have now: the same for the same columns and software."""
    return str(_schema(version, account_id)["SchemaId"])


def document(
    version: Version,
    account_id: str,
    sectors: Iterable[Sector],
    *,
    made_at: datetime,
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The metadata document of an export.

    Args:
        version: of FOCUS; 1.2 knows neither instances nor recency.
        account_id: whose bill it is.
        sectors: the days of usage, in order.
        made_at: when the export was made.
        previous: the document that lies there already; its schemas stay, the newest comes last.

    Returns:
        What is written as JSON; equal input gives an equal document.
    """
    schema = _schema(version, account_id)
    known = [each for each in (previous or {}).get("Schema", []) if each.get("SchemaId") != schema["SchemaId"]]
    made: dict[str, Any] = {"DataGenerator": {"DataGenerator": "CostPulse"}, "Schema": [*known, schema]}
    if version == "1.2":
        return made
    instance = _instance_id(account_id)
    made["DatasetInstance"] = [
        {
            "DatasetInstanceId": instance,
            "DatasetInstanceName": f"Databricks account {account_id}",
            "FocusDatasetId": "CostAndUsage",
        }
    ]
    days = list(sectors)
    if days:
        made["Recency"] = [
            {
                "DatasetInstanceId": instance,
                "DatasetInstanceLastUpdated": _time(max(day.collected_at for day in days)),
                "RecencyLastUpdated": _time(made_at),
                "TimeSectors": [
                    {
                        "TimeSectorStart": _time(_midnight(day.usage_date)),
                        "TimeSectorEnd": _time(_midnight(day.usage_date + timedelta(days=1))),
                        "TimeSectorLastUpdated": _time(day.collected_at),
                        "TimeSectorComplete": day.is_complete,
                    }
                    for day in days
                ],
            }
        ]
    return made


def as_json(made: Mapping[str, Any]) -> str:
    """A document as it is written."""
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _schema(version: Version, account_id: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "FocusVersion": version,
        "DataGeneratorVersion": f"{version_of('costpulse')}+focus.{version}",
        "CreationDate": _time(CREATED_AT),
        "ColumnDefinition": [_definition(column, version) for column in columns_of(version)],
    }
    if version != "1.2":
        content["DatasetInstanceId"] = _instance_id(account_id)
    identity = json.dumps([account_id, content], sort_keys=True)
    return {"SchemaId": str(uuid5(_NAMESPACE, identity)), **content}


def _definition(column: FocusColumn, version: Version) -> dict[str, Any]:
    definition: dict[str, Any] = {"ColumnName": column.name, "DataType": _DATA_TYPES[column.type]}
    if column.type == "decimal":
        definition |= {"NumericPrecision": 38, "NumberScale": 18}
    if column.type == "text":
        definition["StringEncoding"] = "UTF-8"
    if column.name == "Tags":
        # No key is made by Databricks: all of them are the users' own.
        definition["ProviderTagPrefixes"] = []
    if column.name in _DEPRECATED and version == "1.3":
        definition["Deprecated"] = True
    return definition


def _instance_id(account_id: str) -> str:
    return str(uuid5(_NAMESPACE, f"{account_id}/CostAndUsage"))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
