"""Inputs for the fields that a type of alert declares beside those that every alert has."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from costpulse_assets.alerts.alert_types import AlertOptions
from costpulse_assets.allocation.text_files import plain_number


def inputs(model: type[AlertOptions], given: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """The fields of a model, in its order; what is as it is without being said is left out.

    Args:
        model: options of the type.
        given: what an alert has already.
        key: of the widgets.

    Returns:
        What was typed, as it is stored: plain JSON. Text where a number was asked for and none was typed, so that
        whoever checks it can name it.
    """
    shown = _complete(model, given)
    typed = {name: _input(field, shown[name], key=f"{key}_{name}") for name, field in model.model_fields.items()}
    try:
        return model.model_validate(typed).model_dump(mode="json", exclude_defaults=True)
    except ValidationError:
        return typed


def _complete(model: type[AlertOptions], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every field with its value; those that are stored and fit no more begin with their default."""
    defaults = model().model_dump()
    try:
        return model.model_validate(dict(given)).model_dump()
    except ValidationError:
        return defaults | {name: value for name, value in given.items() if name in defaults}


def _input(field: FieldInfo, value: Any, *, key: str) -> Any:
    label, help = field.title or key, field.description
    asked = _asked(field.annotation)
    if asked is bool:
        return st.toggle(label, bool(value), help=help, key=key)
    if get_origin(asked) is Literal:
        known = list(get_args(asked))
        return st.selectbox(
            label,
            known,
            index=known.index(value) if value in known else 0,
            format_func=lambda one: str(one).replace("_", " "),
            help=help,
            key=key,
        )
    if get_origin(asked) in (tuple, list, frozenset, set):
        (of, *_) = get_args(asked)
        if get_origin(of) is Literal:
            known = list(get_args(of))
            return st.multiselect(label, known, [one for one in known if one in value], help=help, key=key)
        return st.multiselect(
            label, list(value), list(value), help=help, key=key, accept_new_options=True, placeholder="Any"
        )
    text = st.text_input(label, _text(value), help=help, key=key).strip()
    return text or (None if _may_be_none(field.annotation) else "")


def _asked(annotation: Any) -> Any:
    """What a field takes, None aside."""
    if get_origin(annotation) in (Union, UnionType):
        return next(one for one in get_args(annotation) if one is not NoneType)
    return annotation


def _may_be_none(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return plain_number(value.normalize()) if hasattr(value, "normalize") else str(value)
