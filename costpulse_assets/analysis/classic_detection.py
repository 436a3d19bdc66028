"""The method `classic`: a z-score against the seven days before.

Belongs here: the plain rolling z-score, kept to compare with and to choose; docs/methods.md has its known defects.
"""

import numpy as np

from costpulse_assets.analysis.robust_detection import DROP, NONE, SPIKE, Verdicts

WINDOW = 7
_LIMITS = (2.0, 2.5, 3.0)


def judge_days(values: np.ndarray, sensitivity: np.ndarray, before: np.ndarray) -> tuple[Verdicts, np.ndarray]:
    """Judge days against the mean and standard deviation of the seven days before each.

    Needs at least three of the seven days; where they do not differ, nothing is said, as in the original.

    Args:
        values: series x days, NaN is missing.
        sensitivity: One factor for each series; the limits are divided by it.
        before: series x 7, the days before; all NaN at the start.

    Returns:
        The verdicts, and the last seven days.
    """
    whole = np.concatenate([before, values], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(whole, WINDOW, axis=1)[:, :-1]
    known = ~np.isnan(windows)
    count = known.sum(axis=2)
    mean = np.where(known, windows, 0.0).sum(axis=2) / np.maximum(count, 1)
    squares = np.where(known, windows - mean[:, :, None], 0.0) ** 2
    deviation = np.sqrt(squares.sum(axis=2) / np.maximum(count - 1, 1))
    # Sums leave a rest where all seven are the same.
    usable = (count >= 3) & (deviation > 1e-9 * np.abs(mean))
    z = np.where(usable, (values - mean) / np.where(usable, deviation, 1.0), np.nan)
    # A day exactly on a limit is inside, whatever the last digit says.
    size = np.abs(np.nan_to_num(z)) * (1 - 1e-9)
    severity = sum((size > limit / sensitivity[:, None]).astype(np.int8) for limit in _LIMITS)
    severity = np.asarray(severity, dtype=np.int8)
    width = _LIMITS[0] / sensitivity[:, None] * deviation
    mean = np.where(usable, mean, np.nan)
    kind = np.where(severity == 0, NONE, np.where(z > 0, SPIKE, DROP)).astype(np.int8)
    return Verdicts(mean, mean - width, mean + width, z, severity, kind), whole[:, whole.shape[1] - WINDOW :].copy()
