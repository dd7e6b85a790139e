"""Dataclasses that travel as JSON: unknown keys and wrong kinds are refused."""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any, Self

from keras_munet.errors import MunetError


class Config:
    """JSON in and out for the dataclasses below; unknown keys are refused."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the settings as JSON-ready values."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    def to_json(self) -> str:
        """Returns the settings as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Builds the settings from `to_dict`'s form; missing keys take defaults.

        Raises:
            MunetError: on a key that is none of ours, or a value of a wrong kind.
        """
        hints = typing.get_type_hints(cls)
        known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - known)
        if unknown:
            raise MunetError(
                f"Unknown setting {', '.join(unknown)} in {cls.__name__}. "
                f"Known settings: {', '.join(sorted(known))}."
            )
        try:
            return cls(**{k: _read(hints[k], v, k) for k, v in values.items()})
        except (TypeError, ValueError) as error:
            raise MunetError(str(error)) from error

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


def _read(hint: Any, value: Any, name: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Config):
        if not isinstance(value, dict):
            raise ValueError(f"`{name}` must be an object. Received: {value!r}")
        return hint.from_dict(value)
    origin = typing.get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"`{name}` must be a list. Received: {name}={value!r}")
        return tuple(value)
    options = typing.get_args(hint) if origin is types.UnionType else (hint,)
    if value is None and type(None) in options:
        return None
    if float in options and isinstance(value, int) and not isinstance(value, bool):
        return value
    kinds = tuple(option for option in options if isinstance(option, type))
    if not isinstance(value, kinds) or (bool not in kinds and isinstance(value, bool)):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"`{name}` must be {wanted}. Received: {name}={value!r}")
    return value
