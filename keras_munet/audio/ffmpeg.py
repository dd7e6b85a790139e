"""Audio through FFmpeg's libraries, sample for sample what the ffmpeg program gives."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from keras_munet.audio.container import (
    choose_track,
    describe_tracks,
    open_container,
    read_tags,
    take_orders,
)
from keras_munet.audio.decoder import Decoder
from keras_munet.audio.ending import Decoded, breaks_off
from keras_munet.audio.ogg import links
from keras_munet.audio.reader import AudioReader
from keras_munet.audio.window import Window
from keras_munet.dsp import FloatArray
from keras_munet.errors import AudioError

SEEKABLE = {"wav", "w64", "aiff", "au", "caf"}
"""Containers in which the place of a PCM sample is known exactly."""

KINDS = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
"""FFmpeg's names of sample formats -> NumPy's."""

SCALES = {
    kind: np.float32(2.0**-bits)
    for kind, bits in {"u1": 7, "i2": 15, "i4": 31, "i8": 63, "f4": 0, "f8": 0}.items()
}
"""What makes full scale 1."""


class _Link:
    """One stream of one container: a whole file, or a link of a chained one."""

    def __init__(self, file: Window, number: int | None, name: str) -> None:
        self.container = open_container(file, name)
        try:
            orders = take_orders(self.container)
            self.track = choose_track(self.container, number, name)
            self.context = self.track.codec_context
            if self.context is None:
                raise AudioError(f"{name} has no audio that can be decoded.")
            self.is_pcm = self.context.name.startswith("pcm_")
            self.formats = set(self.container.format.name.split(","))
            self.order = orders[self.track.index]
            length = self.track.duration  # read now: a closed container has no tracks
            self.declared_s = float(length * self.track.time_base) if length else None
            self.restart()
        except BaseException:
            self.container.close()
            raise

    def n_declared(self, rate: int) -> int | None:
        """Returns how many samples the track declares, if it does."""
        return None if self.declared_s is None else round(self.declared_s * rate)

    def restart(self) -> None:
        """Decodes from where the container stands."""
        self.decoder = Decoder(self.container, self.track)
        self.frames = self.decoder.frames()
        self.first = next(self.frames, None)


class FFmpegReader(AudioReader):
    """Reads one audio stream of a file, over all links of a chained one.

    Links of another rate or with other channels are given the first one's, as the
    ffmpeg program does.

    Args:
        file: the file.
        stream: number of its audio stream, from 0; None for the default one.
        name: what messages call it.
        cut: `start_s` and `duration_s`.

    Raises:
        AudioError: when there is no audio, or none that can be decoded.
    """

    def __init__(self, file: Window, stream: int | None, name: str, **cut: Any) -> None:
        first, *self._rest = (file.part(*ends) for ends in links(file))
        self._file, self._stream = file, stream
        self._link = link = _Link(first, stream, name)
        try:
            self._shape: Any = _shape(link)
            rate, n_channels, _ = self._shape
            if link.first is None and link.decoder.failure:
                raise AudioError(
                    f"{name} is damaged: no audio is readable ({link.decoder.failure})."
                )
            if not rate or not n_channels:
                raise AudioError(f"{name} has no audio that can be decoded.")
            super().__init__(name, rate, n_channels, self._guess(rate), **cut)
        except BaseException:
            link.container.close()
            raise
        self.tags = read_tags(link.container, link.track)
        if stream is None and len(link.container.streams.audio) > 1:
            self.warnings.append(describe_tracks(link.container, link.track, name))

    def _guess(self, rate: int) -> int | None:
        """Returns about how many samples there are, for a progress bar."""
        link = self._link
        if link.first is None:
            return 0
        if self._rest:  # only the first link is known by now
            return None
        length = link.container.duration
        known = link.n_declared(rate)
        return known or (round(length / 1e6 * rate) if length else None)

    def _seek(self, sample: int) -> int:
        """Moves there at once where that is exact; elsewhere all is decoded."""
        link, rate = self._link, self.sample_rate
        if not sample or not link.is_pcm or not link.formats & SEEKABLE:
            return 0
        import av

        try:
            place = int(sample / rate / link.track.time_base)
            link.container.seek(place, stream=link.track)
            link.restart()
            if link.first is not None and link.first.pts is not None:
                found = round(float(link.first.pts * link.track.time_base) * rate)
                if found <= sample:
                    return found
        except av.error.FFmpegError:
            pass
        link.container.seek(0)
        link.restart()
        return 0

    def _decode(self) -> Iterator[FloatArray]:
        yield from self._decode_link()
        while self._next_link():
            yield from self._decode_link()

    def _next_link(self) -> bool:
        """Opens the next link that can be; says whether there is one."""
        self._link.container.close()
        while self._rest:
            try:
                self._link = _Link(self._rest.pop(0), self._stream, self.name)
                return True
            except AudioError:
                self._note("a part of it cannot be read and was left out")
        return False

    def _decode_link(self) -> Iterator[FloatArray]:
        link, begin = self._link, self._position
        conform: _Conform | None = None
        for frame in chain([link.first] if link.first else [], link.frames):
            self._take_losses(begin)
            like = (frame.sample_rate, frame.layout.nb_channels)
            if conform is not None and conform.like != like:
                yield conform.push(None)
                conform = None
            if like != self._shape[:2]:
                conform = conform or _Conform(like, self._shape)
                yield conform.push(frame)
            elif self._position + frame.samples <= self._start:
                yield np.broadcast_to(np.float32(0), (frame.samples, self.n_channels))
            else:
                yield self._finite(_samples(frame, link.order))
        if conform is not None:
            yield conform.push(None)
        if link.decoder.error and self._rest:
            self._note(f"a part of it breaks off ({link.decoder.error})")
        elif link.decoder.error:
            self._break_off(link.decoder.error)

    def _note(self, what: str) -> None:
        at_s = self._position / self.sample_rate
        self.warnings.append(f"{self.name} is damaged at {at_s:.1f} s: {what}.")

    def _take_losses(self, begin: int) -> None:
        """Carries losses of the link, which began at `begin`, to the file's."""
        decoder = self._link.decoder
        while decoder.losses:
            place, n_lost = decoder.losses.pop(0)
            scale = self.sample_rate / decoder.sample_rate
            self._lose(begin + round(place * scale), round(n_lost * scale))

    def _finite(self, block: FloatArray) -> FloatArray:
        """Silences what a codec made of damaged bytes; PCM is left as it is."""
        if self._link.is_pcm or np.isfinite(block.sum()) or np.isfinite(block).all():
            return block
        self._lose(self._position, len(block))
        return np.zeros_like(block)

    def _breaks_off(self) -> bool:
        decoder = self._link.decoder
        decoded = Decoded(
            n_samples=self._position,
            n_lost=sum(n for _, n in self._lost),
            n_end=round(decoder.latest_s * self.sample_rate),
            n_declared=self._link.n_declared(self.sample_rate),
            n_channels=self.n_channels,
            tail_failed=decoder.n_lost_at_end > 0,
        )
        broken = self.truncated or breaks_off(self._link.formats, self._file, decoded)
        if not broken and decoder.n_lost_at_end:
            self._lose(self._position, decoder.n_lost_at_end)
        return broken

    def close(self) -> None:
        """Closes the container and the file."""
        self._link.container.close()
        self._file.close()


class _Conform:
    """Gives frames of one rate and channels those of another, as FFmpeg does.

    Args:
        like: rate and channels of the frames.
        shape: rate, channels and layout of what is wanted.
    """

    def __init__(self, like: tuple[int, int], shape: tuple[int, int, Any]) -> None:
        import av

        rate, self._n_channels, layout = shape
        self.like = like
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)

    def push(self, frame: Any) -> FloatArray:
        """Takes a frame, or None at the end; returns `(samples, channels)`."""
        blocks = [_samples(part, None) for part in self._resampler.resample(frame)]
        nothing = np.zeros((0, self._n_channels), np.float32)
        return np.concatenate([nothing, *blocks])


def _shape(link: _Link) -> tuple[int, int, Any]:
    """Returns rate, channels and layout, which only the first frame tells truly."""
    if link.first is not None:
        layout = link.first.layout
        return link.first.sample_rate, layout.nb_channels, layout
    return link.context.sample_rate, link.context.channels, None


def _samples(frame: Any, order: tuple[int, ...] | None) -> FloatArray:
    """Returns a frame as float32 `(samples, channels)`, full scale 1."""
    from av.audio import plane as av_plane

    plane: Any = av_plane.AudioPlane
    n_channels, form = frame.layout.nb_channels, frame.format
    kind = KINDS[form.name.removesuffix("p")]
    if form.is_planar:
        # Each plane on its own: `frame.planes` reads beyond the end of eight or more.
        n = frame.samples
        planes = [np.frombuffer(plane(frame, i), kind, n) for i in range(n_channels)]
        data = np.stack(planes, axis=1)
    else:
        n = frame.samples * n_channels
        data = np.frombuffer(plane(frame, 0), kind, n).reshape(-1, n_channels)
    block: FloatArray = np.multiply(data, SCALES[kind], dtype=np.float32)
    if kind == "u1":
        block -= 1
    return block if order is None else block[:, order]
