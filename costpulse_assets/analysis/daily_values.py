"""Daily series as the detectors need them: checked, sorted, one row for each day.

Belongs here: what is accepted as a series or a frame of series, and the named error for what is not. What a value
means (zero or missing) is decided where a series is read.
"""

from datetime import date

import numpy as np
import pandas as pd

from costpulse_assets.errors import BadInput

#: Absolute values from here on are no cost of a day in any currency, and squares of them would lose their digits.
_LARGEST = 1e100


def daily_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Check the frame (days x series) and put it in order: a row for each day from the first to the last.

    - Order of rows: any; sorted here.
    - Days that are not there, NaN and None: missing, not zero.
    - A time zone is dropped and the date of its own clock kept, a time of day is dropped: a row stands for the day
      that its label says.
    - Two rows for one day are refused: adding them up would be right for parts of a day and wrong for two versions
      of it, and only the caller knows which they are.
    - Infinite and absurdly large (1e100) values, values that are not numbers, labels that are not dates: refused.
    - Empty: stays empty.

    Args:
        frame: One column for each series, labels of rows are dates (DatetimeIndex, daily PeriodIndex, or `date`s);
            numbers, Decimals, or None.

    Returns:
        float64, DatetimeIndex without a zone and without gaps, columns as given.

    Raises:
        BadInput: Naming the series and the day where there is one.
    """
    days = _days(frame.index)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise BadInput(
            f"Two series have the name {str(twice)!r}.", next_step="Give every column of the frame a name of its own."
        )
    if days.has_duplicates:
        twice_day = days[days.duplicated()][0]
        raise BadInput(
            f"{twice_day:%Y-%m-%d} is in the series more than once.",
            next_step="If the rows are parts of the day, add them up first: series.groupby(series.index.date).sum(); "
            "if they are versions of it, keep the last one.",
        )
    values = np.empty(frame.shape)
    for at, name in enumerate(frame.columns):
        values[:, at] = _numbers(frame.iloc[:, at], name)
    unusable = np.argwhere(np.isinf(values) | (np.abs(values) > _LARGEST))
    if len(unusable):
        row, column = unusable[0]
        raise BadInput(
            f"The value of {str(frame.columns[column])!r} on {days[row]:%Y-%m-%d} is {values[row, column]}.",
            next_step="Leave the day out or make it NaN: it then counts as missing.",
        )
    ordered = pd.DataFrame(values, index=days, columns=frame.columns).sort_index()
    if len(ordered):
        ordered = ordered.reindex(pd.date_range(ordered.index[0], ordered.index[-1], freq="D", unit="ns"))
    return ordered


def _days(index: pd.Index) -> pd.DatetimeIndex:
    """The labels as days at midnight, without a zone."""
    if isinstance(index, pd.PeriodIndex) and index.freqstr == "D":
        index = index.to_timestamp()
    elif len(index) == 0 or (index.dtype == object and all(isinstance(label, date) for label in index)):
        try:
            index = pd.DatetimeIndex(index)
        except (ValueError, TypeError) as error:
            raise _not_dates(index) from error
    if not isinstance(index, pd.DatetimeIndex) or index.hasnans:
        raise _not_dates(index)
    try:
        return pd.DatetimeIndex(index.tz_localize(None).normalize().as_unit("ns"), name=None)
    except pd.errors.OutOfBoundsDatetime as error:
        raise _not_dates(index) from error


def _not_dates(index: pd.Index) -> BadInput:
    example = f" (the first is {index[0]!r})" if len(index) else ""
    return BadInput(
        f"The rows of the series are not labelled with dates{example}.",
        next_step="Set the index to the days: series.index = pd.to_datetime(...), without empty labels.",
    )


def _numbers(column: "pd.Series[float]", name: object) -> np.ndarray:
    """One column as float64; text, truth values, dates and complex numbers are no costs."""
    refused = BadInput(
        f"The values of {str(name)!r} are not numbers.",
        next_step="Convert them first: pd.to_numeric(series); what is not known stays NaN.",
    )
    if column.dtype == object:
        if any(isinstance(value, (str, bytes, bool, complex)) for value in column):
            raise refused
    elif not pd.api.types.is_numeric_dtype(column.dtype) or column.dtype.kind in "bc":
        raise refused
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise refused from error
