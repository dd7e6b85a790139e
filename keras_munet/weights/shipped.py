"""The models that come with the package: names, files, and whether they are whole."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from keras_munet.errors import ModelError, MunetError
from keras_munet.files import sha256
from keras_munet.json_config import Config

FOLDER = Path(__file__).parent
"""What wheels carry: `index.json`, and a `.tflite` and a card per model."""

KERAS_FOLDER = FOLDER.parents[1] / "recipes"
"""The `.keras` files, in a checkout of the repository alone."""

INDEX = "index.json"
PRESENT, MISSING, DAMAGED = "present", "missing", "damaged"

_BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, MunetError)


@dataclass(frozen=True)
class Shipped(Config):
    """One model, as `index.json` describes it.

    Attributes:
        name: what a user calls it.
        title: what it is, in a few words.
        use: what it is good for.
        sources: names of the outputs, in order.
        file: the float16 `.tflite`, in `FOLDER`.
        card: the model card, Markdown, in `FOLDER`.
        keras: what the file was exported from, in `KERAS_FOLDER`.
        training_data: what it was trained on, for the card inside the file.
        licence: terms of the weights, for the card inside the file.
        n_bytes: size of the file; None until there is one.
        sha256: of the file.
        keras_sha256: of the `.keras`.
    """

    name: str
    title: str
    use: str
    sources: tuple[str, ...]
    file: str
    card: str
    keras: str
    training_data: str
    licence: str
    n_bytes: int | None = None
    sha256: str | None = None
    keras_sha256: str | None = None

    @property
    def path(self) -> Path:
        """Where the `.tflite` lies, if it does."""
        return FOLDER / self.file

    @property
    def keras_path(self) -> Path:
        """Where the `.keras` lies in a checkout of the repository."""
        return KERAS_FOLDER / self.keras

    @property
    def state(self) -> str:
        """`present`, `missing`, or `damaged` (another size or hash than indexed)."""
        if not self.path.is_file():
            return MISSING
        size = self.path.stat().st_size
        whole = size == self.n_bytes and _hash(self.path) == self.sha256
        return PRESENT if whole else DAMAGED


def shipped_models() -> dict[str, Shipped]:
    """Returns name -> model, in the order of `index.json`.

    Raises:
        MunetError: when the index is missing or damaged.
    """
    index = FOLDER / INDEX
    try:
        models = json.loads(index.read_text(encoding="utf-8"))["models"]
        return {
            name: Shipped.from_dict({"name": name, **values})
            for name, values in models.items()
        }
    except _BROKEN as error:
        raise MunetError(
            f"The list of shipped models, {index}, cannot be read ({error}). Install "
            "keras-munet again."
        ) from error


def model_path(model: str | Path) -> Path:
    """Returns where a model lies: a shipped one by its name, others by their path.

    A `str` that equals a name is that name, even where a folder is called so, too.
    `./4stems`, `4stems/` and `Path("4stems")` are paths.

    Args:
        model: name or path. Paths are not looked at.

    Raises:
        ModelError: when a shipped model is missing or damaged.
    """
    shipped = _named(model)
    return Path(model) if shipped is None else _whole(shipped)


def trained_path(model: str | Path) -> Path:
    """Returns the `.keras` behind a name, or a path as `model_path` does.

    Raises:
        ModelError: when it is not there, as in every wheel, or damaged.
    """
    shipped = _named(model)
    if shipped is None:
        return Path(model)
    if not shipped.keras_path.is_file():
        raise ModelError(
            f"{shipped.name!r} is shipped as a .tflite alone ({shipped.path}), and "
            "this command needs the .keras behind it. It lies in the repository of "
            f"keras-munet, recipes/{shipped.keras}: give the path of that file."
        )
    if _hash(shipped.keras_path) != shipped.keras_sha256:
        raise ModelError(_damaged(shipped.keras_path))
    return shipped.keras_path


def no_model(path: Path) -> ModelError:
    """Gives the one wording for a model that is neither a name nor a path."""
    names = ", ".join(shipped_models())
    return ModelError(
        f"No model at {path}. Give the path of a model, or the name of a shipped one: "
        f"{names}."
    )


def read_card(name: str) -> str:
    """Returns the model card of a shipped model, as Markdown.

    Raises:
        ModelError: for an unknown name; it lists those that there are.
    """
    shipped = shipped_models().get(name)
    if shipped is None:
        names = ", ".join(shipped_models())
        raise ModelError(f"No shipped model is called {name!r}. There are: {names}.")
    return (FOLDER / shipped.card).read_text(encoding="utf-8")


def _named(model: str | Path) -> Shipped | None:
    return shipped_models().get(model) if isinstance(model, str) else None


def _whole(shipped: Shipped) -> Path:
    state = shipped.state
    if state == MISSING:
        raise ModelError(
            f"The weights {shipped.name!r} are not in this installation: "
            f"{shipped.path} is missing. Install keras-munet again (in a source "
            "checkout, restore the file), or give the path of a model of your own."
        )
    if state == DAMAGED:
        raise ModelError(_damaged(shipped.path))
    return shipped.path


def _damaged(path: Path) -> str:
    return (
        f"{path} is damaged: size or SHA-256 are not those of {INDEX}. Install "
        "keras-munet again (in a source checkout, restore the file)."
    )


def _hash(path: Path) -> str:
    """Reads a file once per process, and again when it has changed."""
    found = path.stat()
    return _hash_of(path, found.st_size, found.st_mtime_ns)


@functools.cache
def _hash_of(path: Path, size: int, mtime_ns: int) -> str:
    return sha256(path)
