"""Plain configuration values into frozen models, with errors that say where, what and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from gate.errors import ConfigError, GateError
from gate.policy.yamlfile import Location, Source

_T = TypeVar("_T")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, else the list of what is known, shortened."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(choices[:20]) + (" …" if len(choices) > 20 else "")
    return f"known here: {shown}" if choices else "nothing is known here"


def decode(
    source: Source, kind: type[_T], *, at: Location = (), value: Any = msgspec.UNSET, error: type[GateError] = ConfigError
) -> _T:
    """``value`` (or the whole source) as ``kind``; raises ``error`` naming file, line and key of the first thing wrong."""
    whole = source.value if value is msgspec.UNSET else value
    _check(source, whole, inspect.type_info(kind), at, error)
    try:
        return msgspec.convert(whole, kind, strict=True)
    except msgspec.ValidationError as problem:  # nothing that _check knows; the location is msgspec's then
        raise error(f"{source.at(at)}: {problem}") from problem


def _label(at: Location) -> str:
    return ".".join(str(part) for part in at) or "the document"


def _check(source: Source, value: Any, info: inspect.Type, at: Location, error: type[GateError]) -> None:
    """Walks the value beside the type, so that the error names the innermost part that does not fit."""
    if isinstance(info, inspect.UnionType):
        if value is None and any(isinstance(option, inspect.NoneType) for option in info.types):
            return
        options = [option for option in info.types if not isinstance(option, inspect.NoneType)]
        if len(options) == 1:
            _check(source, value, options[0], at, error)
            return
    elif isinstance(info, inspect.StructType):
        if not isinstance(value, dict):
            raise error(f"{source.at(at)}: {_label(at)} must be a mapping, not {_name(value)}")
        fields = {field.encode_name: field for field in info.fields}
        for key, part in value.items():
            if key not in fields:
                raise error(
                    f"{source.at((*at, key))}: unknown key {key!r} in {_label(at)}",
                    why="an unknown key would be a setting that is silently not in force",
                    fix=did_you_mean(key, fields),
                )
            _check(source, part, fields[key].type, (*at, key), error)
        for name, field in fields.items():
            if field.required and name not in value:
                raise error(f"{source.at(at)}: {_label(at)} lacks {name!r}", fix=f"add {name}:")
        return
    elif isinstance(info, inspect.DictType):
        if not isinstance(value, dict):
            raise error(f"{source.at(at)}: {_label(at)} must be a mapping, not {_name(value)}")
        for key, part in value.items():
            _check(source, part, info.value_type, (*at, key), error)
        return
    elif isinstance(info, inspect.VarTupleType):
        if not isinstance(value, list | tuple):
            raise error(f"{source.at(at)}: {_label(at)} must be a list, not {_name(value)}", fix=f"write {_label(at)}: [ … ]")
        for index, part in enumerate(value):
            _check(source, part, info.item_type, (*at, index), error)
        return
    elif isinstance(info, inspect.LiteralType):
        if value not in info.values or isinstance(value, bool):
            raise error(
                f"{source.at(at)}: {_label(at)} is {value!r}",
                fix=f"one of: {', '.join(str(choice) for choice in info.values)}",
            )
        return
    wanted = _WANTED.get(type(info))
    if wanted is not None and not _fits(value, info):
        raise error(f"{source.at(at)}: {_label(at)} must be {wanted}, not {_name(value)} {value!r}")


_WANTED: dict[type[inspect.Type], str] = {
    inspect.StrType: "a string",
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
}


def _fits(value: Any, info: inspect.Type) -> bool:
    if isinstance(info, inspect.StrType):
        return isinstance(value, str)
    if isinstance(info, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(info, inspect.IntType):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "the string", bool: "the boolean", int: "the number", float: "the number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
