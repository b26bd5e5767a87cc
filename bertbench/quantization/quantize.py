"""Calibration of a trained model on examples of its training data."""

from collections.abc import Mapping, Sequence

from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.checkpoint.quantization import Calibration, LeftSite, Quantization, SiteScales
from bertbench.checkpoint.source import ModelSource
from bertbench.compute import KernelOptions
from bertbench.console import notice, progress
from bertbench.int8 import Site
from bertbench.quantization.choosing import Choice, choose
from bertbench.quantization.observing import Observation, observe
from bertbench.quantization.sensitivity import LARGEST_ERROR, choose_left, output_error
from bertbench.quantization.trial import Trial
from bertbench.tasks.base import Task
from bertbench.tasks.dataset import Dataset

EXAMPLES = 128  # windows or examples, evenly spread over the file
FEW = 32  # fewer may miss the largest activations


def quantize(
    task: Task,
    source: ModelSource,
    options: KernelOptions,
    calibration_data: Dataset,
    limit: float = LARGEST_ERROR,
) -> Quantization:
    """Calibrate every site of a model, and find those that must stay in floats.

    Args:
      limit: the largest error of the outputs, see `sensitivity.output_error`.

    Raises:
      InputError: the checkpoint does not fit, or produces values that are not finite.
    """
    (file,) = calibration_data.files
    features = calibration_data.features.spread(EXAMPLES)
    if len(features) < FEW:
        notice(f"{file.path}: has only {len(features)} examples for calibration; {EXAMPLES} are recommended.")
    trial = Trial(task, source, options)
    exact = trial.outputs(features, {})
    choices = _choose_all(trial, observe(trial.inputs(features), len(features.input_ids)))

    def error_of(sites: Sequence[Site]) -> float:
        scales = {site.name: choices[site.name].scales for site in sites}
        return output_error(exact, trial.outputs(features, scales))

    left, error = choose_left(trial.sites, error_of, limit)
    return Quantization(
        checkpoint_fingerprint=checkpoint_fingerprint(source.required_checkpoint),
        calibration=Calibration(task.name, file.path.name, file.sha256, len(features)),
        output_error=_rounded(error),
        left=tuple(LeftSite(name, _rounded(alone)) for name, alone in left.items()),
        int8=tuple(_describe(name, choice) for name, choice in choices.items() if name not in left),
    )


def _choose_all(trial: Trial, observed: Mapping[str, Observation]) -> dict[str, Choice]:
    choices = {}
    with progress("choose scales", len(trial.sites), "sites") as advance:
        for site in trial.sites:
            choices[site.name] = choose(observed[site.name], trial.weights(site), after_gelu=site.after_gelu)
            advance()
    return choices


def _describe(name: str, choice: Choice) -> SiteScales:
    scales = choice.scales
    return SiteScales(
        name, scales.input_range, scales.smoothing, choice.strength, choice.clipping, _rounded(choice.error)
    )


def _rounded(error: float) -> float:
    """An error rounded to its significant digits."""
    return float(f"{error:.3g}")
