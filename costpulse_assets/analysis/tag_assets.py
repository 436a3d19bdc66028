"""Assets of tag compliance: tags that cost inherits, how much of it carries the required ones, what lacks them."""

from typing import Any

import dagster as dg

from costpulse_assets.analysis.tag_compliance import (
    TAG_COMPLIANCE,
    rebuild_resource_tags,
    rebuild_tag_violations,
)
from costpulse_assets.derived_assets import derived_asset, rebuilt_asset
from costpulse_assets.layers import Layer


def tag_assets(partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets resource_tags, tag_compliance and tag_violations."""
    return [
        rebuilt_asset(
            "resource_tags",
            layer=Layer.ANALYSIS,
            deps=["clusters", "warehouses", "jobs", "pipelines", "serving_endpoints", "daily_key_costs"],
            description="Tags and owner of every resource, as its cost inherits them. Other tags than before make the "
            "days of the last 90 due on which the resource had cost.",
            rebuild=rebuild_resource_tags,
        ),
        derived_asset(
            TAG_COMPLIANCE,
            partitions,
            layer=Layer.ANALYSIS,
            description="Cost and resources with all required tags, without, with wrong values, and what nobody can "
            "tag, per day, workspace, team, owner and kind of resource; tag_key_compliance has it by tag key. A "
            "changed policy makes the last 90 days due.",
            adds_up="Taggable and not taggable cost per day equal daily_key_costs to the last digit, under every tag "
            "key as well.",
        ),
        rebuilt_asset(
            "tag_violations",
            layer=Layer.ANALYSIS,
            deps=["tag_compliance", "completeness"],
            description="Resources whose newest final day lacks required tags: what is wrong, whose they are, what "
            "they cost in the last 30 final days.",
            rebuild=rebuild_tag_violations,
        ),
    ]
