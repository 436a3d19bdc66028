"""Which filters of the bar do not hold for jobs and their runs, and how the others do."""

from costpulse_app.jobs.reads import APPLIED
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS


def sentence(made: Frame) -> str:
    """What a reader has to know; empty: nothing."""
    only = dict(made.selection.only)
    without = [DIMENSIONS[name].label.replace("SKU", "sku").lower() for name in only if name not in APPLIED]
    said = []
    if without:
        names = " and ".join(name.replace("sku", "SKU") for name in without)
        verb = "do" if len(without) > 1 else "does"
        said.append(f"{names[:1].upper()}{names[1:]} {verb} not apply here: a run is not cut into parts.")
    if "team" in only or made.selection.tags:
        said.append(
            "Of each run, the share of its job's cost on that day which the filters leave is counted; what shared "
            "compute cost is in no filter by team or tag."
        )
    return " ".join(said)
