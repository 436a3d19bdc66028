"""Cost of clusters by their name: `{"pattern": "etl-(prod|dev)-[0-9]+"}`."""

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, Pattern, RuleType, Text


class ClusterMatch(Conditions):
    """A regular expression over cluster names."""

    pattern: Text = Field(
        title="Name of the cluster",
        description="A regular expression for the whole name; upper and lower case do not count.",
        examples=["etl-(prod|dev)-.*"],
    )

    def atoms(self) -> list[Atom]:
        """The name of the cluster on the usage day matches."""
        return [Atom("cluster_name", "", (Pattern("regex", self.pattern),))]

    def describe(self) -> str:
        """`name of the cluster matches etl-.*`."""
        return f"name of the cluster matches {self.pattern}"


RULE_TYPE = RuleType(
    name="cluster_match",
    title="Cluster name",
    documentation="Usage of clusters whose name on the usage day matches a regular expression of PostgreSQL, from its "
    "first to its last character. It is tried on the present names before it is saved.",
    conditions=ClusterMatch,
)
