"""Accuracy baselines: recorded in `baselines/accuracy.json`, published in `baselines/published.json`.

A recorded baseline belongs to one case, one checkpoint and one data set. In a low precision it also belongs
to one instruction set, because others round differently: a few answers of several hundred differ, and both
are correct. Scores by item are in a folder beside the file, in the order of the data set.
"""

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.errors import InputError
from bertbench.evaluation.items import Items
from bertbench.file_identity import sha256_of_file
from bertbench.files import locked_directory, make_directory, read_json, write_json
from bertbench.parsing import Finite
from bertbench.results.accuracy import AccuracyCase, AccuracyResult
from bertbench.results.item_files import read_items, write_items
from bertbench.results.recording import Recording, describe_recording
from bertbench.results.schema import SCHEMA_VERSION, parse_version
from bertbench.results.seal import require_seal, seal

RECORDED = Path("baselines/accuracy.json")
PUBLISHED = Path("baselines/published.json")
_OWN_NAME = re.compile(r".+-[0-9a-f]{12}\.npz")

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class AccuracyBaseline:
    """The scores of one case, and their origin.

    Attributes:
      instruction_set: the instruction set of the products; None in fp32, which does not depend on it.
      per_question_scores: an .npz in the folder `items_folder`; None if they were not stored.
    """

    case: str
    checkpoint_fingerprint: str
    dataset_sha256: str
    quantity: str
    scores: Mapping[str, Finite]
    examples: int
    versions: Mapping[str, Any]
    machine: Mapping[str, Any]
    recorded: Recording
    instruction_set: str | None = None
    per_question_scores: str | None = None

    @property
    def key(self) -> Key:
        """Case, checkpoint, data set and instruction set."""
        return _key(self)


@dataclass(frozen=True)
class AccuracyBaselines:
    """The contents of `baselines/accuracy.json`."""

    baselines: tuple[AccuracyBaseline, ...] = ()


@dataclass(frozen=True)
class RecordedBaselines:
    """The baselines of a file.

    Attributes:
      path: the file, which may be missing.
    """

    path: Path
    by_key: Mapping[Key, AccuracyBaseline]

    def find(self, case: AccuracyCase) -> AccuracyBaseline | None:
        """The baseline of a case on its instruction set."""
        return self.by_key.get(_key(case))

    def find_newest(self, case: AccuracyCase) -> AccuracyBaseline | None:
        """The newest baseline of a case on its data set and instruction set, for any checkpoint."""
        place = case.case, case.dataset_sha256, case.instruction_set or ""
        found = (baseline for (name, _, *rest), baseline in self.by_key.items() if (name, *rest) == place)
        return max(found, key=lambda baseline: baseline.recorded.when, default=None)

    def find_elsewhere(self, case: AccuracyCase) -> AccuracyBaseline | None:
        """A baseline of the same case, checkpoint and data set on another instruction set."""
        return next((found for key, found in self.by_key.items() if key[:3] == _key(case)[:3]), None)

    def items(self, baseline: AccuracyBaseline) -> Items | None:
        """A baseline's scores by item in the order of the data set, if they were stored.

        Raises:
          InputError: the file is missing or does not belong to the baseline.
        """
        if baseline.per_question_scores is None:
            return None
        path = items_folder(self.path) / baseline.per_question_scores
        if path.exists() and path.name != _name_of(baseline.case, path):
            raise InputError(f"{path}: was changed after it was recorded; restore it, or record it again.")
        return read_items(path, {baseline.quantity: baseline.scores[baseline.quantity]})


@dataclass(frozen=True)
class PublishedScore:
    """Published scores of a public model.

    `scores` are by precision, then by metric; `geometry` is one of `bertbench.config.GEOMETRIES`.
    """

    model: str
    geometry: str
    task: str
    dataset: str
    examples: int
    scores: Mapping[str, Mapping[str, Finite]]
    source: str


@dataclass(frozen=True)
class PublishedScores:
    """The contents of `baselines/published.json`."""

    published: tuple[PublishedScore, ...]


def items_folder(path: Path) -> Path:
    """The folder of the scores by item of a baseline file: `accuracy/` beside `accuracy.json`."""
    return path.with_suffix("")


def read_baselines(path: Path) -> RecordedBaselines:
    """The recorded baselines; empty if there is no file.

    Raises:
      InputError: the file is malformed, of an unknown version, contains a key twice, or a baseline was
        edited; the message names file and place.
    """
    if not path.exists():
        return RecordedBaselines(path, {})
    values = read_json(path)
    result = parse_version(AccuracyBaselines, values, str(path))
    by_key: dict[Key, AccuracyBaseline] = {}
    for index, baseline in enumerate(result.baselines):
        place = f"{path}: baselines[{index}] ({baseline.case})"
        name = baseline.per_question_scores
        if baseline.key in by_key:
            raise InputError(f"{place}: the same case, checkpoint and data set appear twice; remove one.")
        if baseline.quantity not in baseline.scores:
            raise InputError(f"{place}: has no score {baseline.quantity!r}; record it again.")
        if name is not None and Path(name).name != name:
            raise InputError(f"{place}: per_question_scores {name!r} must be a file's name; record it again.")
        require_seal(values["baselines"][index], place)
        by_key[baseline.key] = baseline
    return RecordedBaselines(path, by_key)


def record_baselines(
    path: Path,
    result: AccuracyResult,
    items: Mapping[str, Items],
    *,
    allow_dirty: bool = False,
    outputs: Collection[Path] = (),
) -> None:
    """Store the scores of a run's cases and replace those with the same keys; other processes wait meanwhile.

    Args:
      items: by the names of the cases, in the data set's order.
      outputs: other folders whose files the same session writes.

    Raises:
      InputError: the work tree that holds `path` is not clean and `allow_dirty` is false.
    """
    recording = describe_recording(path.parent, allow_dirty=allow_dirty, outputs=outputs)
    with locked_directory(path.parent):
        folder = make_directory(items_folder(path))
        new = [
            _baseline(case, result, recording, _keep_items(folder, case, items[case.case]))
            for case in result.cases
        ]
        stored = {**read_baselines(path).by_key, **{baseline.key: baseline for baseline in new}}
        sealed = [seal(dataclasses.asdict(stored[key])) for key in sorted(stored)]
        write_json(path, {"schema_version": SCHEMA_VERSION, "baselines": sealed})
        _remove_unused(folder, stored.values())


def read_published(path: Path) -> tuple[PublishedScore, ...]:
    """The published scores; empty if there is no file.

    Raises:
      InputError: the file is malformed or of an unknown version.
    """
    if not path.exists():
        return ()
    return parse_version(PublishedScores, read_json(path), str(path)).published


def find_published(
    published: Sequence[PublishedScore], *, task: str, precision: str, config: ModelConfig, examples: int
) -> PublishedScore | None:
    """The published scores for this geometry and a data set of this size, if any."""
    for entry in published:
        same_data = (entry.task, entry.examples) == (task, examples)
        if same_data and GEOMETRIES[entry.geometry] == config and precision in entry.scores:
            return entry
    return None


def _key(of: AccuracyBaseline | AccuracyCase) -> Key:
    return of.case, of.checkpoint_fingerprint, of.dataset_sha256, of.instruction_set or ""


def _keep_items(folder: Path, case: AccuracyCase, items: Items) -> str:
    """Write items to a file named after their content, so that files of other baselines never change."""
    draft = folder / ".draft.npz"
    write_items(draft, Items.numbered(items.values))
    name = _name_of(case.case, draft)
    draft.replace(folder / name)
    return name


def _name_of(case: str, content: Path) -> str:
    """A name that `_OWN_NAME` matches."""
    return f"{case}-{sha256_of_file(content)[:12]}.npz"


def _remove_unused(folder: Path, stored: Iterable[AccuracyBaseline]) -> None:
    named = {baseline.per_question_scores for baseline in stored}
    for file in folder.iterdir():
        if _OWN_NAME.fullmatch(file.name) and file.name not in named:
            file.unlink()


def _baseline(
    case: AccuracyCase, result: AccuracyResult, recording: Recording, scores_file: str
) -> AccuracyBaseline:
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
        instruction_set=case.instruction_set,
        per_question_scores=scores_file,
    )
