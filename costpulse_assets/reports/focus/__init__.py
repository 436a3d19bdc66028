"""The bill in the form of FOCUS, the FinOps Open Cost and Usage Specification (docs/focus.md)."""

from costpulse_assets.reports.focus.export import FocusExport, Unpriced, export
from costpulse_assets.reports.focus.rules import Failure

__all__ = ["Failure", "FocusExport", "Unpriced", "export"]
