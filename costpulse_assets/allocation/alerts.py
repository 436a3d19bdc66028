"""Alerts as documents: what somebody wants to be told, about what, from which limit on, and where.

What a type of alert asks for (its options, the unit of its threshold, what it can watch) is checked beside the types,
in alerts/checked_alerts.py.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from psycopg.types.json import Jsonb
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from costpulse_assets.allocation.budgets import UNALLOCATED
from costpulse_assets.allocation.documents import Day
from costpulse_assets.allocation.rule_types.declaration import Text
from costpulse_assets.allocation.text_files import plain_number
from costpulse_assets.channel_addresses import ROUTED, ChannelAddress
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import ADDRESS
from costpulse_assets.periods import last_final_day
from costpulse_assets.resources.database import Connection, run

ScopeType = Literal["everything", "team", "workspace", "product", "sku", "job", "warehouse", "cluster", "tag"]
Severity = Literal["info", "warning", "critical"]

#: Longest time between two findings of a scope, in minutes: a week.
LONGEST_COOLDOWN = 7 * 24 * 60
#: An alert that is silenced for longer is better switched off.
MOST_DAYS_MUTED = 90

_LONGEST_NAME, _MOST_CHANNELS, _MOST_OPTIONS = 80, 20, 40
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_SLACK_MEMBER = re.compile(r"[UW][A-Z0-9]{6,20}")
_RESOURCES = ("job", "warehouse", "cluster")
#: What decides whether something is a finding; the rest decides whom it is told and how.
_JUDGED = ("alert_type", "scope_type", "scope", "threshold_value", "options")


def _time(value: object) -> object:
    if isinstance(value, str) and _TIME.fullmatch(value.strip()):
        return time.fromisoformat(value.strip())
    if value is None or (isinstance(value, time) and value.tzinfo is None):
        return value
    raise ValueError("must be a time of the day (UTC) such as 22:00")


def _moment(value: object) -> object:
    if value is None or isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.fullmatch(value.strip())):
        return value
    raise ValueError("must be a day or moment (UTC) such as 2026-01-31 or 2026-01-31 08:00")


def _in_utc(value: datetime | None) -> datetime | None:
    try:
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))
    except OverflowError:
        raise ValueError("is no moment of the calendar in UTC") from None


def _channel(text: str) -> str:
    """Written in one way where it is a channel; what is none stays, for `alert_faults` to name."""
    try:
        return text if text == ROUTED else str(ChannelAddress.parse(text))
    except ValueError:
        return text


def _option(value: object) -> str | tuple[str, ...]:
    match value:
        case bool():
            return str(value).lower()
        case Decimal() | int() | float():
            return plain_number(Decimal(str(value)))
        case str():
            return value.strip()
        case date():
            return value.isoformat()
        case list() | tuple():
            return tuple(str(_option(each)) for each in value)
    raise ValueError("must hold text, numbers, yes or no, or lists of them")


def _options(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {name: _option(each) for name, each in value.items() if each is not None}


_Name = Annotated[Text, Field(min_length=1)]
_OptionalText = Annotated[Text | None, AfterValidator(lambda text: text or None)]
_TimeOfDay = Annotated[
    time | None,
    BeforeValidator(_time),
    PlainSerializer(lambda value: value.isoformat("auto" if value.second else "minutes"), when_used="unless-none"),
]
_Moment = Annotated[datetime | None, BeforeValidator(_moment), AfterValidator(_in_utc)]
_Channel = Annotated[Text, AfterValidator(_channel)]
#: Text that every type reads as the number, day or word it wants: the same whether it was typed, chosen or stored.
_Options = Annotated[dict[Text, Text | tuple[Text, ...]], BeforeValidator(_options)]


class AlertDocument(BaseModel):
    """An alert; it may be nonsense, `alert_faults` tells.

    `scope` is the name of a team (or unallocated), the id of a workspace, a product, an SKU, workspace id/id of a job,
    warehouse or cluster, key=value of a tag. `options` are the further fields of its type, as text. Without channels
    it goes where the routes lead. Without a severity it has that of its type. `watches_from` is the first UTC day it
    tells of; None: of a new alert the day it is saved, of another one as it was, or from the first day that is not
    final if what it judges was changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: _Name
    alert_type: _Name
    scope_type: ScopeType = "everything"
    scope: Text = ""
    threshold_value: Annotated[Decimal, Field(max_digits=38, decimal_places=18)] | None = None
    options: _Options = {}
    severity: Severity | None = None
    notification_channels: tuple[_Channel, ...] = ()
    owner: _OptionalText = None
    cooldown_minutes: int = 60
    quiet_from: _TimeOfDay = None
    quiet_until: _TimeOfDay = None
    muted_until: _Moment = None
    watches_from: Day = None
    is_active: bool = True


@dataclass(frozen=True)
class StoredAlert:
    """A row of the database: the document, and what the form needs to save it again."""

    id: int
    #: Given back when it is saved: another one means that somebody changed it meanwhile.
    version: int
    updated_at: datetime
    #: As in the tables: the id of a team, not its name.
    scope_id: str
    #: It went off before: what it said refers to it, so it has to stay.
    has_history: bool
    document: AlertDocument


@dataclass(frozen=True)
class AlertFault:
    """One thing that is wrong with one of several alerts."""

    #: Which of them, from 0.
    index: int
    name: str
    #: Field of the document; of options and channels with the entry after a dot: "options.days".
    field: str
    #: A sentence with the way out.
    message: str


class BadAlerts(BadInput):
    """Alerts are refused; `faults` lists all that is wrong, the message has each on a line."""

    def __init__(self, faults: Sequence[AlertFault]) -> None:
        self.faults = tuple(faults)
        several = len({fault.index for fault in faults}) > 1
        lines = [f"Alert {fault.name!r}: {fault.message}" if several else fault.message for fault in faults]
        super().__init__("\n".join(lines), next_step="Correct it and try again; nothing was changed.")


class AlertChangedMeanwhile(BadInput):
    """Somebody else changed or deleted the alert after it was read."""


class AlertHasHistory(BadInput):
    """The alert went off before, so it cannot be deleted."""


def stored_alerts(connection: Connection) -> list[StoredAlert]:
    """What the database holds, by name."""
    return [
        StoredAlert(
            **{name: row[name] for name in ("id", "version", "updated_at", "scope_id", "has_history")},
            document=AlertDocument.model_validate({name: row[name] for name in AlertDocument.model_fields}),
        )
        for row in run(connection, "app/alerts")
    ]


def alert_faults(
    documents: Sequence[AlertDocument], connection: Connection, *, teams: Sequence[str] | None = None
) -> list[AlertFault]:
    """Everything that is wrong with these alerts taken together, whatever their types; empty if they may be saved.

    What only the bill knows, such as a workspace or a job, is only known to be wrong where it has some of its kind.

    Args:
        documents: all alerts there shall be.
        connection: to look the scopes up.
        teams: names of the teams there will be; None: those of the database.
    """
    if teams is None:
        teams = list(_teams(connection))
    asked = [{"scope_type": each.scope_type, "scope": each.scope} for each in documents]
    known = {
        (row["scope_type"], row["scope"]): row for row in run(connection, "app/alert_scopes", {"scopes": Jsonb(asked)})
    }
    found = []
    for index, document in enumerate(documents):
        said = [
            *_name_faults(document, [other.name for other in documents[:index]]),
            *_scope_faults(document, teams, known[document.scope_type, document.scope]),
            *_channel_faults(document),
            *_time_faults(document),
        ]
        found += [AlertFault(index, document.name, field, message) for field, message in said]
    return found


def settled_alerts(connection: Connection, documents: Sequence[AlertDocument]) -> list[AlertDocument]:
    """The documents as they will be stored: what they leave open is decided by what is stored under their name."""
    stored = {each.document.name.lower(): each.document for each in stored_alerts(connection)}
    days = _Days.read(connection)
    return [_settled(each, stored.get(each.name.lower()), days) for each in documents]


def save_alert(
    connection: Connection, document: AlertDocument, id: int | None = None, version: int | None = None
) -> int:
    """Saves one alert, new or changed, in the caller's transaction, in which `costpulse.actor` is set.

    Its type is not asked: see alerts/checked_alerts.py. A `watches_from` that is the stored one counts as not given.

    Args:
        connection: with an open transaction.
        document: what it shall be.
        id: the alert that is changed; None: a new one.
        version: the version that was edited; None: whatever is there.

    Returns:
        Its id.

    Raises:
        BadAlerts: something is wrong with it; nothing was changed.
        AlertChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, id, version)
    before = next((each.document for each in stored if each.id == id), None)
    others = [each for each in stored if each.id != id]
    faults = [
        fault
        for fault in alert_faults([*(each.document for each in others), document], connection)
        if fault.index == len(others)
    ]
    if document.muted_until is not None and (before is None or before.muted_until != document.muted_until):
        faults += [
            AlertFault(len(others), document.name, "muted_until", message)
            for message in _mute_faults(document.muted_until)
            if message not in {fault.message for fault in faults}
        ]
    if faults:
        raise BadAlerts(faults)
    if before is not None and document.watches_from == before.watches_from:
        document = document.model_copy(update={"watches_from": None})
    wanted = _settled(document, before, _Days.read(connection))
    _replace(connection, [*((each.id, each.document) for each in others), (id, wanted)])
    return next(each.id for each in stored_alerts(connection) if each.document.name.lower() == wanted.name.lower())


def mute_alert(connection: Connection, id: int, until: datetime | None) -> None:
    """What the alert finds is written down and told to nobody until then; None: it speaks again.

    In the caller's transaction, in which `costpulse.actor` is set.

    Raises:
        BadInput: the moment does not lie ahead, or too far.
        AlertChangedMeanwhile: somebody else deleted the alert.
    """
    expect_actor(connection)
    if until is not None:
        for message in _mute_faults(until):
            raise BadInput(message, next_step="Choose another moment; nothing was changed.")
    if not run(connection, "app/mute_alert", {"id": id, "until": until}):
        raise _changed_meanwhile(connection, id, is_gone=True)


def delete_alert(connection: Connection, id: int, version: int | None = None) -> None:
    """Deletes an alert that never went off, in the caller's transaction, in which `costpulse.actor` is set.

    Raises:
        AlertHasHistory: it went off before; nothing was changed.
        AlertChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, id, version)
    name = next((each.document.name for each in stored if each.id == id and each.has_history), None)
    if name is not None:
        raise AlertHasHistory(
            f"{name} went off before, and its history needs it.", next_step="Switch it off; nothing was changed."
        )
    _replace(connection, [(each.id, each.document) for each in stored if each.id != id])


def replace_alerts(connection: Connection, documents: Sequence[AlertDocument]) -> None:
    """Makes the database hold these and nothing else; what has the same name keeps its row and its id.

    Needs `costpulse.actor` in the transaction, and documents without faults.
    """
    ids = {each.document.name.lower(): each.id for each in stored_alerts(connection)}
    wanted = settled_alerts(connection, documents)
    _replace(connection, [(ids.get(each.name.lower()), each) for each in wanted])


@dataclass(frozen=True)
class _Days:
    """Of the bill: the newest day there is, and the first one that is not final; never later than today."""

    newest: date
    first_open: date

    @classmethod
    def read(cls, connection: Connection) -> "_Days":
        today = datetime.now(UTC).date()
        provisional = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
        final = last_final_day(provisional.items())
        newest = min(today, max(provisional, default=today))
        return cls(newest, newest if final is None else min(newest, final + timedelta(days=1)))


def _settled(document: AlertDocument, before: AlertDocument | None, days: _Days) -> AlertDocument:
    """The document with its severity and the day it watches from."""
    watches_from = document.watches_from
    if watches_from is None and before is not None and before.watches_from is not None:
        watches_from = before.watches_from
        # Another limit would find what nobody wants to hear of any more: weeks of it at once.
        if any(getattr(document, field) != getattr(before, field) for field in _JUDGED):
            watches_from = max(watches_from, days.first_open)
    severity = document.severity or (before.severity if before else None) or "warning"
    return document.model_copy(update={"watches_from": watches_from or days.newest, "severity": severity})


def expect_actor(connection: Connection) -> None:
    """Refuses a change by nobody: `costpulse.actor` has to be set in the transaction."""
    row = connection.execute("select nullif(btrim(current_setting('costpulse.actor', true)), '') as actor").fetchone()
    if row is None or row["actor"] is None:
        raise BadInput("Nobody is named who makes the change.", next_step="Give the name that the audit log shows.")


def _locked(connection: Connection, id: int | None, version: int | None) -> list[StoredAlert]:
    """All alerts, with nobody else changing them, and the one that is edited as its editor saw it."""
    expect_actor(connection)
    connection.execute("lock table costpulse.alerts in share row exclusive mode")
    stored = stored_alerts(connection)
    current = next((each for each in stored if each.id == id), None)
    if id is not None and (current is None or version not in (None, current.version)):
        raise _changed_meanwhile(connection, id, is_gone=current is None)
    return stored


def _changed_meanwhile(connection: Connection, id: int, *, is_gone: bool) -> AlertChangedMeanwhile:
    changes = run(connection, "app/alert_last_change", {"id": id})
    by = f" by {changes[0]['actor']} at {changes[0]['changed_at']:%d %b %Y, %H:%M} UTC" if changes else ""
    return AlertChangedMeanwhile(
        f"{'Deleted' if is_gone else 'Changed'}{by}; reload to see it.",
        next_step="Reload, make your change there, and save.",
    )


def _replace(connection: Connection, wanted: Sequence[tuple[int | None, AlertDocument]]) -> None:
    teams = _teams(connection)
    rows = []
    for position, (alert_id, document) in enumerate(wanted):
        row = document.model_dump(mode="json", exclude={"scope"})
        # What is stored for a team that is gone is its id, and stays.
        scope_id = teams.get(document.scope, document.scope) if document.scope_type == "team" else document.scope
        rows.append(row | {"id": alert_id, "scope_id": scope_id, "position": position})
    run(connection, "app/save_alerts", {"alerts": Jsonb(rows)})


def _teams(connection: Connection) -> dict[str, str]:
    """Id of each team, by name."""
    rows = run(connection, "app/budget_scopes")
    return {row["name"]: row["scope_id"] for row in rows if row["scope_type"] == "team"}


_Said = Iterator[tuple[str, str]]


def _name_faults(document: AlertDocument, others: Sequence[str]) -> _Said:
    if len(document.name) > _LONGEST_NAME:
        yield "name", f"Name must have at most {_LONGEST_NAME} characters."
    for other in others:
        if other.lower() == document.name.lower():
            yield "name", f"An alert named {other} exists already."


def _scope_faults(document: AlertDocument, teams: Sequence[str], known: Mapping[str, Any]) -> _Said:
    kind, scope = document.scope_type, document.scope
    if kind == "everything":
        if scope:
            yield "scope", f"Everything needs no scope: leave {scope} out, or say what it is."
    elif not scope:
        yield "scope", f"Name the {kind}."
    elif kind == "team":
        yield from (("scope", message) for message in unknown_team(scope, [*teams, UNALLOCATED]))
    elif kind == "tag":
        key, _, value = scope.partition("=")
        if not key or not value:
            yield "scope", "Write the tag as key=value."
    elif known["is_any_known"] and not known["is_known"]:
        ids = known["ids_of_name"]
        way_out = f": write its id, {ids[0]}." if len(ids) == 1 else " on the bill."
        yield "scope", f"There is no {kind} {scope}{way_out}"
    elif kind in _RESOURCES and "/" not in scope:
        yield "scope", f"Write the {kind} as workspace id/{kind} id."


def unknown_team(name: str, names: Sequence[str]) -> Iterator[str]:
    """What is to be said of a team that is none of these; nothing if it is."""
    if name not in names:
        folded = {each.casefold(): each for each in names}
        close = get_close_matches(name.casefold(), folded, n=1)
        yield f"There is no team {name}" + (f": write {folded[close[0]]} if you mean that." if close else ".")


def _channel_faults(document: AlertDocument) -> _Said:
    channels = document.notification_channels
    for index, channel in enumerate(channels):
        field = f"notification_channels.{index}"
        if channel != ROUTED:
            yield from ((field, message) for message in bad_channel(channel))
        if channel in channels[:index]:
            yield field, f"Channel {channel} is listed twice."
    if len(channels) > _MOST_CHANNELS:
        yield "notification_channels", f"There can be at most {_MOST_CHANNELS} channels, not {len(channels)}."
    if document.owner and not ADDRESS.fullmatch(document.owner) and not _SLACK_MEMBER.fullmatch(document.owner):
        yield "owner", f"Owner must be an e-mail address or a member id of Slack such as U0123456789: {document.owner}."
    if len(document.options) > _MOST_OPTIONS:
        yield "options", f"There can be at most {_MOST_OPTIONS} options, not {len(document.options)}."


def bad_channel(text: str) -> Iterator[str]:
    """What is to be said of a channel that is none; nothing if it is one."""
    try:
        ChannelAddress.parse(text)
    except ValueError as error:
        yield f"Channel {error}."


def _time_faults(document: AlertDocument) -> _Said:
    if not 0 <= document.cooldown_minutes <= LONGEST_COOLDOWN:
        yield "cooldown_minutes", f"Cooldown must lie between 0 and {LONGEST_COOLDOWN} minutes, which is a week."
    first, last = document.quiet_from, document.quiet_until
    if (first is None) != (last is None):
        missing, word = ("quiet_from", "begin") if first is None else ("quiet_until", "end")
        yield missing, f"Quiet hours must {word} at a time: give both, or neither."
    elif first is not None and first == last:
        yield "quiet_until", "Quiet hours must end at another time than they begin."
    if document.muted_until is not None and document.muted_until > _latest_mute():
        yield "muted_until", f"Muted for at most {MOST_DAYS_MUTED} days: switch it off if it shall be quiet for longer."
    day = document.watches_from
    if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
        yield "watches_from", f"{day} is out of range: days lie between {_FIRST_DAY} and {_LAST_DAY}."


def _mute_faults(until: datetime) -> Iterator[str]:
    if until <= datetime.now(UTC):
        yield f"Muted until {until:%d %b %Y, %H:%M} UTC is over already: choose a moment that lies ahead."
    elif until > _latest_mute():
        yield f"Muted for at most {MOST_DAYS_MUTED} days: switch it off if it shall be quiet for longer."


def _latest_mute() -> datetime:
    # A form says "in 90 days" and takes a while to be sent.
    return datetime.now(UTC) + timedelta(days=MOST_DAYS_MUTED, hours=1)
