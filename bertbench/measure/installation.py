"""Whether an installed package can work, without importing it: importing TensorFlow takes seconds.

A package cannot work if a package that it requires is missing or has another version, if one of its files is
missing or does not have the size that its RECORD says (Python Packaging User Guide, "Recording installed
projects"), or if its shared libraries do not load.
"""

import csv
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

from packaging.requirements import Requirement

PROBE_SECONDS = 120
# Functions of TensorFlow's C API (tensorflow/c/c_api.h), whose library has all of its operations.
_LOAD_TENSORFLOW = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)
library.TF_Version.restype = ctypes.c_char_p
"""
LOAD_TENSORFLOW = f"{_LOAD_TENSORFLOW}print(library.TF_Version().decode())"
# Functions that Horovod's Python side asks, too (horovod/common/basics.py).
LOAD_HOROVOD = f"""{_LOAD_TENSORFLOW}
horovod = ctypes.CDLL(sys.argv[2])
print(*["Gloo"] * horovod.horovod_gloo_built(), *["MPI"] * horovod.horovod_mpi_built())
"""


def find_distribution(*names: str) -> Distribution | None:
    """The first of these packages that is installed."""
    for name in names:
        try:
            return importlib.metadata.distribution(name)
        except PackageNotFoundError:
            continue
    return None


def find_faults(distribution: Distribution) -> Iterator[str]:
    """What is wrong with a package's requirements and files."""
    yield from _unmet_requirements(distribution)
    folder = str(distribution.locate_file(""))
    for file, recorded in _recorded_files(distribution):
        place = os.path.join(folder, file)
        try:
            size = os.stat(place).st_size
        except FileNotFoundError:
            yield f"{place} is missing"
            continue
        if recorded not in (None, size):
            yield f"{place} has {size:,} bytes instead of {recorded:,}"


def _recorded_files(distribution: Distribution) -> Iterator[tuple[str, int | None]]:
    """The files in a package's RECORD, with their sizes; `Distribution.files` leaves out missing ones."""
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        file, *rest = row
        yield file, int(rest[-1]) if rest and rest[-1] else None


def _unmet_requirements(distribution: Distribution) -> Iterator[str]:
    for requirement in map(Requirement, distribution.requires or ()):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = find_distribution(requirement.name)
        if found is None:
            yield f"it needs {requirement.name}, which is not installed"
        elif not requirement.specifier.contains(found.version, prereleases=True):
            wanted = f"{requirement.name}{requirement.specifier}"
            yield f"it needs {wanted}, but {found.version} is installed"


def load_libraries(code: str, *places: tuple[Distribution | None, str]) -> tuple[str, str]:
    """Run `code` with the paths of shared libraries of installed packages as its arguments.

    Args:
      places: for each library its package, and a glob below the folder of packages.
    Returns: the last line that is printed, and what went wrong (or nothing).
    """
    paths = []
    for package, pattern in places:
        found = Path(str(package.locate_file(""))).glob(pattern) if package else iter(())
        path = next(found, None)
        if path is None:
            return "", f"{pattern} is missing"
        paths.append(str(path))
    return run_probe(code, *paths)


def run_probe(code: str, *arguments: str) -> tuple[str, str]:
    """Run `code` in another Python; returns the last line it prints, and what went wrong (or nothing)."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code, *arguments]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "", f"does not load within {PROBE_SECONDS} s"
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or [""])[-1]
        return "", f"does not load (status {result.returncode}) {reason}".strip()
    return (result.stdout.strip().splitlines() or [""])[-1], ""
