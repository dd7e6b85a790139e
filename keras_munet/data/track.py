"""One song with its stems: what it can give, and reading it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from keras_munet.audio.reading import open_audio
from keras_munet.data import stems as stem_files
from keras_munet.data.stems import Stem
from keras_munet.dsp import FloatArray
from keras_munet.errors import DataError

STEM_MP4 = ".stem.mp4"
"""How files with the five streams of a MUSDB18 track are called."""


@dataclass(frozen=True)
class Track:
    """One song with its stems.

    Attributes:
        name: of the song.
        split: `train`, `valid` or `test`.
        stems: the files.
        trouble: why this is no track, where it is none; reading it says so.
    """

    name: str
    split: str
    stems: tuple[Stem, ...]
    trouble: str = ""

    @property
    def sample_rate(self) -> int:
        """Rate of the files in Hz."""
        with open_audio(self.stems[0].path, stream=self.stems[0].stream) as reader:
            return reader.sample_rate

    def recipes(self, sources: Iterable[str]) -> dict[str, dict[str, float]]:
        """Returns source -> stem -> gain (see `stems.recipe`).

        Raises:
            DataError: when the track lacks a source; names what it has.
        """
        if self.trouble:
            raise DataError(self.trouble)
        names = [stem.name for stem in self.stems]
        recipes = {source: stem_files.recipe(source, names) for source in sources}
        missing = [source for source, parts in recipes.items() if not parts]
        if missing:
            raise DataError(
                f"{self._place()} has no {' and no '.join(missing)}. It has: "
                f"{', '.join(sorted(names))}. If a file goes by another name, say so: "
                f"--stem-name {missing[0]}=NAME. Otherwise remove the track."
            )
        return recipes

    def _place(self) -> str:
        path = self.stems[0].path
        return str(path if path.name.endswith(STEM_MP4) else path.parent)

    def _needed(self, recipes: dict[str, dict[str, float]]) -> list[Stem]:
        used = {name for parts in recipes.values() for name in parts}
        return [stem for stem in self.stems if stem.name in used]

    def load(self, stems: Iterable[str]) -> dict[str, FloatArray]:
        """Reads sources as they are in the files.

        Args:
            stems: names of sources; `accompaniment` and `mixture` are added up where
                there is no such file.

        Returns:
            source -> float32 `(samples, channels)`, all of one length.

        Raises:
            DataError, AudioError: when a source is missing or cannot be read.
        """
        recipes = self.recipes(stems)
        audio, _ = stem_files.read_stems(self._place(), self._needed(recipes))
        return stem_files.mix(recipes, audio)

    def load_resampled(
        self, sources: Iterable[str], *, sample_rate: int, n_channels: int = 1
    ) -> dict[str, FloatArray]:
        """Reads sources as training hears them.

        Returns:
            source -> float32 `(samples, n_channels)` at `sample_rate`.

        Raises:
            DataError, AudioError: when a source is missing or cannot be read.
        """
        recipes = self.recipes(sources)
        audio = stem_files.read_resampled(
            self._place(),
            self._needed(recipes),
            sample_rate=sample_rate,
            n_channels=n_channels,
        )
        return stem_files.mix(recipes, audio)


def check_sources(tracks: Collection[Track], sources: Iterable[str]) -> None:
    """Refuses a data set in which a track lacks a source, before anything is read.

    Raises:
        DataError: names the first such track.
    """
    wanted = list(sources)
    for track in tracks:
        track.recipes(wanted)
