"""The optimizer of a run, its learning rate, and the weights it starts from."""

import math

import keras

from keras_munet.config import FitConfig
from keras_munet.errors import ModelError

WARM_UP = 0.02
"""Share of all steps in which a cosine schedule raises the rate."""


def make_optimizer(config: FitConfig, steps_per_epoch: int) -> keras.Optimizer:
    """Builds what `config` asks for.

    The rate of a cosine schedule is a function of the optimizer's own count of
    steps, so a resumed run goes on exactly; or of the time, where `minutes` are set
    (see `clock`).

    Args:
        config: of the run.
        steps_per_epoch: batches that an epoch has.
    """
    clip = config.clip_norm or None
    rate = config.learning_rate
    if config.schedule == "cosine" and not config.minutes:
        rate = _cosine(config, steps_per_epoch * config.epochs)
    optimizer: keras.Optimizer
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, global_clipnorm=clip)
    else:
        optimizer = keras.optimizers.SGD(
            rate, momentum=config.momentum, global_clipnorm=clip
        )
    if config.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _cosine(
    config: FitConfig, n_steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    warm_up = max(1, round(WARM_UP * n_steps))
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, n_steps - warm_up),
        warmup_target=config.learning_rate,
        warmup_steps=warm_up,
    )


def cosine(share: float) -> float:
    """Returns the share of the highest rate after a share of the run, as `_cosine`."""
    if share < WARM_UP:
        return share / WARM_UP
    return (1 + math.cos(math.pi * min(1.0, (share - WARM_UP) / (1 - WARM_UP)))) / 2


def copy_weights(source: keras.Model, target: keras.Model) -> list[str]:
    """Copies weights between layers at the same place where all shapes agree.

    A network for other sources differs in its last layer, which is left as it is.

    Returns:
        The names of the target's layers that were left.

    Raises:
        ModelError: when the networks have different layers.
    """
    pairs = [
        [layer for layer in network.layers if layer.weights]
        for network in (source, target)
    ]
    left = [
        new.name
        for old, new in zip(*pairs, strict=False)
        if [w.shape for w in old.weights] != [w.shape for w in new.weights]
    ]
    if len(pairs[0]) != len(pairs[1]) or len(left) > 1:
        raise ModelError(
            "The weights to start from belong to a network of other width, depth or "
            f"architecture: {len(pairs[0])} layers for {len(pairs[1])}, of which "
            f"{len(left)} differ in shape ({', '.join(left[:3])}). Choose the same "
            "settings, or start without."
        )
    for old, new in zip(*pairs, strict=True):
        if new.name not in left:
            new.set_weights(old.get_weights())
    return left
