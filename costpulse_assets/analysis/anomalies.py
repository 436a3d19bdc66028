"""Which days of a daily cost series are unusual: the public functions, and the form the assets use.

Belongs here: input in order, method chosen, arrays labelled, the memory between two calls. The methods themselves are
in robust_detection.py and classic_detection.py; what is made of flagged days (events, causes, money) is not here.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd

from costpulse_assets.analysis import classic_detection, robust_detection
from costpulse_assets.analysis.daily_values import daily_values
from costpulse_assets.errors import BadInput

Method = Literal["robust", "classic"]
METHODS: tuple[Method, ...] = get_args(Method)
Severity = Literal["medium", "high", "critical"]
#: By code; 0 is not flagged.
SEVERITIES: tuple[Severity | None, ...] = (None, *get_args(Severity))
Kind = Literal["spike", "drop", "level shift", "drift", "new source"]
#: By code; 0 is nothing.
KINDS: tuple[Kind | None, ...] = (None, *get_args(Kind))

#: Days that a verdict can depend on, beside the day itself.
MEMORY = robust_detection.MEMORY
#: Days before anything is said of a series.
WARM_UP_DAYS = robust_detection.WARM_UP_DAYS

# Raised with every change of a method, so that no memory of another version is continued.
_VERSION = 2


@dataclass(frozen=True)
class Judgements:
    """What is said of each day of each series. All arrays are days x series.

    Attributes:
        index: the days, every one from the first to the last.
        columns: the series, in the order of the frame.
        expected: what the day should have cost; NaN while there is no judgement (warm-up, no history).
        lower: least that is not unusual; lower <= expected <= upper.
        upper: most that is not unusual.
        score: how far out the day lies in units of the series' own noise, with its sign; NaN where nothing is said.
        severity: int8, place in SEVERITIES. Above 0 exactly for days outside the band, and for the day on which a
            drift or a level shift inside the band is recognised.
        kind: int8, place in KINDS. `level shift` and `drift` stand on the day they are recognised; the flagged days
            before belong to the same event. `new source` stands on the first day with cost, also where severity is 0:
            then there is no history to judge it by, and whether the beginning is news (the account has older days) or
            the start of the data is for the caller to say.
    """

    index: pd.DatetimeIndex
    columns: pd.Index
    expected: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    score: np.ndarray
    severity: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True)
class State:
    """The detector's memory after a day; `judge` continues from it.

    Attributes:
        method: that it belongs to.
        columns: `repr` of each series.
        last_day: the newest day that is in it; None before the first.
        sensitivity: one factor for each series.
        history: series x `MEMORY`, the newest values as they were given.
        arrays: the method's own memory.
    """

    method: Method
    columns: tuple[str, ...]
    last_day: date | None
    sensitivity: np.ndarray
    history: np.ndarray
    arrays: dict[str, np.ndarray]

    @property
    def fingerprint(self) -> str:
        """Equal to `fingerprint(frame)` while the frame up to `last_day` and the settings are what they were."""
        return _digest(self.method, self.columns, self.last_day, self.sensitivity, self.history)

    def to_bytes(self) -> bytes:
        """For storage."""
        head = {
            "version": _VERSION,
            "method": self.method,
            "columns": self.columns,
            "last_day": self.last_day.isoformat() if self.last_day else None,
        }
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            allow_pickle=False,
            head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
            sensitivity=self.sensitivity,
            history=self.history,
            **{f"memory_{name}": array for name, array in self.arrays.items()},
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """What `to_bytes` gave.

        Raises:
            BadInput: It is of another version, or no state at all.
        """
        try:
            with np.load(io.BytesIO(stored), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            head = json.loads(arrays.pop("head").tobytes())
            if head["version"] != _VERSION:
                raise ValueError(f"version {head['version']}")
            return cls(
                head["method"],
                tuple(head["columns"]),
                date.fromisoformat(head["last_day"]) if head["last_day"] else None,
                arrays.pop("sensitivity"),
                arrays.pop("history"),
                {name.removeprefix("memory_"): array for name, array in arrays.items()},
            )
        except Exception as error:
            raise BadInput(
                f"The stored memory of the detector cannot be read: {error}.",
                next_step="Judge the whole history again; it makes a new one.",
            ) from error


def detect(series: "pd.Series[float]", *, sensitivity: float = 1.0, method: Method = "robust") -> pd.DataFrame:
    """Which days of one daily series are unusual, each judged by the days before it only.

    The input is put in order first; see `daily_values` for what each of gaps, zones, duplicates and the like becomes.
    An empty series gives an empty frame. Days before there is enough history have no band and are never flagged.

    Args:
        series: Cost of each day in any currency, labelled with dates.
        sensitivity: 1.0 is the default; more finds more: the limits are divided by it.
        method: `robust`, or `classic`, the z-score of the seven days before.

    Returns:
        A row for every day: expected_cost, lower_bound, upper_bound, score (see `Judgements`), and severity: None,
        "medium", "high" or "critical".

    Raises:
        BadInput: The series, the sensitivity or the method is not usable.
    """
    return detect_many(series.to_frame("series"), sensitivity=sensitivity, method=method)["series"]


def detect_many(
    frame: pd.DataFrame, *, sensitivity: float | Mapping[Any, float] = 1.0, method: Method = "robust"
) -> dict[Any, pd.DataFrame]:
    """`detect` of every column of the frame (days x series) at once, with the same result as one by one."""
    judged, _ = judge(frame, sensitivity=sensitivity, method=method)
    words = np.array(SEVERITIES, dtype=object)
    return {
        name: pd.DataFrame(
            {
                "expected_cost": judged.expected[:, at],
                "lower_bound": judged.lower[:, at],
                "upper_bound": judged.upper[:, at],
                "score": judged.score[:, at],
                "severity": pd.Series(words[judged.severity[:, at]], index=judged.index, dtype=object),
            },
            index=judged.index,
        )
        for at, name in enumerate(judged.columns)
    }


def judge(
    frame: pd.DataFrame,
    *,
    sensitivity: float | Mapping[Any, float] = 1.0,
    method: Method = "robust",
    state: State | None = None,
) -> tuple[Judgements, State]:
    """Judge every day of every series; with a state, days that come after it, as if all were given at once.

    Args:
        frame: days x series, as in `detect_many`. With a state: the same columns, days after `state.last_day`.
        sensitivity: One factor for all, or a mapping; series that are not in it have 1.0.
        method: As in `detect`.
        state: From the call before.

    Returns:
        The judgements of the days of this frame (with those missing between the state and it), and the new state.

    Raises:
        BadInput: As in `detect`, or the state does not fit.
    """
    if method not in METHODS:
        raise BadInput(f"There is no method {method!r}.", next_step=f"Choose from {', '.join(METHODS)}.")
    ordered = daily_values(frame)
    factors = _factors(sensitivity, ordered.columns)
    columns = tuple(map(repr, ordered.columns))
    if state is not None:
        _check_fits(state, method, columns, factors, ordered)
        if state.last_day is not None and len(ordered):
            first = pd.Timestamp(state.last_day) + pd.Timedelta(days=1)
            ordered = ordered.reindex(pd.date_range(first, ordered.index[-1], freq="D", unit="ns"))
    values = np.ascontiguousarray(ordered.to_numpy().T)
    arrays: dict[str, np.ndarray]
    if method == "classic":
        before = state.arrays["before"] if state else np.full((len(columns), classic_detection.WINDOW), np.nan)
        verdicts, before = classic_detection.judge_days(values, factors, before)
        arrays = {"before": before}
    else:
        blank = robust_detection.blank(len(columns))
        memory = robust_detection.Memory(**state.arrays) if state else blank
        days = list(pd.DatetimeIndex(ordered.index).date)
        verdicts, memory = robust_detection.judge_days(values, days, factors, memory)
        arrays = {field.name: getattr(memory, field.name) for field in fields(memory)}
    past = state.history if state else np.full((len(columns), MEMORY), np.nan)
    history = np.concatenate([past, values], axis=1)[:, values.shape[1] :]
    last_day = ordered.index[-1].date() if len(ordered) else (state.last_day if state else None)
    by_day = {field.name: getattr(verdicts, field.name).T for field in fields(verdicts)}
    return (
        Judgements(pd.DatetimeIndex(ordered.index), ordered.columns, **by_day),
        State(method, columns, last_day, factors, history.copy(), arrays),
    )


def fingerprint(
    frame: pd.DataFrame, *, sensitivity: float | Mapping[Any, float] = 1.0, method: Method = "robust"
) -> str:
    """What a state's fingerprint has to be so that it can be continued after the last day of this frame.

    It is of the newest `MEMORY` days; older ones have no part in what is said of later days.
    """
    ordered = daily_values(frame)
    newest = ordered.to_numpy()[-MEMORY:].T
    history = np.full((len(ordered.columns), MEMORY), np.nan)
    history[:, MEMORY - newest.shape[1] :] = newest
    last_day = ordered.index[-1].date() if len(ordered) else None
    factors = _factors(sensitivity, ordered.columns)
    return _digest(method, tuple(map(repr, ordered.columns)), last_day, factors, history)


def _digest(
    method: str, columns: tuple[str, ...], last_day: date | None, factors: np.ndarray, history: np.ndarray
) -> str:
    digest = hashlib.sha256(json.dumps([_VERSION, method, columns, str(last_day)]).encode())
    digest.update(factors.tobytes())
    # A missing value has many patterns of bits, and zero has two.
    digest.update(np.where(np.isnan(history), np.nan, history + 0.0).tobytes())
    return digest.hexdigest()


def _factors(sensitivity: float | Mapping[Any, float], columns: pd.Index) -> np.ndarray:
    """One factor for each series."""
    wanted = [sensitivity.get(name, 1.0) if isinstance(sensitivity, Mapping) else sensitivity for name in columns]
    try:
        factors = np.array(wanted, dtype=np.float64)
        usable = bool(np.all(np.isfinite(factors) & (factors > 0)))
    except (TypeError, ValueError):
        usable = False
    if not usable or (not isinstance(sensitivity, Mapping) and not _is_factor(sensitivity)):
        raise BadInput(
            f"The sensitivity is {sensitivity!r}.",
            next_step="Give a number above 0: 1 is the default, 2 flags at half the distance, 0.5 at double.",
        )
    return factors


def _is_factor(sensitivity: object) -> bool:
    return isinstance(sensitivity, (int, float, np.number)) and bool(np.isfinite(sensitivity) and sensitivity > 0)


def _check_fits(
    state: State, method: Method, columns: tuple[str, ...], factors: np.ndarray, ordered: pd.DataFrame
) -> None:
    reason = None
    if state.method != method:
        reason = f"is of method {state.method}"
    elif state.columns != columns:
        reason = "is of other series"
    elif not np.array_equal(state.sensitivity, factors):
        reason = "was made with another sensitivity"
    elif state.last_day is not None and len(ordered) and ordered.index[0].date() <= state.last_day:
        reason = f"has the days up to {state.last_day} already"
    if reason:
        raise BadInput(
            f"The memory of the detector {reason}.", next_step="Judge the whole history again, without a state."
        )
