"""`python -m costpulse_app`: the app server, on the address and port of the settings."""

import os
import sys
from pathlib import Path

from costpulse_assets.errors import CostPulseError
from costpulse_assets.settings import load_settings


def main() -> None:
    """Become the server: the process that supervises this one then supervises Streamlit itself."""
    try:
        settings = load_settings()
    except CostPulseError as error:
        sys.exit(str(error))
    options = {"server.address": settings.app_host, "server.port": str(settings.app_port)}
    os.execv(  # noqa: S606 - our own interpreter, no shell
        sys.executable,
        [
            sys.executable,
            *("-m", "streamlit", "run", str(Path(__file__).with_name("app.py"))),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ],
    )


if __name__ == "__main__":
    main()
