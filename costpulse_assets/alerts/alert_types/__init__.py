"""Types of alerts, one file each: a new file that declares an `ALERT_TYPE` is a new type."""

from importlib import import_module
from pkgutil import iter_modules

from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, NoOptions, Threshold

__all__ = ["ALERT_TYPES", "AlertOptions", "AlertType", "Finding", "NoOptions", "Threshold"]

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]

#: Every type by its name, which is that of its file.
ALERT_TYPES: dict[str, AlertType] = {
    module.ALERT_TYPE.name: module.ALERT_TYPE for module in _MODULES if hasattr(module, "ALERT_TYPE")
}
