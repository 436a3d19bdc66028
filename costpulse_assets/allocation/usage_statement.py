"""The Databricks statement that fetches the usage behind an attribution key, for whoever wants to see the records.

It undoes what sql/collect/cost_records.sql does to make a key out of a record, so it finds exactly the key's records.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

#: resource_type of a key: what of usage_metadata makes its resource_id, in the order in which the first one counts.
_RESOURCES = {
    "notebook": "u.usage_metadata.notebook_id",
    "app": "u.usage_metadata.app_id",
    "database_instance": "u.usage_metadata.database_instance_id",
    "clean_room": "u.usage_metadata.central_clean_room_id",
    "table": "u.usage_metadata.uc_table_name",
    "sharing_materialization": "u.usage_metadata.sharing_materialization_id",
    "training_run": "u.usage_metadata.run_name",
    "private_endpoint": "u.usage_metadata.private_endpoint_name",
    "metastore": "u.usage_metadata.metastore_id",
    "network_route": "u.usage_metadata.destination_region",
}
_COMPOSED = {
    "table": "concat(coalesce(u.usage_metadata.uc_table_catalog, ''), '.', "
    "coalesce(u.usage_metadata.uc_table_schema, ''), '.', u.usage_metadata.uc_table_name)",
    "network_route": "concat(coalesce(u.usage_metadata.source_region, ''), ' -> ', "
    "u.usage_metadata.destination_region)",
}
_IDENTITIES = {
    "run_as": "u.identity_metadata.run_as",
    "owned_by": "u.identity_metadata.owned_by",
    "created_by": "u.identity_metadata.created_by",
}
_SAME_NAME = {
    "account_id": "u.account_id",
    "workspace_id": "u.workspace_id",
    "usage_type": "u.usage_type",
    "cluster_id": "u.usage_metadata.cluster_id",
    "warehouse_id": "u.usage_metadata.warehouse_id",
    "job_id": "u.usage_metadata.job_id",
    "pipeline_id": "u.usage_metadata.dlt_pipeline_id",
    "endpoint_name": "u.usage_metadata.endpoint_name",
}
_HASH = re.compile(r"[0-9a-f]{24}(@.*)?")


def usage_statement(
    day: date, key: Mapping[str, Any], sku_name: str, usage_unit: str, *, identities_are_hashed: bool = False
) -> str:
    """Databricks SQL that returns the records of system.billing.usage behind a key, SKU and unit on a day.

    Args:
        day: usage day.
        key: the key's row of cost_keys.
        sku_name: SKU.
        usage_unit: unit.
        identities_are_hashed: who ran it is not known in clear, so it cannot be asked for; records of others that are
            alike in everything else come along, and a comment says so.
    """
    conditions = [
        f"u.usage_date = date '{day:%Y-%m-%d}'",
        f"u.sku_name = {literal(sku_name)}",
        f"u.usage_unit = {literal(usage_unit)}",
        *_key_conditions(key, identities_are_hashed),
    ]
    remark = (
        "-- people are stored as hashes: usage of others that is alike comes along\n" if identities_are_hashed else ""
    )
    return (
        f"{remark}select\n    u.record_id, u.usage_start_time, u.usage_end_time, u.record_type, u.ingestion_date,\n"
        "    u.usage_quantity, u.usage_unit\n"
        "from system.billing.usage as u\n"
        "where\n    " + "\n    and ".join(conditions) + "\norder by u.usage_start_time, u.record_id"
    )


def literal(text: str) -> str:
    r"""A Databricks string literal that stands for exactly this text, wherever the statement is pasted.

    Backslashes and quotes are escaped. So are `$` and `{`: notebooks and the SQL editor put values of widgets there
    before the statement is read. A literal takes `\` before any other character as that character. What cannot be
    printed is written out: a terminal would obey it, an editor lose it.
    """
    escaped = re.sub(r"[\\'${]", lambda found: "\\" + found[0], text)
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return "'" + "".join(letter if letter.isprintable() else _written_out(letter) for letter in escaped) + "'"


def _written_out(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def _key_conditions(key: Mapping[str, Any], identities_are_hashed: bool) -> Iterator[str]:
    for name, expression in _SAME_NAME.items():
        yield _equals(expression, key[name])
    is_serverless = key["is_serverless"]
    product = key["product"].removesuffix("_SERVERLESS") if is_serverless else key["product"]
    yield f"coalesce(u.billing_origin_product, 'UNKNOWN') = {literal(product)}"
    yield "u.product_features.is_serverless " + (
        "is null" if is_serverless is None else f"= {str(is_serverless).lower()}"
    )
    yield from _first_of(_RESOURCES, _COMPOSED, key["resource_type"], key["resource_id"])
    user = None if identities_are_hashed else key["user_email"]
    yield from _first_of(_IDENTITIES, {}, key["user_source"], user)
    tags = key["tags"]
    count = "size(map_keys(u.custom_tags))"
    yield f"{count} = {len(tags)}" if tags else f"(u.custom_tags is null or {count} = 0)"
    for name, value in sorted(tags.items()):
        if not (identities_are_hashed and value is not None and _HASH.fullmatch(value)):
            yield _equals(f"u.custom_tags[{literal(name)}]", value)


def _first_of(
    fields: Mapping[str, str], composed: Mapping[str, str], chosen: str | None, value: str | None
) -> Iterator[str]:
    """That `chosen` is the first of the fields that is there, and what it holds where that is known."""
    names = list(fields)
    earlier = [fields[name] for name in (names if chosen is None else names[: names.index(chosen)])]
    if len(earlier) == 1:
        yield f"{earlier[0]} is null"
    elif earlier:
        yield "coalesce(\n        " + ",\n        ".join(earlier) + "\n    ) is null"
    if chosen is not None:
        yield f"{fields[chosen]} is not null" if value is None else _equals(composed.get(chosen, fields[chosen]), value)


def _equals(expression: str, value: str | None) -> str:
    return f"{expression} is null" if value is None else f"{expression} = {literal(value)}"
