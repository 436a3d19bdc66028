"""Bands and possible futures from the errors that a model made at rolling origins, whatever the model is.

Errors are measured in a unit of their day: half the predicted value, half the series' mean. So a quiet weekend has a
narrower band than a busy day, and a day that is predicted at zero still has one.
"""

import numpy as np

from costpulse_assets.analysis.forecast_models import Floats, Integers

#: Errors of leads this close to each other count as one sample.
_POOLED_LEADS = 6
#: Errors of neighbouring origins repeat each other, and tomorrow may be unlike the past: the sample understates.
#: Measured on real series, see docs/methods.md.
_WIDENING = 1.25
#: How much a block of days beyond the longest lead that was tried has in common with the block before it.
_PERSISTENCE = 0.8
#: Size of an error that all days of a future share, in usual errors: the next change of level is not in the past.
#: Without it sums over a month spread too little; measured like the widening.
_SHARED_ERROR = 0.3
_SEED = 400


def units(predicted: Floats, mean: float) -> Floats:
    """The unit of each day's error: the same shape as `predicted`, above zero unless the whole series is zero."""
    return (predicted + mean) / 2


def half_widths(errors: Floats, shares: Floats, horizon: int, *, least: float) -> Floats:
    """How far from the forecast the day may be to hold these shares of the days, in units: shape (shares, horizon).

    Never narrower for a larger share or a later lead. Beyond the longest lead that was tried the width grows with the
    root of the lead, as that of a random walk does.

    Args:
        errors: actual minus predicted, in units, shape (origins, leads); NaN where nothing is known.
        shares: ascending, each between 0 and 1.
        horizon: number of leads that are wanted.
        least: width of the whole band in units, where the errors were smaller.
    """
    sizes = np.abs(errors)
    tried = sizes.shape[1]
    widths = np.zeros((len(shares), tried))
    for lead in range(tried):
        pool = sizes[:, max(0, lead - _POOLED_LEADS) : lead + _POOLED_LEADS + 1]
        pool = np.sort(pool[~np.isnan(pool)])
        if len(pool):
            # The finite-sample rank of split conformal prediction.
            rank = np.ceil((len(pool) + 1) * shares).astype(int)
            widths[:, lead] = pool[np.clip(rank, 1, len(pool)) - 1]
    widths = np.maximum(_WIDENING * np.maximum.accumulate(widths, axis=1), least * shares[:, None])
    later = np.sqrt(np.arange(tried + 1, horizon + 1) / tried)
    return np.concatenate([widths, widths[:, -1:] * later], axis=1)[:, :horizon]


def future_errors(errors: Floats, draws: int, horizon: int, *, least: float) -> Floats:
    """Equally likely errors of the days to come, in units: shape (draws, horizon).

    A draw mixes the error paths of the origins at random, each path whole, so that days that went wrong together do so
    here. Then the values of every day are replaced, rank by rank, by those of the band. The same input gives the same
    draws.
    """
    random = np.random.default_rng(_SEED)
    order = _mixed_paths(errors, draws, horizon, random).argsort(axis=0)
    # The middle of each draw's share of the distribution, as a distance from the median on either side.
    sides = (2 * np.arange(draws) + 1) / draws - 1
    shares = np.unique(np.abs(sides))
    widths = half_widths(errors, shares, horizon, least=least)
    drawn = np.empty((draws, horizon))
    np.put_along_axis(drawn, order, np.sign(sides)[:, None] * widths[np.searchsorted(shares, np.abs(sides))], axis=0)
    return drawn


def _mixed_paths(errors: Floats, draws: int, horizon: int, random: np.random.Generator) -> Floats:
    """Draws with the co-movement of the error paths; beyond the tried leads block after block of the same paths."""
    paths = _whole_paths(errors)
    usual = float(np.sqrt((paths**2).mean()))
    mix = random.standard_normal((draws, len(paths))) / np.sqrt(len(paths))
    blocks = []
    for _ in range(-(-horizon // paths.shape[1])):
        blocks.append(mix @ paths)
        fresh = random.standard_normal(mix.shape) / np.sqrt(len(paths))
        mix = _PERSISTENCE * mix + np.sqrt(1 - _PERSISTENCE**2) * fresh
    mixed = np.concatenate(blocks, axis=1)[:, :horizon]
    mixed += _SHARED_ERROR * usual * random.standard_normal((draws, 1))
    # Days without any error so far are put in some order.
    return mixed + 1e-9 * random.standard_normal(mixed.shape)


def _whole_paths(errors: Floats) -> Floats:
    """The error paths that are known to the end; one of equal errors where there is none."""
    complete: Integers = np.flatnonzero(~np.isnan(errors).any(axis=1))
    if len(complete):
        return errors[complete]
    return np.ones((1, errors.shape[1]))
