"""Plateau and early stopping against torch's rules."""

import dataclasses

from keras_munet.config import FitConfig
from keras_munet.training.schedule import Schedule

CONFIG = FitConfig(plateau_patience=2, plateau_threshold=0.1, stop_patience=4)


def test_the_rate_falls_after_more_than_patience_epochs_without_progress():
    schedule = Schedule()
    values = [1.0, 0.95, 0.94, 0.93, 0.5, 0.5, 0.5, 0.5]
    factors = [schedule.update(epoch, v, CONFIG) for epoch, v in enumerate(values)]
    # 0.95 to 0.93 are less than 10 % better than 1.0: the third of them reduces
    assert factors == [1, 1, 1, 0.1, 1, 1, 1, 0.1]


def test_torch_agrees_on_where_the_rate_falls():
    """Epochs at which torch 2.13's ReduceLROnPlateau(mode="min", factor=0.1,
    patience=2, threshold=0.1) lowered the rate for these values."""
    values = [5, 4, 3.9, 3.8, 3.7, 3.6, 3.5, 3.4, 3, 3, 2.9, 2.85, 2.8, 2.75, 2.75]
    schedule = Schedule()
    lowered = [
        epoch
        for epoch, value in enumerate(values)
        if schedule.update(epoch, value, CONFIG) != 1
    ]
    assert lowered == [4, 11, 14]


def test_the_best_epoch_is_the_lowest_value_however_small_the_progress():
    schedule = Schedule()
    for epoch, value in enumerate([1.0, 0.9999, 1.5]):
        schedule.update(epoch, value, CONFIG)
    assert (schedule.best_epoch, schedule.best) == (1, 0.9999)


def test_training_stops_when_the_best_epoch_lies_too_far_back():
    schedule = Schedule()
    schedule.update(0, 1.0, CONFIG)
    stops = []
    for epoch in range(1, 6):
        schedule.update(epoch, 2.0, CONFIG)
        stops.append(schedule.stops(epoch, CONFIG))
    assert stops == [False, False, False, True, True]


def test_a_restored_schedule_goes_on_as_if_never_stopped():
    whole = Schedule()
    values = [1.0, 2.0, 2.0, 2.0, 0.5]
    for epoch, value in enumerate(values[:3]):
        whole.update(epoch, value, CONFIG)
    restored = Schedule(**whole.state())
    for schedule in (whole, restored):
        for epoch, value in enumerate(values[3:], start=3):
            schedule.update(epoch, value, CONFIG)
    assert dataclasses.asdict(whole) == dataclasses.asdict(restored)
