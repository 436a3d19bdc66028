"""`costpulse apply`: make the database hold what a YAML file says, after showing what that changes."""

import getpass
from collections.abc import Sequence
from pathlib import Path

import click

from costpulse_assets.allocation.plan import Change
from costpulse_assets.allocation.rule_set import RuleSet, protected
from costpulse_assets.allocation.rules_as_code import apply_rules, planned_changes, read_rules
from costpulse_assets.allocation.simulate import simulate
from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import data_dir_option, print_rows
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import identities_of
from costpulse_assets.periods import Period, last_final_day
from costpulse_assets.resources.database import Connection, run
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings

#: Final days that the dollars of the plan are simulated over.
SIMULATED_DAYS = 30


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--actor", help="Who changes it, for the audit log (default: your user name).")
@data_dir_option
def apply(file: Path, dry_run: bool, actor: str | None, data_dir: Path | None) -> None:
    """Replace teams, rules, splits, prices, budgets, alerts, routes and tag policies by those of FILE, all or nothing.

    What is not in FILE is deleted. The plan says what is created, changed and deleted, and what each team would have
    been charged for the last 30 final days.
    """
    # Only here: the types of alerts take a part of a command's start.
    from costpulse_assets.alerts.checked_alerts import checked_alert

    settings = load_settings(data_dir=data_dir)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", next_step="Name a file to apply.") from error
    rules = read_rules(content, str(file), folder=file.parent, alert_check=checked_alert)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            identities = identities_of(settings)
            changes = planned_changes(connection, rules, identities=identities)
            _print_changes(changes)
            if any(change.kind in ("team", "rule", "split") for change in changes):
                _print_simulation(connection, protected(rules.document.rule_set, identities))
            if changes and not dry_run:
                apply_rules(connection, rules, actor or _user_name(), identities=identities)
    if changes and dry_run:
        click.echo("Nothing was changed.")
    elif changes:
        click.echo("Applied. A running `costpulse up` brings the days it concerns up to date.")


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise BadInput("Nobody knows your user name here.", next_step="Say who you are with --actor.") from error


def _print_changes(changes: Sequence[Change]) -> None:
    if not changes:
        click.echo("No changes: everything is so already.")
        return
    rows = [[change.action, change.kind, change.name, "; ".join(change.details)] for change in changes]
    print_rows(["action", "object", "name", "details"], rows, "table")


def _print_simulation(connection: Connection, draft: RuleSet) -> None:
    """What each team would have been charged for the last final days."""
    provisional = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
    final = last_final_day(provisional.items())
    if final is None:
        click.echo("What it would cost cannot be simulated: no day of usage is final yet.")
        return
    simulation = simulate(connection, draft, [day for day in sorted(provisional) if day <= final][-SIMULATED_DAYS:])
    click.echo(f"\nCost of {Period(simulation.first_day, simulation.last_day)}, in USD:")
    rows = [
        [team.team or "Unallocated", *(round(amount, 2) for amount in (team.before, team.after, team.delta))]
        for team in simulation.teams
    ]
    print_rows(["team", "before", "after", "change"], rows, "table")
    click.echo(f"Unallocated: {simulation.unallocated_before:.1%} before, {simulation.unallocated_after:.1%} after.")
    for name in simulation.never_match:
        click.echo(f"  {name} matches nothing in these days.")
    for use in simulation.shadowed:
        click.echo(f"  {use.name} claims nothing: {', '.join(use.shadowed_by)} comes first.")
