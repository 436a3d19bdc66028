"""Kinds of rules, one file each: a new file that declares a `RULE_TYPE` is a new kind."""

from importlib import import_module
from pkgutil import iter_modules

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, FormField, Pattern, RuleType
from costpulse_assets.allocation.rule_types.fields import FIELDS, Field

__all__ = ["FIELDS", "RULE_TYPES", "Atom", "Conditions", "Field", "FormField", "Pattern", "RuleType"]

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]

#: Every rule type by its name, which is that of its file.
RULE_TYPES: dict[str, RuleType] = {
    module.RULE_TYPE.name: module.RULE_TYPE for module in _MODULES if hasattr(module, "RULE_TYPE")
}
