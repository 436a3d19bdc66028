"""Why a job does not cost what it did: more runs, longer ones, more DBUs by the hour, another price of a DBU."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from itertools import combinations
from math import comb

from costpulse_app.jobs.reads import Factors

_EXACT = Context(prec=80)
_ATTO = Decimal("1e-18")


@dataclass(frozen=True)
class Part:
    """A part of a change, with what it means."""

    name: str
    meaning: str
    amount: Decimal


def parts_of(change: Decimal, then: Factors | None, now: Factors | None) -> list[Part]:
    """The parts of a change of cost; they add up to it, to the last digit.

    What is billed for runs is runs x hours of a run x DBUs of an hour x price of a DBU, or runs x DBUs of a run x price
    where times are not known, or runs x cost of a run. Each part is the mean of what its factor changes over all orders
    in which the factors can change (Shapley), so no order counts more than another and the way back has the same parts
    with the signs turned. What is not billed for runs is a part of its own.

    Args:
        change: of the job's cost, runs or not.
        then: what was billed for runs in the period before; None: nothing.
        now: likewise in the present one.
    """
    with localcontext(_EXACT):
        of_runs = (now.amount if now else Decimal(0)) - (then.amount if then else Decimal(0))
        if then is None or now is None:
            found = [Part("Runs", "It ran in one of the periods only", of_runs)] if of_runs else []
        else:
            factors = _factors(then, now)
            amounts = _shared_out([(before, after) for _, _, before, after in factors])
            # Quotients have no end: the last factor takes what is cut off.
            amounts[-1] = of_runs - sum(amounts[:-1], Decimal(0))
            found = [
                Part(name, meaning, amount)
                for (name, meaning, _, _), amount in zip(factors, amounts, strict=True)
                if amount
            ]
        rest = change - of_runs
        if rest:
            found.append(Part("Outside of runs", "Cost of the job that no run explains", rest))
        return found


def _factors(then: Factors, now: Factors) -> list[tuple[str, str, Decimal, Decimal]]:
    """Name, meaning, value then and now; their product is what is billed for runs."""
    runs = ("Runs", "More or fewer runs", Decimal(then.runs), Decimal(now.runs))
    if then.dbu_count is None or now.dbu_count is None:
        of_run = (then.amount / then.runs, now.amount / now.runs)
        return [runs, ("Cost per run", "A run costs more or less; its DBUs are not known", *of_run)]
    price = ("Price", "A DBU costs more or less", then.amount / then.dbu_count, now.amount / now.dbu_count)
    if then.seconds is None or now.seconds is None:
        of_run = (then.dbu_count / then.runs, now.dbu_count / now.runs)
        return [runs, ("DBU per run", "A run uses more or fewer DBUs; its time is not known", *of_run), price]
    return [
        runs,
        ("Duration", "Runs take longer or shorter", then.seconds / then.runs, now.seconds / now.runs),
        (
            "DBU per hour",
            "More or larger machines, or fewer and smaller ones",
            then.dbu_count / then.seconds,
            now.dbu_count / now.seconds,
        ),
        price,
    ]


def _shared_out(factors: Sequence[tuple[Decimal, Decimal]]) -> list[Decimal]:
    """What each factor has in the change of their product, cut off after 18 digits."""
    size = len(factors)
    amounts = []
    for number, (before, after) in enumerate(factors):
        others = [one for at, one in enumerate(factors) if at != number]
        total = Decimal(0)
        for many in range(size):
            for changed in combinations(range(size - 1), many):
                product = Decimal(1)
                for at, (then, now) in enumerate(others):
                    product *= now if at in changed else then
                total += product / (size * comb(size - 1, many))
        amounts.append(((after - before) * total).quantize(_ATTO))
    return amounts
