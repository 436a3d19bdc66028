"""The documentation tells the truth about names that others rely on."""

import re
from pathlib import Path

import pytest

from costpulse_assets import errors
from costpulse_assets.cli import COMMANDS
from costpulse_assets.cli.runs import RunFailed
from costpulse_assets.cli.services import ServiceDied
from costpulse_assets.errors import CostPulseError
from costpulse_assets.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])


def text(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented_with_its_description(name):
    description = Settings.model_fields[name].description
    assert description
    rows = [line for line in text("docs/configuration.md").splitlines() if f"| `COSTPULSE_{name.upper()}` |" in line]
    assert any(description in row for row in rows)


def test_no_setting_is_documented_that_does_not_exist():
    named = set(re.findall(r"COSTPULSE_([A-Z_]*[A-Z])(?![A-Z_])", text("docs/configuration.md")))
    known = {name.upper() for name in Settings.model_fields}
    assert named <= known


def test_every_command_is_named_in_the_readme():
    for name in COMMANDS:
        assert re.search(rf"`(costpulse )?{name}`", text("README.md")), name


def test_every_named_failure_is_explained():
    classes = [value for value in vars(errors).values() if isinstance(value, type)] + [RunFailed, ServiceDied]
    named = {cls for cls in classes if issubclass(cls, CostPulseError)} - {CostPulseError, errors.SourceError}
    for cls in named:
        row = next(line for line in text("docs/operations.md").splitlines() if line.startswith(f"| `{cls.__name__}` |"))
        assert row.endswith("| yes |" if cls.retryable else "| no |"), cls


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), flags=re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", text("README.md"))) <= targets
    assert targets >= {"install", "demo", "up", "test", "check", "bench", "screenshots"}
