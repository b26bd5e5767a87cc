"""Accuracy to be kept: `baselines/accuracy.json`, recorded here, and `baselines/published.json`, by others.

A recorded baseline belongs to one case, one checkpoint and one data set; another checkpoint or another data
set needs its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.files import read_json, write_json
from bertbench.results.parsing import parse_dataclass
from bertbench.results.recording import Recording, describe_recording
from bertbench.results.schema import AccuracyCase, AccuracyResult, check_version, with_version

RECORDED = Path("baselines/accuracy.json")
PUBLISHED = Path("baselines/published.json")

Key = tuple[str, str, str]


@dataclass(frozen=True)
class AccuracyBaseline:
    """The scores of one case, and how they came about."""

    case: str
    checkpoint_fingerprint: str
    dataset_sha256: str
    quantity: str
    scores: Mapping[str, float]
    examples: int
    versions: Mapping[str, Any]
    machine: Mapping[str, Any]
    recorded: Recording

    @property
    def key(self) -> Key:
        """Case, checkpoint and data set."""
        return self.case, self.checkpoint_fingerprint, self.dataset_sha256


@dataclass(frozen=True)
class AccuracyBaselines:
    """The contents of `baselines/accuracy.json`."""

    baselines: tuple[AccuracyBaseline, ...] = ()


@dataclass(frozen=True)
class PublishedScore:
    """What others report of a model that anyone can fetch or train by their recipe.

    `scores` are by precision, then by metric; `geometry` is one of `bertbench.config.GEOMETRIES`.
    """

    model: str
    geometry: str
    task: str
    dataset: str
    examples: int
    scores: Mapping[str, Mapping[str, float]]
    source: str


@dataclass(frozen=True)
class PublishedScores:
    """The contents of `baselines/published.json`."""

    published: tuple[PublishedScore, ...]


def read_baselines(path: Path) -> dict[Key, AccuracyBaseline]:
    """The recorded baselines; none where there is no file.

    Raises:
      InputError: the file is malformed or of an unknown version; the message names file and key.
    """
    if not path.exists():
        return {}
    result = parse_dataclass(AccuracyBaselines, check_version(read_json(path), str(path)), str(path))
    return {baseline.key: baseline for baseline in result.baselines}


def record_baselines(path: Path, result: AccuracyResult, *, allow_dirty: bool = False) -> None:
    """Store the scores of a run's cases in place of those of the same cases, checkpoints and data sets.

    Raises:
      InputError: the work tree that holds `path` is not clean and `allow_dirty` is false.
    """
    recording = describe_recording(path.parent, allow_dirty=allow_dirty)
    new = [_baseline(case, result, recording) for case in result.cases]
    stored = read_baselines(path) | {baseline.key: baseline for baseline in new}
    write_json(path, with_version(AccuracyBaselines(tuple(stored[key] for key in sorted(stored)))))


def read_published(path: Path) -> tuple[PublishedScore, ...]:
    """The published scores.

    Raises:
      InputError: the file is missing, malformed or of an unknown version.
    """
    return parse_dataclass(PublishedScores, check_version(read_json(path), str(path)), str(path)).published


def find_published(
    published: Sequence[PublishedScore], *, task: str, precision: str, config: ModelConfig, examples: int
) -> PublishedScore | None:
    """The published scores for a model of this geometry on a data set of so many examples, if any."""
    for entry in published:
        same_data = (entry.task, entry.examples) == (task, examples)
        if same_data and GEOMETRIES[entry.geometry] == config and precision in entry.scores:
            return entry
    return None


def _baseline(case: AccuracyCase, result: AccuracyResult, recording: Recording) -> AccuracyBaseline:
    return AccuracyBaseline(
        case=case.case,
        checkpoint_fingerprint=case.checkpoint_fingerprint,
        dataset_sha256=case.dataset_sha256,
        quantity=case.quantity,
        scores=case.scores,
        examples=case.examples,
        versions=result.versions,
        machine=result.machine,
        recorded=recording,
    )
