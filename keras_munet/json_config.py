"""Dataclasses that travel as JSON: unknown keys and wrong kinds are refused."""

import dataclasses
import json
import math
import re
import types
import typing
from pathlib import Path
from typing import Any, Self

from keras_munet.errors import MunetError


class Config:
    """JSON in and out for the dataclasses below; unknown keys are refused.

    Every field must have a value of the kind that its annotation names, whether the
    settings are read or made: an int is no float's stand-in for a count, nor a bool
    an int. Numbers are finite. A subclass with a `__post_init__` of its own, for
    ranges, calls this one first.
    """

    def __post_init__(self) -> None:
        """Checks the kind of every field; lists become tuples.

        Raises:
            TypeError: names the field and what it was given.
        """
        for name, hint in _hints(type(self)).items():
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, _tupled(hint, value))
            except TypeError:
                raise TypeError(
                    f"`{name}` must be {_said(hint)}. Received: {name}={value!r}"
                ) from None

    def to_dict(self) -> dict[str, Any]:
        """Returns the settings as JSON-ready values."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    def to_json(self) -> str:
        """Returns the settings as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, path: str = "") -> Self:
        """Builds the settings from `to_dict`'s form; missing keys take defaults.

        Args:
            values: the settings.
            path: where they stand in larger ones (`model.stft.`), for messages.

        Raises:
            MunetError: on a key that is none of ours, or a wrong value; the message
                has the path of the field.
        """
        if not isinstance(values, dict):
            place = f"`{path[:-1]}`" if path else "Settings"
            raise MunetError(f"{place} must be an object. Received: {values!r}")
        hints = _hints(cls)
        unknown = sorted(set(values) - set(hints))
        if unknown:
            raise MunetError(
                f"Unknown setting {', '.join(path + name for name in unknown)} in "
                f"{cls.__name__}. Known settings: {', '.join(sorted(hints))}."
            )
        parts = {
            name: hints[name].from_dict(value, path=f"{path}{name}.")
            if isinstance(hints[name], type) and issubclass(hints[name], Config)
            else value
            for name, value in values.items()
        }
        try:
            return cls(**parts)
        except (TypeError, ValueError) as error:
            # Messages name fields as `field`; here they get their whole path.
            fields = "|".join(hints)
            text = re.sub(rf"`({fields})`", rf"`{path}\1`", str(error))
            raise MunetError(text) from error

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Builds the settings from JSON text.

        Raises:
            MunetError: when the text is not a JSON object of these settings.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise MunetError(f"Settings are not valid JSON: {error}") from error
        if not isinstance(values, dict):
            raise MunetError(f"Settings must be a JSON object. Received: {values!r}")
        return cls.from_dict(values)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Reads the settings from a JSON file.

        Raises:
            MunetError: when the file cannot be read; the message names it.
        """
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, MunetError) as error:
            raise MunetError(f"Cannot read settings from {path}: {error}") from error


def _hints(kind: Any) -> dict[str, Any]:
    """Returns the fields of a dataclass with what they are annotated as."""
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind)}


def _tupled(hint: Any, value: Any) -> Any:
    """Returns the value, with tuples for lists; `TypeError` for one of another kind."""
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        kinds = typing.get_args(hint)
        if kinds[-1] is ...:
            kinds = kinds[:1] * len(value)
        if len(kinds) == len(value):
            return tuple(map(_tupled, kinds, value))
    elif any(_is_a(kind, value) for kind in _options(hint)):
        return value
    raise TypeError


def _options(hint: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(hint) is types.UnionType
    return typing.get_args(hint) if is_union else (hint,)


def _is_a(kind: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, typing.get_origin(kind) or kind)


def _said(hint: Any) -> str:
    """Says in words what a field holds: `int`, `a list of str`, `float or None`."""
    if typing.get_origin(hint) is tuple:
        kinds = typing.get_args(hint)
        if kinds[-1] is ...:
            return f"a list of {_said(kinds[0])}"
        return f"({', '.join(map(_said, kinds))})"
    words = {float: "a finite number", types.NoneType: "None"}
    return " or ".join(words.get(kind, kind.__name__) for kind in _options(hint))
