"""Records a training run: scalars for TensorBoard, and the loss curve."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from bertbench.errors import InputError, tensorflow_reason
from bertbench.files import make_directory, write_json
from bertbench.parsing import Count, Finite, read_state
from bertbench.training.step import StepResult

CURVE_FILE = "loss_curve.json"
# The first record of an event file (tensorflow/core/util/events_writer.cc).
_BEGINNING = "brain.Event:2"
# Marks a summary as a scalar for TensorBoard (tensorboard/plugins/scalar/metadata.py).
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
)


class Recorder:
    """Writes event files and collects the loss curve.

    Attributes:
      curve: (step, mean loss since the previous entry).
    """

    POINTS = 50

    def __init__(self, folder: Path | None, first_step: int = 0) -> None:
        """`folder` is for the event files and the curve, and has those up to `first_step`; None: no files.

        Raises:
          InputError: the folder cannot be written; `record` and `flush` raise it too.
        """
        self._folder = folder
        self.curve = _read_curve(folder, first_step) if folder else []
        self._recent: list[float] = []
        self._writer = None
        if folder is not None:
            with self._writing():
                self._writer = _create_event_file(make_directory(folder), first_step)

    def record(self, step: int, result: StepResult, learning_rate: float, examples_per_second: float) -> None:
        """Record one step."""
        self._recent.append(result.loss)
        self._last_step = step
        if len(self._recent) == self.POINTS:
            self._close_point()
        if self._writer is None:
            return
        figures = {
            "loss": result.loss,
            **result.losses,
            "learning_rate": learning_rate,
            "gradient_norm": result.gradient_norm,
            "examples_per_second": examples_per_second,
        }
        values = [
            tf.compat.v1.Summary.Value(
                tag=name, tensor=tf.make_tensor_proto(value, tf.float32), metadata=_SCALAR
            )
            for name, value in figures.items()
        ]
        event = tf.compat.v1.Event(
            wall_time=time.time(), step=step, summary=tf.compat.v1.Summary(value=values)
        )
        with self._writing():
            self._writer.write(event.SerializeToString())

    def flush(self) -> None:
        """Write everything recorded to disk, and complete the curve."""
        if self._recent:
            self._close_point()
        if self._folder is not None and self._writer is not None:
            with self._writing():
                self._writer.flush()
            write_json(self._folder / CURVE_FILE, self.curve, indent=None)

    def _close_point(self) -> None:
        self.curve.append((self._last_step, float(np.mean(self._recent))))
        self._recent.clear()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            raise InputError(
                f"{self._folder}: cannot be written ({tensorflow_reason(error.message)}); free some space or "
                "choose another folder. Earlier checkpoints are intact."
            ) from None


def _create_event_file(folder: Path, first_step: int) -> tf.io.TFRecordWriter:
    """A new event file; TensorFlow's own writer would put this host's name into its name."""
    now = time.time()
    writer = tf.io.TFRecordWriter(str(folder / f"events.out.tfevents.{now:017.6f}.from-{first_step}"))
    writer.write(tf.compat.v1.Event(wall_time=now, file_version=_BEGINNING).SerializeToString())
    return writer


def _read_curve(folder: Path, last_step: int) -> list[tuple[int, float]]:
    written = folder / CURVE_FILE
    if not last_step or not written.exists():
        return []
    entries = read_state(list[tuple[Count, Finite]], written, "delete it to begin a new curve")
    return [(step, loss) for step, loss in entries if step <= last_step]
