"""What one side of a comparison brings: a results folder, a pytest-benchmark file, or a git revision's."""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import CannotJudge, InputError
from bertbench.evaluation.items import Items
from bertbench.files import read_json
from bertbench.gate.accuracy import read_judged
from bertbench.gate.predictions import read_prediction
from bertbench.measure import machine
from bertbench.results.accuracy import ACCURACY_FILE, AccuracyCase, AccuracyResult
from bertbench.results.baselines import StoredResult, list_stored_before, read_stored
from bertbench.results.item_files import read_items
from bertbench.results.provenance import RESULTS_FILE
from bertbench.results.repository import find_root
from bertbench.results.schema import (
    THROUGHPUT_FILE,
    ThroughputResult,
    parse_throughput,
    read_throughput,
)


@dataclass(frozen=True)
class Side:
    """Base or head of a comparison, with the name that people call it by and the place it came from."""

    name: str
    source: Path
    throughput: ThroughputResult | None
    accuracy: AccuracyResult | None = None

    @property
    def machine_id(self) -> str | None:
        """The machine of the throughput results, if there are any."""
        return self.throughput.machine_id if self.throughput else None

    def items(self, case: AccuracyCase) -> Items:
        """The scores of a case item by item.

        Raises:
          CannotJudge: they were not kept.
          InputError: the file is missing or does not belong to the case.
        """
        if case.per_question_scores is None:
            raise CannotJudge(f"{self.name} keeps no scores by item; make its results again")
        scores = {case.quantity: case.scores[case.quantity]}
        return read_items(self.source / case.per_question_scores, scores)


def load_sides(base: str, head: str, storage: Path) -> tuple[Side, Side]:
    """Load both sides of a comparison; a name that is not a path is a git revision of the current folder.

    A revision's result is taken from `storage`, of the other side's machine if there is one, else of this
    machine, else of any.

    Raises:
      InputError: a side has no result, one cannot be read, or both are the same.
    """
    sides: dict[str, Side] = {}
    for name in sorted((head, base), key=lambda name: not Path(name).exists()):  # paths first
        machine_id = next((side.machine_id for side in sides.values()), None) or machine.machine_id()
        sides[name] = (
            _load_path(Path(name)) if Path(name).exists() else load_stored(name, storage, machine_id)
        )
    if base == head or sides[base].source.resolve() == sides[head].source.resolve():
        raise InputError(f"{base} and {head} name the same result, {sides[base].source}; give two.")
    return sides[base], sides[head]


def load_stored(revision: str, storage: Path, machine_id: str) -> Side:
    """Load the stored throughput of a git revision or of its nearest ancestor with a result.

    Raises:
      InputError: there is no such revision, or nothing is stored for it or an ancestor.
    """
    nearest, *_ = _list_stored(revision, storage, machine_id)
    return Side(f"{revision} ({nearest.path})", nearest.path, read_stored(nearest))


def load_newest_cases(revision: str, storage: Path, machine_id: str, cases: Collection[str]) -> Side:
    """Load the newest stored throughput of each of these cases; raises as `load_stored`.

    A recording of some cases does not hide those that were recorded before it.
    """
    nearest, *older = _list_stored(revision, storage, machine_id)
    result = read_stored(nearest)
    found = {case.case: case for case in result.cases}
    for stored in older:
        if found.keys() >= set(cases) or stored.machine_id != nearest.machine_id:
            break
        found = {case.case: case for case in read_stored(stored).cases} | found
    merged = dataclasses.replace(result, cases=tuple(found.values()))
    return Side(f"{revision} ({nearest.path})", nearest.path, merged)


def _list_stored(revision: str, storage: Path, machine_id: str) -> list[StoredResult]:
    try:
        root = find_root(Path.cwd())
    except InputError as error:
        raise InputError(
            f"{revision}: is neither a results folder nor a pytest-benchmark file, and there are no git "
            f"revisions here ({error})."
        ) from None
    return list_stored_before(root, revision, storage, machine_id)


def load_folder(path: Path) -> Side:
    """Load what the suites, `check`, `predict` or `benchmark` wrote into a folder.

    Raises:
      InputError: it contains no result, or one cannot be read.
    """
    throughput, accuracy, single = path / THROUGHPUT_FILE, path / ACCURACY_FILE, path / RESULTS_FILE
    if throughput.exists() or accuracy.exists():
        return Side(
            str(path),
            path,
            read_throughput(throughput) if throughput.exists() else None,
            read_judged(accuracy) if accuracy.exists() else None,
        )
    if single.exists():
        return _load_single(path, single)
    raise InputError(
        f"{path}: contains none of {THROUGHPUT_FILE}, {ACCURACY_FILE} and {RESULTS_FILE}; "
        "give a results folder, a pytest-benchmark file or a git revision."
    )


def _load_single(folder: Path, path: Path) -> Side:
    """The one case of which `bertbench benchmark` or `predict` wrote the results."""
    values = read_json(path)
    if isinstance(values, dict) and "efficiency_rounds" in values:
        case = parse_throughput(values, str(path))
        return Side(str(folder), folder, ThroughputResult((case,), "", str(values.get("measured", ""))))
    return Side(str(folder), folder, None, read_prediction(path, values))


def _load_path(path: Path) -> Side:
    return Side(str(path), path, read_throughput(path)) if path.is_file() else load_folder(path)
