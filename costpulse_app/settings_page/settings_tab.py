"""How it is set: every setting with its value and its environment variable; never a secret."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from pydantic import BaseModel, SecretStr

from costpulse_app import db, formats, parts
from costpulse_assets.settings import Settings

#: Heading of each group of settings, by the first one that is in it.
GROUPS = {
    "database_url": "Database",
    "databricks_host": "Databricks",
    "demo": "Demo account",
    "collect_cron": "Collection",
    "analysis_days": "Analysis",
    "hash_identities": "Identities",
    "app_host": "Running",
    "oidc_metadata_url": "Sign-in",
    "api_requests_per_minute": "API",
    "reports_dir": "Reports",
    "slack_webhook_url": "Messages",
}
_SET, _NOT_SET = "set", "not set"


def show() -> None:
    """Draw the tab."""
    settings = db.settings()
    st.markdown(
        "Settings are environment variables, or lines of a .env file; they are read when CostPulse starts and cannot "
        "be changed here. Of a secret only whether it is set is shown."
    )
    rows = rows_of(settings)
    for group in GROUPS.values():
        st.subheader(group, anchor=False)
        parts.table(
            [{name: value for name, value in row.items() if name != "Group"} for row in rows if row["Group"] == group],
            key=f"s_group_{group}",
            alt=f"Settings of {group} with value, environment variable, and whether it is the default",
            columns={
                "Value": st.column_config.TextColumn(width="medium"),
                "What it does": st.column_config.TextColumn(width="large"),
            },
            height="content",
        )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "costpulse-settings.csv",
        "text/csv",
        icon=":material/download:",
        key="s_settings_csv",
        on_click="ignore",
    )
    st.caption("Which tags are required is set on the page Tag compliance, not by the environment.")
    if st.button("Open Tag compliance", key="open_tags", icon=":material/sell:"):
        st.switch_page("views/tags.py")


def rows_of(settings: Settings) -> list[dict[str, str]]:
    """Every setting: its group, value, where the value comes from, variable, and what it does."""
    rows, group = [], ""
    for name, field in Settings.model_fields.items():
        group = GROUPS.get(name, group)
        rows.append(
            {
                "Group": group,
                "Setting": name.replace("_", " "),
                "Value": shown(getattr(settings, name)),
                "Is": "set" if name in settings.model_fields_set else "default",
                "Variable": f"COSTPULSE_{name.upper()}",
                "What it does": field.description or "",
            }
        )
    return rows


def shown(value: object) -> str:
    """A value as text. Secrets are "set", also those inside of lists; addresses lose user, password and query."""
    match value:
        case None:
            return _NOT_SET
        case SecretStr():
            return _SET
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case BaseModel():
            fields = {name: getattr(value, name) for name in type(value).model_fields}
            return ", ".join(f"{name}: {shown(each)}" for name, each in fields.items())
        case Mapping():
            return "; ".join(f"{key}: {_within(each)}" for key, each in value.items()) or "none"
        case list() | tuple():
            return "; ".join(_within(each) for each in value) or "none"
        case _:
            return _without_secrets(str(value))


def _within(value: Any) -> str:
    return f"({shown(value)})" if isinstance(value, BaseModel | Mapping) else shown(value)


def _without_secrets(text: str) -> str:
    """The same, and of an address only what says where it leads."""
    if "://" not in text:
        return text
    try:
        address = urlsplit(text)
        host = f"[{address.hostname}]" if ":" in (address.hostname or "") else address.hostname or ""
        port = f":{address.port}" if address.port else ""
    except ValueError:
        return _SET
    return f"{address.scheme}://{host}{port}{address.path}" + ("?..." if address.query or address.fragment else "")
