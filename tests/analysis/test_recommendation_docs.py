"""The page about recommendations is what the declarations say, and names everything a reader needs."""

import re
from pathlib import Path

import pytest

from costpulse_assets.analysis.recommendation_docs import documentation
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES, RecommendationType
from costpulse_assets.resources.sql_files import load_sql
from costpulse_assets.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "recommendations.md"
TYPES = pytest.mark.parametrize("kind", RECOMMENDATION_TYPES.values(), ids=lambda kind: kind.name)


def test_the_page_about_recommendations_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == documentation(), (
        "run python -m costpulse_assets.analysis.recommendation_docs > docs/recommendations.md"
    )


@TYPES
def test_every_type_has_its_formula_evidence_and_silence_on_the_page(kind: RecommendationType) -> None:
    (section,) = re.findall(rf"^## {re.escape(kind.title)}\n(.*?)(?=^## |\Z)", documentation(), re.M | re.S)
    words = " ".join(section.split())
    for text in (kind.trigger, kind.saving, kind.confidence, kind.change, kind.undo, kind.wrong_when, kind.silent_when):
        assert text
        assert " ".join(text.split()) in words
    for name in [*kind.evidence, *(threshold.name for threshold in kind.thresholds)]:
        assert f"`{name}`" in words


@TYPES
def test_every_threshold_is_a_parameter_of_its_statement_within_its_own_bounds(kind: RecommendationType) -> None:
    named = set(re.findall(r"%\((\w+)\)s", load_sql(kind.statement)))
    thresholds = {threshold.name: threshold for threshold in kind.thresholds}
    assert named - {"first_date", "last_date", "today"} == thresholds.keys()
    assert all(each.minimum <= each.default <= each.maximum for each in thresholds.values())
    defaults = Settings(
        _env_file=None, recommendation_thresholds={kind.name: {n: t.default for n, t in thresholds.items()}}
    )  # type: ignore[call-arg]
    assert defaults.recommendation_thresholds


def test_links_within_the_page_lead_to_a_heading() -> None:
    page = documentation()
    headings = {
        "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")
        for heading in re.findall(r"^#+ (.+)$", page, re.M)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert links
    assert links <= headings
