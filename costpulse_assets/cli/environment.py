"""What every command that works stands on: a migrated database, a Dagster instance, and the variables for children."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from costpulse_assets.errors import BadSettings
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.settings import Settings

#: One planned and one materialized event per partition and asset is most of the time of a long run without these two.
DAGSTER_SPEED = {
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
    "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true",
}


@dataclass(frozen=True)
class Environment:
    """Addresses of the databases and the variables that let child processes find them."""

    settings: Settings
    database: Database
    dagster_database_url: str
    dagster_home: Path

    def variables(self) -> dict[str, str]:
        """Environment variables that `dagster` and `streamlit` need to use this instance."""
        # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3, which dagster-postgres cannot use.
        dagster_url = self.dagster_database_url.replace("postgresql://", "postgresql+psycopg2://", 1)
        return {
            "COSTPULSE_DATA_DIR": str(self.settings.data_dir.resolve()),
            "COSTPULSE_DAGSTER_DATABASE_URL": dagster_url,
            "DAGSTER_HOME": str(self.dagster_home),
            **DAGSTER_SPEED,
        }


@contextmanager
def open_environment(settings: Settings) -> Iterator[Environment]:
    """Start the embedded database if it is the one, and lay out the Dagster home; nothing is migrated."""
    with ExitStack() as stack:
        if settings.database_url is None:
            server = stack.enter_context(EmbeddedPostgres(settings.data_dir))
            database_url, dagster_url = server.url("costpulse"), server.url("dagster")
        else:
            database_url = settings.database_url.get_secret_value()
            dagster_url = (
                settings.dagster_database_url.get_secret_value()
                if settings.dagster_database_url is not None
                else _beside(database_url, "dagster")
            )
        environment = Environment(settings, Database(database_url), dagster_url, _dagster_home(settings))
        os.environ.update(environment.variables())
        yield environment


def _beside(url: str, database: str) -> str:
    """The same server, another database; a URL that cannot be read stays one, for whoever connects to name it."""
    return re.sub(r"^(\w+://(?:[^/@]*@)?[^/?]*)(?:/[^?]*)?", lambda found: f"{found[1]}/{database}", url)


def _dagster_home(settings: Settings) -> Path:
    """DAGSTER_HOME in the data directory, with the project's dagster.yaml in it."""
    home = (settings.data_dir / "dagster").resolve()
    text = _dagster_yaml().read_text()
    target = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text() != text:
            draft = home / f".dagster.yaml.{os.getpid()}"
            draft.write_text(text)
            draft.replace(target)
    except OSError as error:
        raise BadSettings(
            f"The data directory {settings.data_dir} cannot be written: {error.strerror}.",
            next_step="Free space or rights there, or choose another folder with --data-dir.",
        ) from error
    return home


def _dagster_yaml() -> Path:
    installed = Path(str(files("costpulse_assets"))) / "dagster.yaml"
    return installed if installed.exists() else Path(__file__).parents[2] / "dagster.yaml"
