"""Stored throughput results: `<storage>/<machine-id>/NNNN_<commit>.json`, numbered and never overwritten.

The layout and the files are pytest-benchmark's own, so `pytest-benchmark --storage=<storage> list` and
`compare` work on them (pytest-benchmark documentation, "Usage: comparing past runs").
"""

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.files import locked_directory, make_directory, read_json, write_json
from bertbench.results.recording import describe_recording
from bertbench.results.repository import list_ancestors, resolve_commit
from bertbench.results.schema import SCHEMA_VERSION, ThroughputCase, ThroughputResult, read_throughput
from bertbench.results.seal import require_seal, seal

STORAGE = Path("baselines/throughput")
DIRTY = "-dirty"
_DRAFT = ".draft"
_NAME = re.compile(r"(\d{4,})_([0-9a-f]{7,40})(-dirty)?\.json")


@dataclass(frozen=True)
class StoredResult:
    """One stored file, identified by its name."""

    path: Path
    number: int
    commit: str
    dirty: bool

    @property
    def machine_id(self) -> str:
        """The machine it was measured on."""
        return self.path.parent.name


def record_throughput(
    source: Path,
    *,
    versions: Mapping[str, str | None],
    storage: Path = STORAGE,
    allow_dirty: bool = False,
    outputs: Collection[Path] = (),
) -> Path:
    """Store a results folder's pytest-benchmark file under the next number of its machine.

    The commit is that of the work tree of `storage`; user, time and `versions` are stored too. Changes next
    to `storage`, which are other baselines, and in `outputs` do not make the tree dirty.

    Raises:
      InputError: `source` is not such a file, or the tree is not clean and `allow_dirty` is false.
    """
    result = read_throughput(source)
    folder = make_directory(storage / result.machine_id)
    recording = describe_recording(storage.parent, allow_dirty=allow_dirty, outputs=outputs)
    values = read_json(source)
    values["machine_info"] = {**_without_host(values.get("machine_info")), **result.cases[0].machine}
    for benchmark in values["benchmarks"]:
        benchmark.get("stats", {}).pop(
            "data", None
        )  # as pytest-benchmark's own storage; extra_info has the rounds
    values["recorded"] = {
        "schema_version": SCHEMA_VERSION,
        **dataclasses.asdict(recording),
        "versions": versions,
    }
    return _write_next(folder, f"{recording.commit}{DIRTY if recording.dirty else ''}.json", seal(values))


def read_stored(stored: StoredResult) -> ThroughputResult:
    """Read a stored result.

    Raises:
      InputError: as `read_throughput`, or it was edited after it was recorded.
    """
    require_seal(read_json(stored.path), str(stored.path))
    return read_throughput(stored.path)


def list_stored(storage: Path) -> list[StoredResult]:
    """All stored results by machine, in the order of their numbers."""
    found = _parse_names(storage.glob("*/*.json"))
    return sorted(found, key=lambda stored: (stored.machine_id, stored.number, stored.path.name))


@dataclass(frozen=True)
class StoredCase:
    """One case of a stored file; `since`: the date and the commit of its measurement."""

    case: ThroughputCase
    since: str


def find_newest_case(storage: Path, machine_id: str, name: str) -> StoredCase | None:
    """The newest stored result of a case on a machine, if there is one.

    Raises:
      InputError: a stored file cannot be read.
    """
    for stored in reversed([result for result in list_stored(storage) if result.machine_id == machine_id]):
        result = read_stored(stored)
        for case in result.cases:
            if case.case == name:
                return StoredCase(case, f"{result.measured[:10]} (commit {stored.commit})")
    return None


def list_stored_before(
    root: Path, revision: str, storage: Path, machine_id: str | None
) -> list[StoredResult]:
    """The results of a revision and its ancestors, those of the nearest first, and of one the newest first.

    They are those of `machine_id`, or if there are none, of all machines. Results of a work tree with changes
    do not belong to a revision.

    Raises:
      InputError: there is no such revision, or nothing is stored for it or an ancestor.
    """
    commit = resolve_commit(root, revision)
    stored = [result for result in list_stored(storage) if not result.dirty]
    ancestors = list_ancestors(root, commit) if stored else []
    lengths = {len(result.commit) for result in stored}
    distances = {name[:length]: place for place, name in enumerate(ancestors) for length in lengths}
    related = [result for result in stored if result.commit in distances]
    own = [result for result in related if result.machine_id == machine_id]
    if related:
        return sorted(own or related, key=lambda result: (distances[result.commit], -result.number))
    raise InputError(
        f"{revision}: {storage} contains no result of it or of an ancestor; "
        "record one with `pytest -m benchmark --record-baselines`."
    )


def _without_host(machine_info: Any) -> dict[str, Any]:
    """pytest-benchmark's machine facts, without the host's name."""
    return {name: value for name, value in (machine_info or {}).items() if name != "node"}


def _write_next(folder: Path, name: str, values: dict[str, Any]) -> Path:
    with locked_directory(folder):  # no two processes take the same number
        for leftover in folder.glob(f"*{_DRAFT}*"):  # left by a killed process
            leftover.unlink()
        draft = folder / _DRAFT
        write_json(draft, values)
        number = max((stored.number for stored in _parse_names(folder.glob("*.json"))), default=0) + 1
        path = folder / f"{number:04}_{name}"
        path.hardlink_to(draft)  # fails if the name exists, unlike a rename
        draft.unlink()
    return path


def _parse_names(paths: Iterator[Path]) -> Iterator[StoredResult]:
    for path in paths:
        if match := _NAME.fullmatch(path.name):
            number, commit, dirty = match.groups()
            yield StoredResult(path, int(number), commit, dirty is not None)
