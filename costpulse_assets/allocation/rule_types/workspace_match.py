"""Cost of workspaces: `{"workspaces": ["northwind-ml", "1284731905523417"]}`."""

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType, Text, any_of, globs


class WorkspaceMatch(Conditions):
    """Workspaces by id or by their name on the day."""

    workspaces: tuple[Text, ...] = Field(
        min_length=1,
        title="Workspaces",
        description="One a line: an id, or a name, in which `*` stands for anything.",
        examples=["northwind-ml"],
    )

    def atoms(self) -> list[Atom]:
        """Id or name of the workspace is one of these."""
        return [Atom("workspace", "", globs(self.workspaces))]

    def describe(self) -> str:
        """`workspace is northwind-ml`."""
        return f"workspace is {any_of(self.workspaces)}"


RULE_TYPE = RuleType(
    name="workspace_match",
    title="Workspace",
    documentation="Everything in these workspaces, by id or by their name on the day. Usage of the account as a whole "
    "is in no workspace.",
    conditions=WorkspaceMatch,
)
