"""Intervals and possible futures from the errors a model made at rolling origins, whatever the model is."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Errors of leads this close count as one sample: sixteen origins alone say nothing about a 95 % quantile.
_POOLED_LEADS = 6


def half_widths(errors: Floats, level: float, horizon: int) -> Floats:
    """How far from the forecast the day may be, per lead; never smaller for a later lead.

    Args:
        errors: actual minus predicted, shape (origins, leads); NaN where the day is not known.
        level: share of days the interval shall hold.
        horizon: number of leads that are wanted; beyond the backtested ones the width grows with the root of the lead.
    """
    sizes = np.abs(errors)
    tested = sizes.shape[1]
    widths = np.empty(tested)
    for lead in range(tested):
        pool = sizes[:, max(0, lead - _POOLED_LEADS) : lead + _POOLED_LEADS + 1]
        pool = np.sort(pool[~np.isnan(pool)])
        # The finite-sample quantile of split conformal prediction.
        rank = min(int(np.ceil((len(pool) + 1) * level)), len(pool)) - 1
        widths[lead] = pool[rank]
    widths = np.maximum.accumulate(widths)
    later = np.arange(tested + 1, horizon + 1)
    return np.concatenate([widths, widths[-1] * np.sqrt(later / tested)])[:horizon]
