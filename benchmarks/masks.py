"""What carrying masks to the full band, and normalising them, does to SDR.

    python benchmarks/masks.py [--seconds 20] [--tracks 2] [--model MODEL]

Stems of generated tracks and of the real excerpt that stempeg ships are separated
with ideal masks (the paper's amplitude masks of the model's band, with and without
random errors such as a network makes), or with those of a model. Printed are means
over stems and tracks of the plain SDR in dB, 44.1 kHz stereo: of the whole band, and
of what lies above 5 kHz, where nothing but the extension rule speaks.
"""

import argparse
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np

from keras_munet import dsp
from keras_munet.audio.reading import downmix, read_audio, resample
from keras_munet.config import FOUR_SOURCES, OVERLAP, STFTConfig
from keras_munet.data.excerpt import excerpt
from keras_munet.music.engine import make_track
from keras_munet.separation import band
from keras_munet.separation.masks import MaskStream
from keras_munet.separation.runtime import open_runtime
from keras_munet.separation.separator import Separator

RATE = 44100
STFT = STFTConfig()
HIGH_HZ = 5000
CEILING = 10.0
ERROR = 0.5
"""Standard deviation of the random errors of masks, in nepers."""
RULES = {
    "zero above 5.0 kHz": None,
    "last bin, 5.4 kHz": (0.4999, (0.499, 0.5)),
    "mean 4.0-5.4, read to 5.4 kHz": (0.4999, (0.37, 0.5)),
    "mean 4.0-5.0, read to 5.0 kHz": (0.46, (0.37, 0.46)),
    "mean 4.5-5.0, read to 5.0 kHz": (0.46, (0.415, 0.46)),
    "mean 4.75-5.0, read to 5.0 kHz": (0.46, (0.4375, 0.46)),
    "mean 3.0-5.0, read to 5.0 kHz": (0.46, (0.275, 0.46)),
    "mean 2.0-5.0, read to 5.0 kHz": (0.46, (0.184, 0.46)),
    "mean 4.0-4.8, read to 4.8 kHz": (0.441, (0.37, 0.441)),
    "mean 3.0-4.8, read to 4.8 kHz": (0.441, (0.275, 0.441)),
}

Stems = dict[str, np.ndarray]


def tracks(n: int, seconds: float) -> Iterator[tuple[str, Stems]]:
    """Yields names and stems: the real excerpt, then generated tracks."""
    path = excerpt()
    length = round(seconds * RATE)
    real = {
        name: read_audio(path, stream=number)[0][:length]
        for name, number in zip(
            ("drums", "bass", "other", "vocals"), (1, 2, 3, 4), strict=True
        )
    }
    yield "real excerpt", real
    for index in range(n):
        made = make_track(7, index, seconds)
        yield f"generated {index}", {name: made[name] for name in FOUR_SOURCES}


def ideal_masks(stems: Stems, rng: np.random.Generator | None) -> np.ndarray:
    """Returns amplitude masks of the model's band, `(K, frames, bins)`."""
    spectra = [
        dsp.stft(
            downmix(resample(stems[name], RATE, STFT.sample_rate)),
            n_fft=STFT.n_fft,
            hop_length=STFT.hop_length,
        ).T
        for name in FOUR_SOURCES
    ]
    mixture = np.abs(sum(spectra)) + 1e-6
    masks = np.minimum(np.abs(np.stack(spectra)) / mixture, CEILING)
    if rng is not None:
        masks = masks * np.exp(ERROR * rng.standard_normal(masks.shape))
    return masks.astype(np.float32)


def model_masks(
    path: str, stems: Stems, overlap: float = OVERLAP
) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the sources and the masks of a network."""
    runtime = open_runtime(path)
    stream = MaskStream(runtime, overlap=overlap, batch=1)
    mono = downmix(resample(sum(stems.values()), RATE, STFT.sample_rate))
    pieces = [*stream.push(mono[:, None]), *stream.flush()]
    return runtime.config.sources, np.concatenate(pieces, axis=1)


def references(stems: Stems, sources: tuple[str, ...]) -> list[np.ndarray]:
    stems = {**stems, "accompaniment": sum(stems.values()) - stems["vocals"]}
    return [stems[name] for name in sources]


def apply(masks: np.ndarray, mixture: np.ndarray, rule: object) -> np.ndarray:
    """Returns estimates, `(K, samples, channels)`."""
    grid = band.carrier_grid(RATE, STFT)
    limit, top = rule or (0.46, (0.37, 0.46))
    with mock.patch.multiple(band, LIMIT=limit, TOP=top):
        carried = band.full_band_masks(masks, RATE, len(mixture), STFT)
    if rule is None:
        hz = np.arange(grid.n_bins) * RATE / grid.n_fft
        carried[..., hz > HIGH_HZ] = 0
    settings = {"n_fft": grid.n_fft, "hop_length": grid.hop_length}
    missing = -len(mixture) % grid.hop_length
    padded = np.pad(mixture, ((0, missing), (0, 0))).T
    spectrum = np.swapaxes(dsp.stft(padded, **settings), 1, 2)
    products = np.swapaxes(carried[:, None] * spectrum, 2, 3)
    estimates = dsp.istft(products, length=len(mixture), **settings)
    return np.swapaxes(estimates, 1, 2)


def sdr(reference: np.ndarray, estimate: np.ndarray, low_hz: float = 0.0) -> float:
    """Returns 10 log10(|s|^2 / |s - s'|^2) of what lies above `low_hz`."""
    spectra = [np.fft.rfft(x, axis=0) for x in (reference, reference - estimate)]
    first = round(low_hz * len(reference) / RATE)
    energies = [float(np.sum(np.abs(x[first:]) ** 2)) + 1e-12 for x in spectra]
    return 10 * float(np.log10(energies[0] / energies[1]))


def joints(path: str, mixture: np.ndarray) -> None:
    """Prints how far the first stem strays from that of nine-fold windows."""
    runtime = open_runtime(path)

    def stem(overlap: float) -> np.ndarray:
        made = Separator(runtime, overlap=overlap).separate(mixture, RATE)
        return next(iter(made.values()))

    def energies(x: np.ndarray) -> np.ndarray:
        n = len(x) // (RATE // 10)
        return np.sum(x[: n * (RATE // 10)].reshape(n, -1) ** 2, axis=1)

    dense = stem(0.9)
    for overlap in (0, 0.05, 0.1, 0.25, 0.5, 0.75):
        strays = energies(stem(overlap) - dense) / (energies(mixture) + 1e-9)
        worst = 10 * np.log10(strays.max() + 1e-12)
        mean = 10 * np.log10(strays.mean() + 1e-12)
        print(f"overlap {overlap:<34} {mean:9.1f}   {worst:11.1f}")


def report(title: str, rows: dict[str, Callable[[], Iterator[np.ndarray]]]) -> None:
    print(f"\n{title}\n{'':42s} all bands   above 5 kHz")
    for name, scores in rows.items():
        mean = np.mean(list(scores()), axis=0)
        print(f"{name:42s} {mean[0]:9.2f}   {mean[1]:11.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--tracks", type=int, default=2)
    parser.add_argument("--model")
    options = parser.parse_args()
    material = list(tracks(options.tracks, options.seconds))

    def masks_of(stems: Stems, noisy: bool) -> tuple[tuple[str, ...], np.ndarray]:
        if options.model:
            return model_masks(options.model, stems)
        rng = np.random.default_rng(0) if noisy else None
        return FOUR_SOURCES, ideal_masks(stems, rng)

    def scores(
        rule: object, change: Callable[[np.ndarray], np.ndarray], noisy: bool, of: list
    ) -> Callable[[], Iterator[np.ndarray]]:
        def each() -> Iterator[np.ndarray]:
            for _, stems in of:
                sources, masks = masks_of(stems, noisy)
                estimates = apply(change(masks), sum(stems.values()), rule)
                for ref, est in zip(references(stems, sources), estimates, strict=True):
                    if np.any(ref):
                        yield np.array([sdr(ref, est), sdr(ref, est, HIGH_HZ)])

        return each

    def overlaps(overlap: float, of: list) -> Callable[[], Iterator[np.ndarray]]:
        def each() -> Iterator[np.ndarray]:
            for _, stems in of:
                sources, masks = model_masks(options.model, stems, overlap)
                estimates = apply(band.normalize(masks), sum(stems.values()), here)
                for ref, est in zip(references(stems, sources), estimates, strict=True):
                    if np.any(ref):
                        yield np.array([sdr(ref, est), sdr(ref, est, HIGH_HZ)])

        return each

    here = (band.LIMIT, band.TOP)
    squared = lambda masks: band.normalize(masks**2)  # noqa: E731
    changes = {"raw": lambda m: m, "sum": band.normalize, "squares, sum": squared}
    kinds = [False] if options.model else [False, True]
    for of in ([material[0]], material[1:]):
        if not of:
            continue
        name = "Real excerpt" if of[0][0].startswith("real") else "Generated tracks"
        for noisy in kinds:
            masks = "a model's masks" if options.model else "ideal masks"
            masks += f", errors of {ERROR} neper" * noisy
            rules = {n: scores(r, band.normalize, noisy, of) for n, r in RULES.items()}
            report(f"{name}: {masks}, normalised; rules for the upper band", rules)
            kept = {n: scores(here, c, noisy, of) for n, c in changes.items()}
            report(f"{name}: {masks}, the rule in use; normalising", kept)
        if options.model:
            shares = {
                f"overlap {o}": overlaps(o, of) for o in (0, 0.1, 0.25, 0.5, 0.75)
            }
            report(f"{name}: {masks}, normalised; overlap of the windows", shares)
            print("\nFrom overlap 0.9, dB re mixture, in 0.1 s: mean, worst")
            joints(options.model, sum(of[0][1].values()))


if __name__ == "__main__":
    main()
