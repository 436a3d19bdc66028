"""Cost of jobs: `{"jobs": ["nightly-*", "620711493812"]}`."""

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType, Text, any_of, globs


class JobMatch(Conditions):
    """Jobs by id or name."""

    jobs: tuple[Text, ...] = Field(
        min_length=1,
        title="Jobs",
        description="One a line: an id, or a name, in which `*` stands for anything.",
        examples=["nightly-*"],
    )

    def atoms(self) -> list[Atom]:
        """Id or name of the job is one of these."""
        return [Atom("job", "", globs(self.jobs))]

    def describe(self) -> str:
        """`job is nightly-*`."""
        return f"job is {any_of(self.jobs)}"


RULE_TYPE = RuleType(
    name="job_match",
    title="Job",
    documentation="Usage billed to these jobs, by id or by the name on the usage day. Jobs on all-purpose clusters and "
    "on warehouses are billed to the cluster or the warehouse.",
    conditions=JobMatch,
)
