"""`python -m costpulse_assets` is the `costpulse` command."""

from costpulse_assets.cli import main

main()
