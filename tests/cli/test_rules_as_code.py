"""`export` and `apply`: there and back, what the plan says, and what is refused; `up --demo` gives rules once."""

import shutil
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.conftest import HOSTILE_NAME, Run
from tests.cli.processes import Costpulse, content, refused

RULES = (
    "teams",
    "team_members",
    "allocation_rules",
    "cost_splits",
    "split_weights",
    "rule_versions",
    "alerts",
    "audit_log",
)


@pytest.fixture
def own(first_start: tuple[Costpulse, CompletedProcess[str]], tmp_path: Path) -> Costpulse:
    """A copy of the demo account for one test."""
    copy = Costpulse(tmp_path / HOSTILE_NAME)
    shutil.copytree(first_start[0].data_dir, copy.data_dir, ignore=shutil.ignore_patterns("socket"))
    return copy


def exported(run: Run, file: Path) -> str:
    result = run("export", "--output", str(file))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    return file.read_text(encoding="utf-8")


def test_the_demo_account_has_its_rules_from_the_first_start_on(on_demo: Run) -> None:
    text = on_demo("export").stdout
    assert text.startswith("version: 1\n\nteams:\n  - name: Customer Success\n")
    assert text.count("\n    rule_type: ") == 21 + 2
    assert text.count("\n    alert_type: ") >= 8


def test_what_is_exported_changes_nothing_when_it_is_applied(on_demo: Run, demo: Costpulse, tmp_path: Path) -> None:
    text = exported(on_demo, tmp_path / "rules.yaml")
    assert text == on_demo("export").stdout
    before = content(demo, *RULES)
    result = on_demo("apply", str(tmp_path / "rules.yaml"))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "No changes: everything is so already.\n"
    assert content(demo, *RULES) == before


def test_a_dry_run_shows_changes_and_dollars_and_changes_nothing(on_demo: Run, demo: Costpulse, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    text = exported(on_demo, file)
    # Finance gives its dashboards to Risk, and nobody pays for the development workspace any more.
    rule = text[text.index("  - name: Development\n") : text.index("splits:")]
    file.write_text(
        text.replace(rule, "").replace(
            "- name: Executive dashboards\n    team: Finance", "- name: Executive dashboards\n    team: Risk"
        )
    )
    before = content(demo, *RULES)
    result = on_demo("apply", str(file), "--dry-run")
    assert (result.returncode, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "change │ rule │ Executive dashboards │ team: Finance -> Risk" in lines
    assert "delete │ rule │ Development │" in lines
    table = lines[lines.index("team ┃ before ┃ after ┃ change") + 2 :]
    deltas = {name: Decimal(delta) for name, _, _, delta in (line.split(" │ ") for line in table if " │ " in line)}
    assert max(deltas["Finance"], deltas["Data Platform"]) < 0
    assert min(deltas["Risk"], deltas["Unallocated"]) > 0
    assert abs(sum(deltas.values(), Decimal(0))) < Decimal("0.05")  # cents are rounded
    assert any(line.startswith("Unallocated: ") for line in lines)
    assert lines[-1] == "Nothing was changed."
    assert content(demo, *RULES) == before


def test_a_file_with_mistakes_is_refused_line_by_line(on_demo: Run, demo: Costpulse, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    text = exported(on_demo, file)
    before = content(demo, *RULES)
    file.write_text(text.replace("    team: Finance\n", "    team: Finanz\n", 1))
    line = file.read_text().splitlines().index("    team: Finanz") + 1
    for arguments in (("apply", str(file)), ("apply", str(file), "--dry-run")):
        refused(on_demo(*arguments), f"{file}, line {line}: Rule '", "team 'Finanz' is no team", "nothing was changed")
    file.write_bytes(b"version: 1\nteams:\n  - name: Caf\xe9\n")
    refused(on_demo("apply", str(file)), f"{file}, line 3: the byte 0xe9 is not UTF-8")
    file.write_text(text.replace("    alert_type: idle_cluster\n", "    alert_type: idle_clusters\n", 1))
    line = file.read_text().splitlines().index("    alert_type: idle_clusters") + 1
    refused(
        on_demo("apply", str(file)), f"{file}, line {line}: Alert 'Idle clusters': Type must be ", "not idle_clusters."
    )
    refused(on_demo("apply", str(tmp_path / "none.yaml")), "none.yaml cannot be read: No such file or directory")
    refused(on_demo("export", "--output", str(tmp_path / "none" / "x.yaml")), "cannot be written: No such file")
    assert content(demo, *RULES) == before


def test_what_people_apply_is_in_the_audit_log_and_stays(own: Costpulse, tmp_path: Path) -> None:
    with EmbeddedPostgres(own.data_dir) as server:
        with psycopg.connect(server.url("costpulse")) as connection:
            # Alerts that went off cannot be deleted, and those of the demo may have.
            connection.execute("truncate costpulse.alerts cascade")
        file = tmp_path / "rules.yaml"
        file.write_text("version: 1\n\nteams:\n  - name: Everybody\n")
        result = own("apply", str(file), "--actor", "nina")
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1].startswith("Applied.")
        with psycopg.connect(server.url("costpulse")) as connection:
            actors = connection.execute(
                "select array_agg(distinct actor) from costpulse.audit_log "
                "where action = 'delete' and table_name = 'teams'"
            ).fetchone()
        assert actors == (["nina"],)

        # The next start keeps it.
        assert own("up", "--demo", "--no-ui").returncode == 0
        assert own("export").stdout == file.read_text()


def test_a_real_account_is_never_given_the_rules_of_the_demo(own: Costpulse) -> None:
    with EmbeddedPostgres(own.data_dir) as server:
        with psycopg.connect(server.url("costpulse")) as connection:
            connection.execute("update costpulse.collection_status set connection = 'dbc-1.cloud.databricks.com'")
            connection.execute(
                "truncate costpulse.rule_versions, costpulse.team_members, costpulse.split_weights, "
                "costpulse.allocation_rules, costpulse.cost_splits, costpulse.teams, costpulse.budgets, "
                "costpulse.tag_policies, costpulse.alerts cascade"
            )
        refused(own("up", "--demo", "--no-ui"), "already holds the bills of dbc-1.cloud.databricks.com")
        assert own("export").stdout == "version: 1\n\ntag_policies: []\n"
