"""Checks the settings: valid, known, from where, not contradictory. Names are shown, values never."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from costpulse_assets.doctor.examination import Examination, Verdict
from costpulse_assets.resources.open_source import reads_demo_account
from costpulse_assets.settings import Settings, load_settings

AREA = "settings"

_PREFIX = "COSTPULSE_"


def examine_settings(examination: Examination, data_dir: Path | None) -> Settings | None:
    """Read the settings as every command does; None where they are not valid.

    Args:
        examination: takes the rows.
        data_dir: of the command line, which wins.
    """
    loaded: list[Settings] = []

    def valid() -> Verdict:
        loaded.append(load_settings(data_dir=data_dir))
        return Verdict("ok", _origin(data_dir))

    is_valid = examination.check(AREA, "valid", valid)
    examination.check(AREA, "known names", _known_names)
    if not is_valid:
        return None
    settings = loaded[0]
    if examination.check(AREA, "source", lambda: _source(settings)):
        for name, sentence, fix in _contradictions(settings):
            examination.add(AREA, name, Verdict("warning", sentence, fix))
    return settings


def _origin(data_dir: Path | None) -> str:
    environment, file = _names_in_environment(), _names_in_file()
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    origins = {
        "on the command line": {f"{_PREFIX}DATA_DIR"} if data_dir is not None else set(),
        "from the environment": environment & known,
        "from .env": (file - environment) & known,
    }
    given = [f"{origin}: {', '.join(sorted(names))}" for origin, names in origins.items() if names]
    return "; ".join(["Valid", *given, "everything else by default." if given else "everything by default."])


def _known_names() -> Verdict:
    """A mistyped variable would be ignored in silence."""
    known = [f"{_PREFIX}{name.upper()}" for name in Settings.model_fields]
    unknown = sorted((_names_in_environment() | _names_in_file()) - set(known))
    if not unknown:
        return Verdict("ok", "Every COSTPULSE_ variable is a setting.")
    meant = [match for name in unknown for match in get_close_matches(name, known, n=1, cutoff=0.8)]
    return Verdict(
        "warning",
        f"Not settings, and so without effect: {', '.join(unknown)}.",
        (f"Perhaps {', '.join(meant)} was meant; " if meant else "Remove them; ")
        + "docs/configuration.md lists every setting.",
    )


def _source(settings: Settings) -> Verdict:
    """Raises BadSettings for incomplete connections."""
    names = ", ".join(connection.name for connection in settings.sources)
    if reads_demo_account(settings):
        return Verdict("ok", "The built-in demo account is read.")
    if names:
        return Verdict("ok", f"Databricks is read, over {names}.")
    return Verdict(
        "warning",
        "No source is configured: there is nothing to collect from.",
        "Set COSTPULSE_DATABRICKS_HOST, COSTPULSE_DATABRICKS_HTTP_PATH and a token or service principal, "
        "or look around first with `costpulse up --demo`.",
    )


def _contradictions(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Settings that are valid each by itself and do not go together: check, sentence, fix."""
    given = sorted(f"{_PREFIX}{name.upper()}" for name in settings.model_fields_set if name.startswith("databricks_"))
    if settings.demo and settings.sources:
        yield (
            "demo and Databricks",
            "The demo account is read although Databricks is configured too.",
            "Unset COSTPULSE_DEMO to read Databricks, into a database of its own.",
        )
    if settings.connections and given:
        yield (
            "two ways to Databricks",
            f"COSTPULSE_CONNECTIONS is used, and {', '.join(given)} has no effect.",
            "Unset one of the two.",
        )
    if given and not settings.sources:
        yield (
            "Databricks without a host",
            f"{', '.join(given)} has no effect: there is no host.",
            "Set COSTPULSE_DATABRICKS_HOST and COSTPULSE_DATABRICKS_HTTP_PATH as well, or unset it.",
        )
    if settings.app_database_url is not None and settings.database_url is None:
        yield (
            "two databases",
            "The app has a database of its own address while the pipeline writes to the embedded one.",
            "Set COSTPULSE_DATABASE_URL to the same database, or unset COSTPULSE_APP_DATABASE_URL.",
        )
    if settings.identity_key is not None and not settings.hash_identities:
        yield (
            "identity key",
            "There is a key for hashed identities, but hashing is off: addresses are stored as they are.",
            "Set COSTPULSE_HASH_IDENTITIES=true, or unset COSTPULSE_IDENTITY_KEY.",
        )


def _names_in_environment() -> set[str]:
    return _ours(EnvSettingsSource(Settings))


def _names_in_file() -> set[str]:
    return _ours(DotEnvSettingsSource(Settings))


def _ours(source: EnvSettingsSource) -> set[str]:
    """Names of ours that hold something; an empty variable counts as unset."""
    return {name.upper() for name, value in source.env_vars.items() if name.upper().startswith(_PREFIX) and value}
