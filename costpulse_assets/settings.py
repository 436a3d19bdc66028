"""All settings, read from environment variables `COSTPULSE_*` or a `.env` file.

`Settings` is the only reader of the environment. Secrets are `SecretStr`: never logged, never shown.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parseaddr
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from costpulse_assets.channel_addresses import ROUTED, ChannelAddress, ChannelText
from costpulse_assets.errors import BadInput, BadSettings

#: USD above or below what was expected from which a finding is shown, by the kind of scope.
MINIMUM_IMPACTS = {
    "everything": Decimal(200),
    "workspace": Decimal(100),
    "product": Decimal(100),
    "team": Decimal(100),
    "sku": Decimal(100),
    "job": Decimal(50),
    "warehouse": Decimal(50),
    "cluster": Decimal(50),
}


class SeverityThreshold(BaseModel):
    """From when on a recommendation has a severity: both must be reached."""

    model_config = ConfigDict(extra="forbid")

    usd: Decimal = Field(ge=0, description="What it adds to the savings of 30 days, in USD.")
    percent: Decimal = Field(ge=0, le=100, description="The same as a share of what the resource costs.")


#: Of recommendations; what reaches none of them is low.
SEVERITY_THRESHOLDS = {
    "critical": SeverityThreshold(usd=Decimal(2000), percent=Decimal(25)),
    "high": SeverityThreshold(usd=Decimal(500), percent=Decimal(10)),
    "medium": SeverityThreshold(usd=Decimal(100), percent=Decimal(0)),
}


#: Who sends the bill for Databricks, by cloud.
INVOICE_ISSUERS = {"AWS": "Databricks", "AZURE": "Microsoft", "GCP": "Databricks"}


class Connection(BaseModel):
    """One way into Databricks: a SQL warehouse and the credentials for it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="databricks", min_length=1, max_length=80)
    read: tuple[Literal["billing", "regional"], ...] = Field(
        default=("billing", "regional"),
        min_length=1,
        description="What is read here: billing is the whole account's and comes from the first connection that "
        "reads it; compute, jobs and queries are regional and come from every connection of their region.",
    )
    host: str = Field(description="Workspace host name without scheme, e.g. dbc-1234.cloud.databricks.com")
    http_path: str = Field(description="/sql/1.0/warehouses/<id> of the SQL warehouse that runs our queries")
    token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    port: int = Field(default=443, ge=1, le=65535)
    ca_file: Path | None = Field(default=None, description="CA bundle for a proxied or private host")
    use_cloud_fetch: bool = Field(
        default=True,
        description="Let results be downloaded from cloud storage; turn off behind strict proxies",
    )

    @field_validator("host")
    @classmethod
    def _host_is_a_bare_name(cls, value: str) -> str:
        host = value.strip().removeprefix("https://").rstrip("/")
        if not host or "/" in host or ":" in host or " " in host:
            raise ValueError("write the host name alone, such as dbc-1234.cloud.databricks.com")
        return host

    @field_validator("http_path")
    @classmethod
    def _path_starts_with_slash(cls, value: str) -> str:
        path = value.strip()
        if not path.startswith("/"):
            raise ValueError("must start with a slash, such as /sql/1.0/warehouses/abc123")
        return path

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        principal = self.client_id is not None or self.client_secret is not None
        if principal and (self.client_id is None or self.client_secret is None):
            raise ValueError("a service principal needs both client id and client secret")
        if self.token is None and not principal:
            raise ValueError("give a token, or client id and client secret of a service principal")
        if self.token is not None and principal:
            raise ValueError("give a token or a service principal, not both")
        return self


class Webhook(BaseModel):
    """A server of yours that gets alerts as signed JSON: channel `webhook:<name>`."""

    model_config = ConfigDict(extra="forbid")

    name: str
    url: SecretStr = Field(description="https://... of the receiver; it may hold a key, so it is kept secret.")
    secret: SecretStr = Field(min_length=16, description="Key of the signature, known to the receiver as well.")

    @field_validator("name")
    @classmethod
    def _can_be_written_in_a_channel(cls, value: str) -> str:
        try:
            return ChannelAddress.parse(f"webhook:{value}").target
        except ValueError:
            raise ValueError("may have up to 40 small letters, digits, - and _") from None

    @field_validator("url")
    @classmethod
    def _is_a_web_address(cls, value: SecretStr) -> SecretStr:
        _web_address(value.get_secret_value())
        return value


class ReportSchedule(BaseModel):
    """A report that is made by itself: of each month once it is closed, or of each week once its days are final."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    format: str
    every: Literal["month", "week"]
    team: str | None = None
    channels: tuple[ChannelText, ...] = ()

    @model_validator(mode="after")
    def _can_be_asked_for(self) -> Self:
        if ROUTED in self.channels:
            raise ValueError(f"{ROUTED} is for alerts: name the channels of a report")
        # Only here: requests belong to a layer that reads settings itself.
        from costpulse_assets.reports.report_request import checked_request

        # Any Monday, any first of a month: only whether it fits together is asked.
        first, last = (date(2026, 6, 1), date(2026, 6, 30 if self.every == "month" else 7))
        try:
            checked_request(report_type=self.type, format=self.format, first_day=first, last_day=last, team=self.team)
        except BadInput as error:
            raise ValueError(error.message.removeprefix("This report cannot be made: ").rstrip(".")) from None
        return self


class Settings(BaseSettings):
    """Everything a deployment can decide; docs/configuration.md lists the fields with their defaults."""

    model_config = SettingsConfigDict(env_prefix="COSTPULSE_", env_file=".env", extra="ignore", env_ignore_empty=True)

    # Database
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL or TimescaleDB of your own, postgresql://user:password@host/name. "
        "Unset: an embedded PostgreSQL in the data directory.",
    )
    app_database_url: SecretStr | None = Field(
        default=None, description="How the app connects (role costpulse_app). Unset: as database_url."
    )
    dagster_database_url: SecretStr | None = Field(
        default=None, description="Dagster's own database. Unset: database `dagster` on the embedded server."
    )
    data_dir: Path = Field(
        default=Path(".costpulse"),
        description="Everything CostPulse writes to disk: embedded database, Dagster home, reports.",
    )

    # Databricks
    databricks_host: str | None = Field(default=None, description="Workspace host name without scheme.")
    databricks_http_path: str | None = Field(
        default=None, description="/sql/1.0/warehouses/<id> of the SQL warehouse that runs our queries."
    )
    databricks_token: SecretStr | None = Field(default=None, description="Personal access token.")
    databricks_client_id: str | None = Field(
        default=None, description="OAuth service principal: application id (instead of a token)."
    )
    databricks_client_secret: SecretStr | None = Field(default=None, description="OAuth service principal: secret.")
    databricks_port: int = Field(default=443, ge=1, le=65535, description="Port of the workspace host.")
    databricks_ca_file: Path | None = Field(default=None, description="CA bundle for a proxied host.")
    databricks_use_cloud_fetch: bool = Field(
        default=True, description="Download large results from cloud storage; false behind strict proxies."
    )
    connections: Annotated[tuple[Connection, ...], NoDecode] = Field(
        default=(),
        description="JSON list of several connections instead of the COSTPULSE_DATABRICKS_ variables.",
    )
    statement_timeout_seconds: int = Field(
        default=900, ge=10, le=86_400, description="Longest time one statement may run on the warehouse."
    )
    price_table: Literal["auto", "list_prices", "account_prices"] = Field(
        default="auto",
        description="system.billing table with prices; auto takes account_prices where it can be read.",
    )
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$", description="Currency of the price table.")

    # Demo account
    demo: bool = Field(default=False, description="Read the built-in demo account instead of Databricks.")
    demo_days: int = Field(default=180, ge=8, le=1_200, description="Days of history in the demo account.")
    demo_seed: int = Field(default=7, ge=0, description="Seed of the demo account.")
    demo_end_date: date | None = Field(
        default=None, ge=date(2020, 1, 1), description="Last day of the demo account. Unset: the day it was first made."
    )
    today: date | None = Field(
        default=None,
        ge=date(2020, 1, 1),
        description="Pretend that this is the current UTC date (demonstrations and tests).",
    )

    # Collection
    collect_cron: str = Field(default="15 */6 * * *", description="When the trailing window is collected.")
    collect_trailing_days: int = Field(
        default=40, ge=1, le=365, description="Days each scheduled collection looks back."
    )
    rescan_cron: str = Field(default="45 3 * * 0", description="When the whole retention is compared.")
    retention_days: int = Field(
        default=365, ge=1, le=1_200, description="Days the first start collects and the weekly rescan covers."
    )
    collect_chunk_days: int = Field(
        default=31, ge=1, le=366, description="Days per statement and transaction of a long collection."
    )
    first_usage_date: date = Field(
        default=date(2023, 1, 1), description="First daily partition; nothing older is collected."
    )
    provisional_days: int = Field(
        default=2, ge=1, le=14, description="Newest days that are never called final, today included."
    )
    complete_share: float = Field(
        default=0.99, gt=0.5, le=1.0, description="Share of a day that must be in before it is called final."
    )
    stale_after_hours: int = Field(
        default=48, ge=1, description="Age of the newest usage above which the freshness check warns."
    )
    unpriced_share_warning: float = Field(
        default=0.01, ge=0, le=1, description="Share of rows without a price above which the check warns."
    )
    settle_days: int = Field(
        default=2, ge=1, le=30, description="Age in days from which a day of compute, job and query data is settled."
    )
    hourly_days: int = Field(default=90, ge=1, le=365, description="Days kept by the hour (hourly_costs).")
    idle_cpu_percent: float = Field(
        default=5.0, gt=0, lt=100, description="CPU of the busiest node below which a cluster does nothing."
    )
    idle_minutes: int = Field(
        default=30, ge=1, le=1_440, description="Minutes a cluster does nothing before it counts as idle."
    )
    close_month_on_day: int | None = Field(
        default=None,
        ge=1,
        le=28,
        description="Day of the next month from which a month is closed by itself, once its days are final. "
        "Unset: months are closed by hand.",
    )
    self_cost_daily_budget: Decimal | None = Field(
        default=None,
        gt=0,
        description="USD a day CostPulse's own queries may cost; above it only bills and prices are collected.",
    )

    # Analysis
    analysis_days: int = Field(
        default=400, ge=60, le=1_200, description="Days of history that anomalies and forecasts are made from."
    )
    series_minimum_spend: Decimal = Field(
        default=Decimal(300),
        ge=0,
        description="USD in 30 days from which a job, warehouse or cluster is watched for anomalies on its own.",
    )
    anomaly_method: Literal["robust", "classic"] = Field(
        default="robust", description="How days are judged; classic is a z-score over the seven days before."
    )
    anomaly_sensitivity: float = Field(
        default=1.0, ge=0.1, le=10, description="How readily a day is called an anomaly; more finds more."
    )
    anomaly_minimum_impact: Annotated[dict[str, Decimal], NoDecode] = Field(
        default=MINIMUM_IMPACTS,
        description="USD off from which a finding is shown, by kind of scope, as JSON; kinds left out keep theirs.",
    )
    anomaly_alarms_per_week: float = Field(
        default=3.0, gt=0, le=1_000, description="Alarms a week that the scorecard suggests a sensitivity for."
    )
    scorecard_seed: int = Field(default=7, ge=0, description="Seed of the events that the scorecard injects.")
    forecast_model: Literal["auto", "blend", "prophet", "linear", "ets", "theta", "seasonal_naive"] = Field(
        default="auto", description="Model of the forecasts; auto chooses for every series by its past errors."
    )
    recommendation_minimum_saving: Decimal = Field(
        default=Decimal(10), ge=0, description="USD a recommendation must save in 30 days; below it nothing is said."
    )
    recommendation_thresholds: Annotated[dict[str, dict[str, Decimal]], NoDecode] = Field(
        default={},
        description="Thresholds of recommendations as JSON, by type and name (docs/recommendations.md); those left "
        "out keep theirs.",
    )
    severity_thresholds: Annotated[dict[str, SeverityThreshold], NoDecode] = Field(
        default=SEVERITY_THRESHOLDS,
        description="USD in 30 days and percent of the resource's cost from which a recommendation is critical, high "
        "or medium, as JSON; severities left out keep theirs.",
    )
    vm_prices: Path | None = Field(
        default=None,
        description="CSV file with what the cloud provider charges you for machines (docs/recommendations.md). Unset: "
        "estimates.",
    )

    # Identities
    hash_identities: bool = Field(
        default=False, description="Store keyed hashes (hash@domain) instead of addresses, everywhere."
    )
    identity_key: SecretStr | None = Field(
        default=None, description="Key of the hashes, at least 16 characters; needed with hash_identities."
    )

    # Running
    app_host: str = Field(default="127.0.0.1", description="Address the app listens on.")
    app_port: int = Field(default=8501, ge=1, le=65535, description="Port of the app.")
    dagster_host: str = Field(default="127.0.0.1", description="Address the Dagster UI listens on.")
    dagster_port: int = Field(default=3000, ge=1, le=65535, description="Port of the Dagster UI.")
    dagster_url: str | None = Field(default=None, description="Where the app reaches the Dagster UI.")
    app_url: str | None = Field(
        default=None,
        description="Public address of the app, used in links. Unset: http://127.0.0.1 and the port of the app.",
    )
    insecure: bool = Field(
        default=False,
        description="Let the app and the Dagster UI listen on addresses that others reach although nobody signs in: "
        "whoever reaches them may do everything. Every page says so.",
    )

    app_sessions: int = Field(
        default=200, ge=1, le=10_000, description="Pages that may be open at once; one more waits until one is closed."
    )

    # Sign-in
    oidc_metadata_url: str | None = Field(
        default=None,
        description="Address of the sign-in provider's OpenID Connect document; it ends with "
        "/.well-known/openid-configuration. Unset: nobody signs in, and everybody who reaches the app is admin.",
    )
    oidc_client_id: str | None = Field(default=None, description="Id of CostPulse at the sign-in provider.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="Its secret there.")
    oidc_cookie_secret: SecretStr | None = Field(
        default=None, description="Key of the sign-in cookie, at least 32 characters; a new one signs everybody out."
    )
    oidc_groups_claim: str = Field(
        default="groups", min_length=1, description="Claim of the sign-in that lists a person's groups."
    )
    admins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="E-mail addresses, with commas, of people who are admins whatever the app says."
    )

    api_requests_per_minute: int = Field(
        default=600, ge=1, le=1_000_000, description="Requests a minute that one token or address may send to the API."
    )

    # Reports
    reports_dir: Path | None = Field(
        default=None, description="Folder of report files. Unset: the folder reports in the data directory."
    )
    report_retention_days: int = Field(
        default=90, ge=1, le=3_650, description="Days after which the file of a report is deleted."
    )
    report_schedules: Annotated[tuple[ReportSchedule, ...], NoDecode] = Field(
        default=(),
        description="JSON list of reports that are made by themselves: type, format, every (month or week), team, "
        "channels.",
    )
    focus_billed_cost: Literal["contracted", "zero"] = Field(
        default="contracted",
        description="What BilledCost of FOCUS holds: what you pay after your discounts, or 0 where the cloud "
        "provider's own bill is loaded beside it.",
    )
    focus_billing_account_name: str | None = Field(
        default=None, max_length=200, description="BillingAccountName of FOCUS. Unset: it is left empty."
    )
    focus_invoice_issuers: Annotated[dict[str, str], NoDecode] = Field(
        default=INVOICE_ISSUERS,
        description="Who sends the bill, by cloud, as JSON (InvoiceIssuerName of FOCUS); clouds left out keep theirs.",
    )

    # Messages
    slack_webhook_url: SecretStr | None = Field(
        default=None, description="Slack incoming webhook: the channel `slack` of alerts."
    )
    slack_bot_token: SecretStr | None = Field(
        default=None, description="Slack bot token, xoxb-...: posts to every channel it was invited to."
    )
    slack_channel: str | None = Field(
        default=None,
        description="Where the bot posts what has no channel of its own, such as #finops, when there is no webhook.",
    )
    slack_api_url: str = Field(default="https://slack.com/api/", description="Slack's API, or a gateway to it.")
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server: smtp://user:password@host:587 (STARTTLS is required) or smtps://...:465.",
    )
    smtp_from: str | None = Field(
        default=None,
        description="Sender of mails, such as CostPulse <costpulse@example.com>. Unset: the user of the mail server.",
    )
    smtp_ca_file: Path | None = Field(default=None, description="CA bundle for a mail server of your own.")
    webhooks: Annotated[tuple[Webhook, ...], NoDecode] = Field(
        default=(),
        description="JSON list of receivers of signed JSON: name, url and secret (docs/alerts.md).",
    )
    alert_timeout_seconds: int = Field(
        default=10, ge=1, le=60, description="Longest wait for one answer of Slack, a mail server or a webhook."
    )
    deliver_seconds: int = Field(
        default=30, ge=1, le=3_600, description="Seconds between two looks for messages to deliver."
    )

    @field_validator("connections", mode="before")
    @classmethod
    def _connections_are_a_json_list(cls, value: object) -> object:
        return _json_list(value, of="connections")

    @field_validator("admins", mode="before")
    @classmethod
    def _admins_are_separated_by_commas(cls, value: object) -> object:
        return [name for each in value.split(",") if (name := each.strip())] if isinstance(value, str) else value

    @field_validator("oidc_cookie_secret")
    @classmethod
    def _key_is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("needs at least 32 characters")
        return value

    @model_validator(mode="after")
    def _sign_in_is_whole(self) -> Self:
        parts = {
            "OIDC_METADATA_URL": self.oidc_metadata_url,
            "OIDC_CLIENT_ID": self.oidc_client_id,
            "OIDC_CLIENT_SECRET": self.oidc_client_secret,
            "OIDC_COOKIE_SECRET": self.oidc_cookie_secret,
        }
        missing = [f"COSTPULSE_{name}" for name, value in parts.items() if value is None]
        if missing and len(missing) < len(parts):
            raise ValueError(f"sign-in needs {' and '.join(missing)} too")
        if not missing and self.app_url is None:
            raise ValueError("sign-in needs COSTPULSE_APP_URL, the address that the provider sends people back to")
        return self

    @field_validator("app_url", "slack_api_url", "oidc_metadata_url")
    @classmethod
    def _is_a_web_address(cls, value: str | None) -> str | None:
        return None if value is None else _web_address(value)

    @field_validator("slack_channel")
    @classmethod
    def _is_a_channel_of_slack(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return ChannelAddress.parse(f"slack:{value}").target
        except ValueError:
            raise ValueError("is not a channel, such as #finops or C0123456789") from None

    @field_validator("smtp_from")
    @classmethod
    def _is_a_mail_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            if any(ord(letter) < 32 for letter in value):
                raise ValueError
            ChannelAddress.parse(f"email:{parseaddr(value)[1]}")
        except ValueError:
            raise ValueError("is not a mail address, such as CostPulse <costpulse@example.com>") from None
        return value.strip()

    @field_validator("webhooks", mode="before")
    @classmethod
    def _webhooks_are_a_json_list(cls, value: object) -> object:
        return _json_list(value, of="webhooks")

    @field_validator("webhooks")
    @classmethod
    def _webhooks_are_told_apart(cls, value: tuple[Webhook, ...]) -> tuple[Webhook, ...]:
        if len({webhook.name for webhook in value}) < len(value):
            raise ValueError("give each webhook a name of its own")
        return value

    @field_validator("report_schedules", mode="before")
    @classmethod
    def _schedules_are_a_json_list(cls, value: object) -> object:
        return _json_list(value, of="schedules")

    @field_validator("focus_invoice_issuers", mode="before")
    @classmethod
    def _issuers_are_a_json_object(cls, value: object) -> object:
        value = _json_object(value, example='{"AZURE": "Microsoft"}')
        return INVOICE_ISSUERS | {str(cloud).strip().upper(): issuer for cloud, issuer in value.items()}

    @field_validator("focus_invoice_issuers")
    @classmethod
    def _issuers_have_names(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = sorted(value.keys() - INVOICE_ISSUERS.keys())
        if unknown:
            raise ValueError(f"there is no cloud {', '.join(unknown)}; choose from {', '.join(INVOICE_ISSUERS)}")
        if not all(issuer.strip() for issuer in value.values()):
            raise ValueError("an issuer needs a name")
        return value

    @field_validator("anomaly_minimum_impact", mode="before")
    @classmethod
    def _impacts_are_a_json_object(cls, value: object) -> object:
        value = _json_object(value, example='{"everything": 500, "job": 20}')
        unknown = sorted(map(str, value.keys() - MINIMUM_IMPACTS.keys()))
        if unknown:
            raise ValueError(f"there is no scope {', '.join(unknown)}; choose from {', '.join(MINIMUM_IMPACTS)}")
        return MINIMUM_IMPACTS | value

    @field_validator("anomaly_minimum_impact")
    @classmethod
    def _impacts_are_amounts(cls, value: dict[str, Decimal]) -> dict[str, Decimal]:
        if any(not amount.is_finite() or amount < 0 for amount in value.values()):
            raise ValueError("amounts cannot be negative")
        return value

    @field_validator("recommendation_thresholds", mode="before")
    @classmethod
    def _thresholds_are_a_json_object(cls, value: object) -> object:
        return _json_object(value, example='{"right_size_cluster": {"maximum_cpu_percent": 20}}')

    @field_validator("recommendation_thresholds")
    @classmethod
    def _thresholds_are_within_their_bounds(cls, value: dict[str, dict[str, Decimal]]) -> dict[str, dict[str, Decimal]]:
        if not value:
            return value
        # Only here: the types belong to a layer that reads settings itself.
        from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES

        for name, numbers in value.items():
            if name not in RECOMMENDATION_TYPES:
                raise ValueError(f"there is no type {name}; choose from {', '.join(RECOMMENDATION_TYPES)}")
            known = {threshold.name: threshold for threshold in RECOMMENDATION_TYPES[name].thresholds}
            for threshold, number in numbers.items():
                if threshold not in known:
                    raise ValueError(
                        f"{name} has no threshold {threshold}; choose from {', '.join(known) or 'none: it has none'}"
                    )
                bounds = known[threshold]
                if not number.is_finite() or not bounds.minimum <= number <= bounds.maximum:
                    raise ValueError(
                        f"{threshold} of {name} must be from {bounds.minimum} to {bounds.maximum} {bounds.unit}, "
                        f"not {number}"
                    )
        return value

    @field_validator("severity_thresholds", mode="before")
    @classmethod
    def _severities_are_a_json_object(cls, value: object) -> object:
        value = _json_object(value, example='{"critical": {"usd": 5000, "percent": 25}}')
        unknown = sorted(map(str, value.keys() - SEVERITY_THRESHOLDS.keys()))
        if unknown:
            raise ValueError(f"there is no severity {', '.join(unknown)}; choose from {', '.join(SEVERITY_THRESHOLDS)}")
        return SEVERITY_THRESHOLDS | value

    @field_validator("severity_thresholds")
    @classmethod
    def _a_higher_severity_needs_no_less(cls, value: dict[str, SeverityThreshold]) -> dict[str, SeverityThreshold]:
        for higher, lower in pairwise(SEVERITY_THRESHOLDS):
            if value[higher].usd < value[lower].usd or value[higher].percent < value[lower].percent:
                raise ValueError(f"{higher} cannot be reached before {lower}: neither usd nor percent may be less")
        return value

    @field_validator("database_url", "app_database_url", "dagster_database_url")
    @classmethod
    def _is_a_postgresql_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme, separator, rest = value.get_secret_value().partition("://")
        # SQLAlchemy's spelling of the driver is accepted and dropped: each library gets the form it needs.
        if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
            raise ValueError("must start with postgresql://")
        return SecretStr(f"postgresql://{rest}")

    @field_validator("collect_cron", "rescan_cron")
    @classmethod
    def _is_a_cron_line(cls, value: str) -> str:
        from dagster._utils.schedules import is_valid_cron_schedule

        if not is_valid_cron_schedule(value):
            raise ValueError("is not a cron expression, such as 15 */6 * * *")
        return value

    @model_validator(mode="after")
    def _hashing_has_a_key(self) -> Self:
        if self.hash_identities and (self.identity_key is None or len(self.identity_key.get_secret_value()) < 16):
            raise ValueError("hash_identities needs an identity_key of at least 16 characters")
        return self

    @field_validator("connections")
    @classmethod
    def _connections_are_told_apart(cls, value: tuple[Connection, ...]) -> tuple[Connection, ...]:
        if len({connection.name for connection in value}) < len(value):
            raise ValueError("give each connection a name of its own")
        if value and not any("billing" in connection.read for connection in value):
            raise ValueError("one connection must read billing")
        return value

    @property
    def sources(self) -> tuple[Connection, ...]:
        """The connections to Databricks, from either way of giving them; empty when none is configured.

        Raises:
            BadSettings: the COSTPULSE_DATABRICKS_ variables are incomplete or contradictory.
        """
        if self.connections:
            return self.connections
        if self.databricks_host is None and self.databricks_http_path is None:
            return ()
        try:
            return (
                Connection.model_validate(
                    {
                        "host": self.databricks_host or "",
                        "http_path": self.databricks_http_path or "",
                        "token": self.databricks_token,
                        "client_id": self.databricks_client_id,
                        "client_secret": self.databricks_client_secret,
                        "port": self.databricks_port,
                        "ca_file": self.databricks_ca_file,
                        "use_cloud_fetch": self.databricks_use_cloud_fetch,
                    }
                ),
            )
        except ValidationError as error:
            raise _bad_settings(error, prefix="COSTPULSE_DATABRICKS_") from None

    @property
    def app_address(self) -> str:
        """Address of the app for links, without a slash at its end."""
        return self.app_url or f"http://127.0.0.1:{self.app_port}"

    @property
    def has_sign_in(self) -> bool:
        """Whether people sign in."""
        return self.oidc_metadata_url is not None

    def current_date(self) -> date:
        """Today in UTC: billing days are UTC days."""
        return self.today or datetime.now(UTC).date()


def load_settings(**overrides: object) -> Settings:
    """Read the settings, or say in one sentence which variable is wrong.

    Args:
        overrides: fields that win over the environment (command-line options); None means not given.

    Raises:
        BadSettings: names every variable that is wrong and why; values are never repeated.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise _bad_settings(error, prefix="COSTPULSE_") from None


def _web_address(value: str) -> str:
    """The address without a slash at its end.

    Raises:
        ValueError: it is none, or holds a user or a password.
    """
    try:
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
    except ValueError:
        raise ValueError("must be an address that starts with https:// or http://") from None
    if parts.username is not None or any(letter.isspace() for letter in parts.geturl()):
        raise ValueError("must be an address without a user and without blanks")
    return parts.geturl().rstrip("/")


def _json_list(value: object, *, of: str) -> object:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"is not JSON: {error.msg} at character {error.pos}") from None
        if not isinstance(value, list):
            raise ValueError(f"must be a JSON list of {of}")
    return value


def _json_object(value: object, *, example: str) -> dict[Any, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except json.JSONDecodeError as error:
            raise ValueError(f"is not JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(value, dict):
        raise ValueError(f"must be a JSON object, such as {example}")
    return value


def _bad_settings(error: ValidationError, *, prefix: str) -> BadSettings:
    """One sentence for all faults; never repeats the value, which may be a secret."""
    faults = []
    for fault in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in fault["loc"]).upper()
        faults.append(f"{prefix}{name}: {fault['msg'].removeprefix('Value error, ')}".replace("_: ", ": "))
    return BadSettings(
        "The settings are not valid: " + "; ".join(faults) + ".",
        next_step="Correct the variable (docs/configuration.md explains each) and start again.",
    )
