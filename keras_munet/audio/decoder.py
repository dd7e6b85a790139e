"""The frames of one audio stream, and an account of what could not be decoded.

Every packet is decoded until there is none, as the ffmpeg program does: one that cannot
be is left out, and the next one follows at once. Where samples are trimmed (encoder
delay, padding, edit lists) is decided by FFmpeg's libraries, as there.
"""

from collections.abc import Iterator
from typing import Any

TAGGED = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBE")
"""How tags begin, which lie between and behind the frames of bare streams."""

BARE = {
    *("mp3", "aac", "ac3", "eac3", "dts", "truehd", "mlp", "flac", "loas", "amr"),
    *("wv", "tta", "ape"),
}
"""Streams without a container, as FFmpeg calls them: what precedes the first frame is
no music, and tags may lie anywhere."""

GAPS_S = {"flac": 0.001, "ogg": 0.05, "matroska": 0.05}
"""Containers whose time stamps tell of packets that are not there at all, and what they
may jump without a loss: those of recorded films are not exact."""

LONGEST_GAP_S = 3600.0
"""A jump beyond it tells of another clock, not of a loss."""


MOST_RETRIES = 10_000
"""How often a container may say "try again": MPEG-TS does where two were joined."""


class Decoder:
    """Decodes one audio stream.

    Args:
        container: an open PyAV container.
        stream: one of its audio streams.

    Attributes:
        sample_rate: of the last frame, in Hz.
        n_samples: samples that came out so far.
        end_s: where the last frame ends by its time stamp, in seconds, if it has one.
        latest_s: the latest such end; joined files begin anew.
        losses: (samples before it, samples lost) of each place where some were lost.
        n_failed: samples that were lost at the very end, when all is decoded.
        failure: why a packet could not be decoded, the last one; empty where all could.
        error: why the container could not be read to its end; empty where it could.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        names = set(container.format.name.split(","))
        self._bare = bool(names & BARE)
        self._tolerated_s = max(GAPS_S.get(name, 0.0) for name in names)
        self._container, self._stream = container, stream
        self._tick_s = float(stream.time_base)
        self.sample_rate: int = stream.codec_context.sample_rate
        self.end_s: float | None = None
        self.latest_s = 0.0
        self._n_last = self._n_bytes = 0
        self._is_tag = False
        self.n_samples = self.n_failed = 0
        self.losses: list[tuple[int, int]] = []
        self.failure = self.error = ""

    def frames(self) -> Iterator[Any]:
        """Yields what can be decoded."""
        import av

        for packet in self._packets():
            try:
                frames = self._stream.codec_context.decode(packet)
            except (av.error.FFmpegError, ValueError) as error:
                self._fail(packet, error)
                continue
            self._n_bytes += packet.size if packet is not None else 0
            for frame in frames:
                self._account(frame)
                yield frame

    def _packets(self) -> Iterator[Any]:
        import av

        for _ in range(MOST_RETRIES):
            try:
                yield from self._container.demux(self._stream)
                return
            except av.error.BlockingIOError:  # a piece that is no packet; go on
                continue
            except (av.error.FFmpegError, OSError, ValueError) as error:
                if not (self._bare and isinstance(error, av.error.InvalidDataError)):
                    self.error = _reason(error)  # in a bare stream it may be a tag
                break
        yield None  # lets the decoder give what it holds

    def _fail(self, packet: Any, error: Exception) -> None:
        self.failure = _reason(error)
        if packet is None or not packet.size:
            return
        if not self.n_failed:
            head = bytes(packet).lstrip(b"\0")
            self._is_tag = self._bare and (not head or head.startswith(TAGGED))
        length_s = float((packet.duration or 0) * (packet.time_base or 0))
        n = round(length_s * self.sample_rate) or self._n_last
        if self._bare and self._n_bytes:  # the packet may hold more than a frame
            n_bytes = len(bytes(packet).rstrip(b"\0"))
            n = max(n, round(n_bytes * self.n_samples / self._n_bytes))
        self.n_failed += n

    def _account(self, frame: Any) -> None:
        self.sample_rate = frame.sample_rate
        n_lost = max(self.n_failed, self._gap(frame))
        is_junk = self._bare and (self._is_tag or not self.n_samples)
        if n_lost and not is_junk:
            self.losses.append((self.n_samples, n_lost))
        self.n_failed, self._is_tag = 0, False
        self._n_last = frame.samples
        self.n_samples += frame.samples

    def _gap(self, frame: Any) -> int:
        """Returns the samples that the time stamps say are missing before a frame."""
        gap_s = 0.0
        if frame.pts is not None:
            now_s = frame.pts * self._tick_s
            gap_s = 0.0 if self.end_s is None else now_s - self.end_s
            self.end_s = now_s
        if self.end_s is not None:
            self.end_s += frame.samples / frame.sample_rate
            self.latest_s = max(self.latest_s, self.end_s)
        is_gap = self._tolerated_s and self._tolerated_s < gap_s < LONGEST_GAP_S
        return round(gap_s * self.sample_rate) if is_gap else 0

    @property
    def n_lost_at_end(self) -> int:
        """Samples lost behind the last frame, when all is decoded; tags are none."""
        return 0 if self._is_tag else self.n_failed


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
