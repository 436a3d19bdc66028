"""Everything that people decide, as one YAML file: `costpulse export` writes it, `costpulse apply` makes it so.

The same content is always the same text. What is not written has its default; what is in the database and not in the
file goes. A file is taken as a whole, or refused with everything that is wrong with it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from costpulse_assets.allocation.alert_routes import (
    AlertRouteDocument,
    AlertRouteFault,
    alert_route_faults,
    replace_alert_routes,
    stored_alert_routes,
)
from costpulse_assets.allocation.alerts import (
    AlertDocument,
    AlertFault,
    alert_faults,
    replace_alerts,
    settled_alerts,
    stored_alerts,
)
from costpulse_assets.allocation.budgets import (
    BudgetDocument,
    BudgetFault,
    budget_faults,
    replace_budgets,
    stored_budgets,
)
from costpulse_assets.allocation.plan import Change, change_in_words, changes_in_words
from costpulse_assets.allocation.price_adjustments import (
    PriceAdjustmentDocument,
    replace_price_adjustments,
    stored_price_adjustments,
)
from costpulse_assets.allocation.rule_set import (
    BadRuleSet,
    Problem,
    RuleDocument,
    RuleSet,
    ShareDocument,
    SplitDocument,
    TeamDocument,
    problems,
    protected,
    replace_rule_set,
    stored_rule_set,
)
from costpulse_assets.allocation.rule_set import changes as rule_changes
from costpulse_assets.allocation.rule_types.declaration import refusals
from costpulse_assets.allocation.tag_policies import (
    DEFAULT_TAG_POLICIES,
    TagPolicyDocument,
    replace_tag_policies,
    stored_tag_policies,
    tag_policy_problems,
)
from costpulse_assets.allocation.text_files import Place, TextFile, read_weights, read_yaml, write_yaml
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection

T = TypeVar("T")

#: In a split instead of `shares`: a CSV file beside the YAML file.
WEIGHTS_FILE = "weights_file"

#: Of an alert: the document with what its type fills in, and what is wrong with it (field, sentence) for that type.
AlertCheck = Callable[[AlertDocument], tuple[AlertDocument, Iterable[tuple[str, str]]]]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")


class RulesDocument(BaseModel):
    """Version 1 of the file, in the order in which it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1, le=1)]
    teams: tuple[TeamDocument, ...] = ()
    rules: tuple[RuleDocument, ...] = ()
    splits: tuple[SplitDocument, ...] = ()
    price_adjustments: tuple[PriceAdjustmentDocument, ...] = ()
    budgets: tuple[BudgetDocument, ...] = ()
    alerts: tuple[AlertDocument, ...] = ()
    alert_routes: tuple[AlertRouteDocument, ...] = ()
    tag_policies: tuple[TagPolicyDocument, ...] = DEFAULT_TAG_POLICIES

    @property
    def rule_set(self) -> RuleSet:
        """The part that decides who owns what."""
        return RuleSet(teams=self.teams, rules=self.rules, splits=self.splits)


@dataclass(frozen=True)
class RulesFile:
    """A document, and where each part of it stands in the files it was read from."""

    document: RulesDocument
    text: TextFile


def read_rules(
    content: bytes, name: str, *, folder: Path | None = None, alert_check: AlertCheck | None = None
) -> RulesFile:
    """The document in a file, complete: the weights that a split keeps in a file of its own are read as well.

    Args:
        content: YAML in UTF-8.
        name: what the file is called in messages.
        folder: where `weights_file` of a split is looked for; None: such a split is refused.
        alert_check: what the types of alerts have to say, see alerts/checked_alerts.py; None: nothing.

    Raises:
        BadInput: with file, line, path, value and reason of everything that does not fit.
    """
    text = _with_weights(read_yaml(content, name), folder)
    document = _fitted(TypeAdapter(RulesDocument), text)
    wrong = [fault.at(text) for fault in _overlapping_prices(document)]
    if alert_check is not None:
        checked = [alert_check(alert) for alert in document.alerts]
        document = document.model_copy(update={"alerts": tuple(alert for alert, _ in checked)})
        faults = [
            AlertFault(index, alert.name, field, message)
            for index, (alert, said) in enumerate(checked)
            for field, message in said
        ]
        wrong += [_in_file(fault, "alerts", text) for fault in faults]
    if wrong:
        raise BadRuleSet(wrong)
    return RulesFile(document, text)


def read_shares(content: bytes, name: str) -> tuple[ShareDocument, ...]:
    """The shares of a split from CSV `team,weight,valid_from,valid_to`; days are inclusive, an empty one is open.

    Raises:
        BadInput: with file, line, column, value and reason of everything that does not fit.
    """
    return _fitted(TypeAdapter(tuple[ShareDocument, ...]), read_weights(content, name))


def stored_rules(connection: Connection) -> RulesDocument:
    """What the database holds now."""
    rule_set = stored_rule_set(connection)
    return RulesDocument(
        version=1,
        teams=rule_set.teams,
        rules=rule_set.rules,
        splits=rule_set.splits,
        price_adjustments=stored_price_adjustments(connection),
        budgets=tuple(budget.document for budget in stored_budgets(connection)),
        alerts=tuple(alert.document for alert in stored_alerts(connection)),
        alert_routes=tuple(route.document for route in stored_alert_routes(connection)),
        tag_policies=tuple(policy.document for policy in stored_tag_policies(connection)),
    )


def rules_text(document: RulesDocument) -> str:
    """The YAML text of a document, which reads back as the same document."""
    sections: dict[str, Any] = {"version": document.version} | document.model_dump(exclude_defaults=True)
    for alert in sections.get("alerts", ()):
        if "options" in alert:
            alert["options"] = {name: _as_people_write(each) for name, each in alert["options"].items()}
    return "\n".join(write_yaml({name: section}) for name, section in sections.items())


def planned_changes(connection: Connection, file: RulesFile, *, identities: Identities) -> tuple[Change, ...]:
    """What `apply_rules` would do; nothing is written.

    Raises:
        BadInput: as `apply_rules`.
    """
    before, after = stored_rules(connection), file.document
    rule_set = _accepted(connection, file, identities)
    return (
        *(
            change_in_words(each.kind, each.name, each.before, each.after)
            for each in rule_changes(before.rule_set, rule_set)
        ),
        *changes_in_words(
            "price adjustment",
            {each.key: each for each in before.price_adjustments},
            {each.key: each for each in after.price_adjustments},
            lambda each: f"{each.sku_pattern} from {each.valid_from}",
        ),
        *changes_in_words(
            "budget",
            {each.name.lower(): each for each in before.budgets},
            {each.name.lower(): each for each in after.budgets},
            lambda each: each.name,
        ),
        *changes_in_words(
            "alert",
            {each.name.lower(): each for each in before.alerts},
            {each.name.lower(): each for each in settled_alerts(connection, after.alerts)},
            lambda each: each.name,
        ),
        *changes_in_words(
            "alert route",
            {each: each for each in before.alert_routes},
            {each: each for each in after.alert_routes},
            str,
        ),
        *changes_in_words(
            "tag policy",
            {each.key.lower(): each for each in before.tag_policies},
            {each.key.lower(): each for each in after.tag_policies},
            lambda each: each.key,
        ),
    )


def apply_rules(connection: Connection, file: RulesFile, actor: str, *, identities: Identities) -> tuple[Change, ...]:
    """Makes the database hold this document and nothing else, in the caller's transaction.

    Args:
        connection: with an open transaction, which has to end with any exception.
        file: what `read_rules` read.
        actor: who does it, for the audit log.
        identities: how this deployment stores identities.

    Returns:
        What was changed; empty if it was so already.

    Raises:
        BadInput: with file, line, path, value and reason of everything that is wrong; nothing was changed.
    """
    changes = planned_changes(connection, file, identities=identities)
    replace_rule_set(connection, file.document.rule_set, actor, identities=identities)
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor])
    replace_price_adjustments(connection, file.document.price_adjustments)
    replace_budgets(connection, file.document.budgets)
    replace_alerts(connection, file.document.alerts)
    replace_alert_routes(connection, file.document.alert_routes)
    replace_tag_policies(connection, file.document.tag_policies)
    return changes


@dataclass(frozen=True)
class _Fault:
    """Something wrong that only shows between parts of a document."""

    place: Place
    value: str
    reason: str

    def at(self, text: TextFile) -> Problem:
        return Problem(text.where(self.place), _path(self.place) or "the document", self.value, self.reason)


def _fitted(model: TypeAdapter[T], text: TextFile) -> T:
    try:
        return model.validate_python(text.value)
    except ValidationError as error:
        places = [details["loc"] for details in error.errors(include_url=False)]
        raise BadRuleSet(
            [
                _Fault(place, shorten(refusal.value, 100, placeholder=" ..."), refusal.reason).at(text)
                for place, refusal in zip(places, refusals(error), strict=True)
            ]
        ) from error


def _with_weights(text: TextFile, folder: Path | None) -> TextFile:
    """The file with the rows of each `weights_file` in its place."""
    splits = text.value.get("splits") if isinstance(text.value, dict) else None
    for index, split in enumerate(splits if isinstance(splits, list) else []):
        if not isinstance(split, dict) or WEIGHTS_FILE not in split:
            continue
        place: Place = ("splits", index, WEIGHTS_FILE)
        name = split.pop(WEIGHTS_FILE)
        if "shares" in split:
            raise BadRuleSet([_Fault(place, str(name), "cannot stand beside shares").at(text)])
        if folder is None or not isinstance(name, str):
            raise BadRuleSet([_Fault(place, str(name), "must be the name of a file beside this one").at(text)])
        try:
            content = (folder / name).read_bytes()
        except (OSError, ValueError) as error:
            reason = f"cannot be read ({getattr(error, 'strerror', None) or error})"
            raise BadRuleSet([_Fault(place, name, reason).at(text)]) from error
        weights = read_weights(content, str(folder / name))
        split["shares"] = weights.value
        text.places.update({("splits", index, "shares", *row): line for row, line in weights.places.items()})
    return text


def _overlapping_prices(document: RulesDocument) -> Iterator[_Fault]:
    for (first, one), (second, other) in combinations(enumerate(document.price_adjustments), 2):
        if one.overlaps(other):
            reason = f"overlaps {_path(('price_adjustments', first))}, which is for the same SKUs from {one.valid_from}"
            yield _Fault(("price_adjustments", second, "valid_from"), str(other.valid_from), reason)


def _accepted(connection: Connection, file: RulesFile, identities: Identities) -> RuleSet:
    """Teams, rules and splits of a file as they will be stored, or all that is to be said against them."""
    document = file.document
    rule_set, wrong = document.rule_set, problems(document.rule_set, connection)
    if not wrong:
        try:
            rule_set = protected(rule_set, identities)
        except BadRuleSet as refused:
            wrong = list(refused.problems)
    faults = [fault.at(file.text) for fault in _alerts_that_must_stay(connection, document)]
    others = [*_wrong_budgets_and_alerts(connection, file), *_wrong_tag_policies(connection, file), *faults]
    if wrong or others:
        raise BadRuleSet([*(_located(problem, file) for problem in wrong), *others])
    return rule_set


def _wrong_budgets_and_alerts(connection: Connection, file: RulesFile) -> Iterator[Problem]:
    """What is to be said against budgets, alerts and routes."""
    document, teams = file.document, [team.name for team in file.document.teams]
    for budget in budget_faults(document.budgets, connection, teams=teams):
        yield _in_file(budget, "budgets", file.text)
    for alert in alert_faults(document.alerts, connection, teams=teams):
        yield _in_file(alert, "alerts", file.text)
    cost_centers = [team.cost_center for team in document.teams]
    for route in alert_route_faults(document.alert_routes, teams=teams, cost_centers=cost_centers):
        yield _in_file(route, "alert_routes", file.text)


def _in_file(fault: BudgetFault | AlertFault | AlertRouteFault, section: str, text: TextFile) -> Problem:
    """A fault as the sentence that the form shows, with its line."""
    subject, _, reason = fault.message.removesuffix(".").partition(" ")
    kind = section.removesuffix("s").replace("_", " ").capitalize()
    where = text.where((section, fault.index, *_steps(fault.field)))
    return Problem(f"{where}: {kind} {fault.name!r}", subject, "", reason)


def _wrong_tag_policies(connection: Connection, file: RulesFile) -> list[Problem]:
    """What is to be said against tag policies, each with its line."""
    policies, teams = file.document.tag_policies, [team.name for team in file.document.teams]
    return [
        replace(problem, where=f"{file.text.where(('tag_policies', index, problem.field))}: {problem.where}")
        for index, problem in tag_policy_problems(policies, connection, teams=teams)
    ]


def _alerts_that_must_stay(connection: Connection, document: RulesDocument) -> Iterator[_Fault]:
    kept = {alert.name.lower() for alert in document.alerts}
    for alert in stored_alerts(connection):
        if alert.has_history and alert.document.name.lower() not in kept:
            reason = "went off before, and its history needs it: write it with is_active: false"
            yield _Fault(("alerts",), alert.document.name, reason)


def _located(problem: Problem, file: RulesFile) -> Problem:
    """A problem of a team, rule or split with its line."""
    place: Place = ()
    for kind, section in (("Team", "teams"), ("Rule", "rules"), ("Split", "splits")):
        for index, document in enumerate(getattr(file.document, section)):
            name, _, part = problem.where.partition(", ")
            # Of two with one name the second one is too many.
            if name == f"{kind} {document.name!r}" or name == f"{kind} {index + 1}":
                place = (section, index, *_field(problem, part, document))
    return replace(problem, where=f"{file.text.where(place)}: {problem.where}")


def _field(problem: Problem, part: str, document: TeamDocument | RuleDocument | SplitDocument) -> Place:
    """Where in a document a problem is; `part` is "member 'nina@northwind.example'" or empty."""
    field = _steps(problem.field)
    for members, key in (("members", "email"), ("shares", "team")):
        for index, each in reversed(list(enumerate(getattr(document, members, ())))):
            name = getattr(each, key)
            if part.endswith(repr(name)) or (field == (members, key) and name == problem.value):
                return members, index, field[-1]
    return field


def _steps(field: str) -> Place:
    """`members.2.email` step by step."""
    return tuple(int(step) if step.isdigit() else step for step in field.split("."))


def _as_people_write(option: str | tuple[str, ...]) -> Any:
    """An option of an alert without the quotes that YAML puts around text that is a number or yes or no."""
    if isinstance(option, tuple):
        return [_as_people_write(each) for each in option]
    if option in ("true", "false"):
        return option == "true"
    return Decimal(option) if _NUMBER.fullmatch(option) else option


def _path(place: Place) -> str:
    """`rules[2].conditions.values[0]`; a row of a table is known by its line, and only the column is left."""
    if place and isinstance(place[0], int):
        place = place[1:]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
