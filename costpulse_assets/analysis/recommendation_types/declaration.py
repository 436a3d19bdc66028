"""What a type of recommendation consists of; each file beside this one declares one."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

#: What a recommendation is about.
ResourceType = Literal["cluster", "warehouse", "job", "pipeline", "endpoint"]
#: What of a resource's cost a recommendation lowers: two of one kind on one resource save only once.
ActsOn = Literal["idle time", "size", "price", "failures", "existence"]
Level = Literal["low", "medium", "high"]


@dataclass(frozen=True)
class Threshold:
    """A number that decides whether a type speaks, which a setting may change.

    Attributes:
        name: name of the parameter in the statement and in the setting, e.g. maximum_cpu_percent.
        default: what holds when nobody sets it.
        minimum: smallest value that is accepted.
        maximum: largest value that is accepted.
        unit: of the value: percent, minutes, hours, days, USD, count.
        description: what it decides, one sentence.
    """

    name: str
    default: Decimal
    minimum: Decimal
    maximum: Decimal
    unit: str
    description: str


@dataclass(frozen=True)
class RecommendationType:
    """A kind of advice: when it is given, what it is worth, how sure that is, and exactly what to change.

    The statement `sql/transform/recommend_<name>.sql` finds the resources it applies to in a window of 30 final days
    and adds a row for each to `found_recommendations`; its parameters are the window and the thresholds, by name.

    Attributes:
        name: that of its file, and of `recommendations.type`.
        title: what people call it.
        resource_type: what its rows are about.
        acts_on: what of the cost it lowers.
        trigger: when it speaks, in prose.
        saving: formula of the saving per 30 days, in prose, with the names of the evidence.
        evidence: what each figure of `recommendations.evidence` means, with its unit.
        confidence: when it is high, medium or low.
        change: the exact change to make.
        undo: how to take it back.
        wrong_when: what would make the advice wrong, for the person who decides.
        silent_when: when it says nothing although one might expect it.
        effort: of making the change.
        risk: of making the change.
        thresholds: numbers that decide, with their bounds.
    """

    name: str
    title: str
    resource_type: ResourceType
    acts_on: ActsOn
    trigger: str
    saving: str
    evidence: Mapping[str, str]
    confidence: str
    change: str
    undo: str
    wrong_when: str
    silent_when: str
    effort: Level
    risk: Level
    thresholds: tuple[Threshold, ...] = ()

    @property
    def statement(self) -> str:
        """Name of its statement for `sql_files`."""
        return f"transform/recommend_{self.name}"
