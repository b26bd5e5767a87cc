"""What stops a training, with which message, and which files remain."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bertbench.errors import CannotJudge, InputError
from bertbench.training.settings import TrainingSettings
from bertbench.training.workers import SingleProcess
from suites.full_disk import largest_file
from suites.training.tiny import make_trainer

pytestmark = pytest.mark.training

SETTINGS = TrainingSettings(
    batch_size=8, batching="padded", num_steps=6, learning_rate=1e-3, save_checkpoints_steps=2
)


class Hooked(SingleProcess):
    """Calls `action` within one step, and multiplies the gradients by `factor`."""

    def __init__(self, step: int, action: Callable[["Hooked"], object]) -> None:
        self.factor = tf.Variable(1.0)
        self._calls_left = 1 + 2 * step  # one at the start, two per step
        self._action = action

    def sum_gradients(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return [gradient * self.factor for gradient in gradients]

    def sum_scalars(self, figures: Mapping[str, float]) -> dict[str, float]:
        if self._calls_left == 0:
            self._action(self)
        self._calls_left -= 1
        return dict(figures)


def poisoned(step: int) -> Hooked:
    """Turns the gradients of a step into NaN."""
    return Hooked(step, lambda workers: workers.factor.assign(np.nan))


@pytest.mark.slow
def test_nan_stops_training_and_reports_step_examples_and_last_checkpoint(
    files: Path, tmp_path: Path
) -> None:
    trainer = make_trainer(files, tmp_path, SETTINGS, num_examples=40, workers=poisoned(step=4))
    with pytest.raises(CannotJudge, match=r"step 5: loss \d.*, gradient norm nan") as caught:
        trainer.run()
    message = str(caught.value)
    assert str(tmp_path / "model.ckpt-4") in message
    assert ", ".join(map(str, trainer.order.step_examples(4))) in message
    assert sorted(file.name for file in tmp_path.glob("*.index")) == [
        "model.ckpt-2.index",
        "model.ckpt-4.index",
    ]
    resumed = make_trainer(files, tmp_path, SETTINGS, num_examples=40)
    assert resumed.first_step == 4
    assert resumed.run().checkpoint == tmp_path / "model.ckpt-6"


def test_nan_before_first_checkpoint_reports_no_checkpoint(files: Path, tmp_path: Path) -> None:
    trainer = make_trainer(files, tmp_path, SETTINGS, num_examples=40, workers=poisoned(step=0))
    with pytest.raises(CannotJudge, match=r"step 1: .*no checkpoint was saved yet"):
        trainer.run()
    assert not list(tmp_path.glob("*.index"))


def test_full_disk_while_saving_keeps_last_checkpoint(files: Path, tmp_path: Path) -> None:
    with largest_file() as set_largest:
        workers = Hooked(3, lambda _: set_largest(20_000))
        trainer = make_trainer(files, tmp_path, SETTINGS, num_examples=40, workers=workers)
        with pytest.raises(InputError, match=r"model.ckpt-4: .*cannot be written") as caught:
            trainer.run()
    assert "\n" not in str(caught.value)
    assert make_trainer(files, tmp_path, SETTINGS, num_examples=40).first_step == 2


def test_full_disk_while_writing_events_is_reported(files: Path, tmp_path: Path) -> None:
    trainer = make_trainer(files, tmp_path, SETTINGS, num_examples=40)
    with largest_file() as set_largest:
        set_largest(100)
        with pytest.raises(InputError, match=r"events: cannot be written \(") as caught:
            trainer.run()
    assert "\n" not in str(caught.value)


def test_resuming_with_different_data_is_rejected(files: Path, tmp_path: Path) -> None:
    make_trainer(files, tmp_path, SETTINGS, num_examples=40).run()
    with pytest.raises(InputError, match=r"data \(.*num_examples \(40 -> 32\)"):
        make_trainer(files, tmp_path, SETTINGS, num_examples=32)
