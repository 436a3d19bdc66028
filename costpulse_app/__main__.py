"""`python -m costpulse_app`: the app server, on the address and port of the settings."""

import json
import os
import sys
from pathlib import Path

from costpulse_assets.addresses import expect_guarded_app
from costpulse_assets.errors import CostPulseError, FileNotWritten
from costpulse_assets.settings import Settings, load_settings


def main() -> None:
    """Become the server: the process that supervises this one then supervises Streamlit itself."""
    try:
        settings = load_settings()
        expect_guarded_app(settings)
        options = {"server.address": settings.app_host, "server.port": str(settings.app_port)}
        if settings.has_sign_in:
            options["secrets.files"] = str(_write_sign_in(settings))
    except CostPulseError as error:
        sys.exit(str(error))
    os.execv(  # noqa: S606 - our own interpreter, no shell
        sys.executable,
        [
            sys.executable,
            *("-m", "streamlit", "run", str(Path(__file__).with_name("app.py"))),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ],
    )


def _write_sign_in(settings: Settings) -> Path:
    """The file from which Streamlit takes how people sign in; for the eyes of this user only.

    Raises:
        FileNotWritten: the data folder cannot be written.
    """
    assert settings.oidc_client_secret is not None
    assert settings.oidc_cookie_secret is not None
    values = {
        "redirect_uri": f"{settings.app_address}/oauth2callback",
        "cookie_secret": settings.oidc_cookie_secret.get_secret_value(),
        "client_id": settings.oidc_client_id,
        "client_secret": settings.oidc_client_secret.get_secret_value(),
        "server_metadata_url": settings.oidc_metadata_url,
    }
    # A text of JSON is one of TOML.
    text = "[auth]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    path = settings.data_dir / "app" / "secrets.toml"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileNotWritten(
            f"How people sign in could not be written to {path}: {error.strerror}.",
            next_step="Let the user of the app write to COSTPULSE_DATA_DIR.",
        ) from error
    return path.resolve()


if __name__ == "__main__":
    main()
