"""A network on a TF Serving server, as a `Runtime` for `Separator`.

Only windows and masks travel: resampling, overlap, cross-fade and the full band are
done here, by the same code as without a server, and songs of any length are streamed.

    with open_remote("grpc://localhost:8500", "separator_batched") as runtime:
        Separator(runtime).separate_file("song.mp3", "stems")
"""

import json
import random
import time
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from keras_munet.artefact.card import card_config
from keras_munet.dsp import FloatArray
from keras_munet.errors import ModelError, MunetError
from keras_munet.separation.wire import (
    Arrays,
    ServerError,
    ServerUnavailable,
    Transport,
    open_transport,
)

TIMEOUT_S = 60.0
RETRIES = 6
"""Asked again after 0.5, 1, 2, ... seconds: a server may restart in a song."""

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 8.0


class RemoteRuntime:
    """Masks of a network that runs elsewhere.

    Args:
        transport: how the server is asked.
        model: name of the servable, for messages.
        timeout_s: for one request, in seconds.
        retries: how often a request is repeated while the server is away.
        sleep: waits some seconds.

    Raises:
        ServerError: when the model is none of keras-munet's.
        ServerUnavailable: when the server cannot be reached.
    """

    name = "tf-serving"

    def __init__(
        self,
        transport: Transport,
        model: str,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport, self._model = transport, model
        self._timeout_s, self._retries, self._sleep = timeout_s, retries, sleep
        self._jitter = random.Random(0)
        self.card = self._read_card()
        self.config = card_config(self.card, f"The model card of {model!r}")

    def masks(self, waveforms: FloatArray) -> FloatArray:
        """See `Runtime.masks`; split so that no message is too large.

        Raises:
            ValueError: on another shape, integers, or samples that are not finite.
            ServerError: when the server refuses, or answers with other masks.
            ServerUnavailable: when it stays away.
        """
        stft, n_sources = self.config.stft, len(self.config.sources)
        windows = np.asarray(waveforms)
        if windows.ndim != 2 or windows.shape[1] != stft.chunk_length:
            raise ValueError(
                f"`waveforms` must be (batch, {stft.chunk_length}) at "
                f"{stft.sample_rate} Hz. Received: shape={windows.shape}"
            )
        if windows.dtype.kind != "f":
            raise ValueError(f"`waveforms` must be float. Received: {windows.dtype}")
        if not np.isfinite(windows).all():
            raise ValueError("`waveforms` holds NaN or infinite samples.")
        shape = (stft.n_bins, stft.n_frames, n_sources)
        n_rows = max(1, self._transport.max_bytes // (4 * int(np.prod(shape))))
        parts = [
            self._masks(windows[start : start + n_rows].astype(np.float32), shape)
            for start in range(0, len(windows), n_rows)
        ]
        return np.concatenate([np.zeros((0, *shape), np.float32), *parts])

    def _masks(self, windows: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        masks = self._ask("masks", {"waveform": windows}).get("masks")
        wanted = (len(windows), *shape)
        if masks is None or masks.shape != wanted or not np.isfinite(masks).all():
            found = "none" if masks is None else f"{masks.shape}"
            raise ServerError(
                f"{self._transport.address} gave no usable masks: {wanted} and finite "
                f"was expected, received {found}."
            )
        return np.asarray(masks, np.float32)

    def _read_card(self) -> dict[str, Any]:
        answer = self._ask("model_card", {"row": np.zeros(1, np.int32)})
        try:
            card: dict[str, Any] = json.loads(answer["model_card"][0])
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ModelError(
                f"The model {self._model!r} at {self._transport.address} has no "
                "readable model card. Export it with `keras-munet export serving`."
            ) from error
        return card

    def _ask(self, signature: str, inputs: Arrays) -> Arrays:
        """Asks, and asks again with growing pauses while the server is away."""
        for attempt in range(self._retries + 1):
            try:
                return self._transport.predict(signature, inputs, self._timeout_s)
            except ServerUnavailable as error:
                if attempt == self._retries:
                    raise ServerUnavailable(
                        f"The server cannot be reached, tried {attempt + 1} times. "
                        f"{error}. Check that it runs and that the address is right."
                    ) from error
            delay = min(MAX_DELAY_S, FIRST_DELAY_S * 2**attempt)
            self._sleep(delay * self._jitter.uniform(0.8, 1.2))
        raise AssertionError  # the loop returns or raises

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_remote(
    server: str,
    model: str,
    *,
    timeout_s: float = TIMEOUT_S,
    retries: int = RETRIES,
) -> RemoteRuntime:
    """Connects to a model on a server.

    Args:
        server: `grpc://host:8500` or `http://host:8501`.
        model: name of the servable.
        timeout_s: for one request, in seconds.
        retries: how often a request is repeated while the server is away.

    Raises:
        MunetError: when the server cannot be reached or the model is none of ours.
    """
    transport = open_transport(server, model)
    try:
        return RemoteRuntime(transport, model, timeout_s=timeout_s, retries=retries)
    except MunetError:
        transport.close()
        raise
