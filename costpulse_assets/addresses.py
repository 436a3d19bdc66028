"""Addresses that servers listen on and messages go to: which ones nobody else reaches, and which may be open."""

from ipaddress import ip_address

from costpulse_assets.errors import BadSettings
from costpulse_assets.settings import Settings


def is_loopback(host: str | None) -> bool:
    """Whether an address is of this computer, where nobody else reaches it or listens in."""
    if host == "localhost":
        return True
    try:
        return host is not None and ip_address(host).is_loopback
    except ValueError:
        return False


def expect_guarded_app(settings: Settings) -> None:
    """Nobody from outside becomes admin by finding the address of the app.

    Raises:
        BadSettings: others reach it and nobody signs in.
    """
    if not (is_loopback(settings.app_host) or settings.has_sign_in or settings.insecure):
        raise BadSettings(
            f"The app would listen on {settings.app_host}, where others reach it, and nobody signs in.",
            next_step="Set COSTPULSE_OIDC_METADATA_URL and what goes with it (docs/people.md), or listen on 127.0.0.1; "
            "COSTPULSE_INSECURE=true lets everybody in.",
        )


def expect_guarded_dagster(settings: Settings) -> None:
    """Nobody from outside starts or deletes runs: the Dagster UI asks nobody who they are.

    Raises:
        BadSettings: others reach it.
    """
    if not (is_loopback(settings.dagster_host) or settings.insecure):
        raise BadSettings(
            f"The Dagster UI would listen on {settings.dagster_host}, and others reach it: nobody signs in there.",
            next_step="Listen on 127.0.0.1 and put the proxy that guards your tools in front of it; "
            "COSTPULSE_INSECURE=true lets everybody in.",
        )
