"""Build Horovod against this environment's TensorFlow and install it; README.md in this folder explains why.

Run it with the Python of the environment: `python tools/horovod/install.py [--optional]`. Exit status: 0
Horovod is installed and imports, 2 it is not. With `--optional` a machine that cannot build it prints one
line and status 0.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

HOROVOD_VERSION = "0.28.1"
HEADERS = Path(__file__).resolve().parent / "include"
BUILD_TOOLS = ("setuptools<81", "wheel", "packaging")
CMAKE = "cmake>=3.13"
PROGRESS_SECONDS = 20.0
FRAMEWORKS = {
    "HOROVOD_WITH_TENSORFLOW": "1",
    "HOROVOD_WITHOUT_PYTORCH": "1",
    "HOROVOD_WITHOUT_MXNET": "1",
    "HOROVOD_WITH_GLOO": "1",
}
# Gloo, which is part of Horovod, requires a CMake version that CMake 4 rejects, and does not include
# <cstdint>, which GCC before 13 included implicitly.
CMAKE_POLICY = {"CMAKE_POLICY_VERSION_MINIMUM": "3.5"}
CXX_FLAGS = "-include cstdint"


class CannotInstall(Exception):
    """Horovod cannot be built or installed here; the message gives the reason and the remedy."""


def main() -> int:
    """Install Horovod unless it is installed; return the exit status."""
    parser = argparse.ArgumentParser(
        description="Build and install Horovod for this environment's TensorFlow."
    )
    parser.add_argument(
        "--optional", action="store_true", help="end with status 0 if Horovod cannot be built"
    )
    optional = parser.parse_args().optional
    try:
        install()
    except CannotInstall as reason:
        say(f"not installed: {reason}")
        return 0 if optional else 2
    return 0


def install() -> None:
    """Install a Horovod that can be imported in this environment.

    Raises:
      CannotInstall: something needed is missing, or the build failed.
    """
    tensorflow_version = find_tensorflow()
    if is_installed(tensorflow_version):
        say(f"{HOROVOD_VERSION} for TensorFlow {tensorflow_version} is already installed.")
        return
    folder = wheel_folder(tensorflow_version)
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        check_compilers()
        wheel = build_wheel(folder)
    else:
        say(f"using the cached wheel {wheel}")
    run_pip("install", "--quiet", "--force-reinstall", "--no-deps", str(wheel))
    run_pip("install", "--quiet", f"horovod=={HOROVOD_VERSION}")
    if not is_installed(tensorflow_version):
        raise CannotInstall(f"the wheel {wheel} does not import; remove it and try again.")
    say(f"{HOROVOD_VERSION} for TensorFlow {tensorflow_version} is installed.")


def say(message: str) -> None:
    """One line of progress."""
    print(f"Horovod: {message}", flush=True)


def find_tensorflow() -> str:
    """The version of the TensorFlow that this Python imports."""
    probe = run_python("import tensorflow; print(tensorflow.__version__)")
    if probe is None:
        raise CannotInstall(f"TensorFlow does not import in {sys.executable}; install it first.")
    return probe.split()[-1]


def is_installed(tensorflow_version: str) -> bool:
    """Whether the right Horovod, built for this TensorFlow with the wanted controllers, can be imported."""
    try:
        version = importlib.metadata.version("horovod")
    except importlib.metadata.PackageNotFoundError:
        return False
    if version != HOROVOD_VERSION:
        return False
    spec = importlib.util.find_spec("horovod")
    if spec is None or spec.origin is None:
        return False
    metadata = Path(spec.origin).with_name("metadata.json")
    if not metadata.is_file() or json.loads(metadata.read_text()).get("tensorflow") != tensorflow_version:
        return False
    wanted = "hvd.gloo_built() and hvd.mpi_built()" if with_mpi() else "hvd.gloo_built()"
    return run_python(f"import horovod.tensorflow as hvd; assert {wanted}") is not None


def with_mpi() -> bool:
    """Whether the user also wants the MPI controller, according to Horovod's environment variable."""
    return os.environ.get("HOROVOD_WITH_MPI") == "1"


def wheel_folder(tensorflow_version: str) -> Path:
    """The cache folder for the wheel of these build settings, TensorFlow, Python and platform."""
    recipe = hashlib.sha256(repr((FRAMEWORKS, CXX_FLAGS, with_mpi())).encode())
    for header in sorted(HEADERS.rglob("*.h")):
        recipe.update(header.relative_to(HEADERS).as_posix().encode() + header.read_bytes())
    parts = (
        HOROVOD_VERSION,
        f"tf{tensorflow_version}",
        f"{sys.implementation.cache_tag}",
        sysconfig.get_platform(),
        recipe.hexdigest()[:12],
    )
    return cache_folder() / "horovod" / "-".join(parts)


def cache_folder() -> Path:
    """The folder for built wheels of all environments: BERTBENCH_CACHE, or the user's cache folder."""
    if folder := os.environ.get("BERTBENCH_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "bertbench")


def check_compilers() -> None:
    """Check that a C++ compiler and make are installed."""
    compiler = os.environ.get("CXX", "g++").split()[0]
    missing = [name for name in (compiler, "make") if shutil.which(name) is None]
    if missing:
        raise CannotInstall(
            f"{' and '.join(missing)} not found, so it cannot be built; everything but distributed training "
            "works. Install them (Debian, Ubuntu: apt-get install g++ make) and run this again."
        )


def build_wheel(folder: Path) -> Path:
    """Build Horovod from its PyPI source; return the wheel, stored in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    say(f"building {HOROVOD_VERSION} from source, about 5 core-minutes; log {log}")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="horovod-") as temporary:
        tools = Path(temporary, "tools")
        wanted = BUILD_TOOLS if shutil.which("cmake") else (*BUILD_TOOLS, CMAKE)
        run_pip("install", "--quiet", "--target", str(tools), *wanted)
        built = Path(temporary, "wheel")
        command = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-cache-dir", "--no-deps"]
        command += ["--no-build-isolation", "--no-binary", "horovod", "--wheel-dir", str(built)]
        command += [f"horovod=={HOROVOD_VERSION}"]
        if run_with_progress(command, build_environment(tools), log) != 0:
            raise CannotInstall(f"the build failed; see {log}; its last lines:\n{last_lines(log)}")
        wheel = next(built.glob("*.whl"))
        partial = folder / f".{wheel.name}.{os.getpid()}"
        shutil.copyfile(wheel, partial)
        partial.replace(folder / wheel.name)
    say(f"built in {time.monotonic() - start:.0f} s, kept as {folder / wheel.name}")
    return folder / wheel.name


def build_environment(tools: Path) -> dict[str, str]:
    """The environment variables of the build: no GPU, no PyTorch, our empty headers first."""
    environment = {**os.environ, **FRAMEWORKS, **CMAKE_POLICY}
    if not with_mpi():
        environment["HOROVOD_WITHOUT_MPI"] = "1"
    flags = (f"-I{HEADERS}", CXX_FLAGS, os.environ.get("CXXFLAGS", ""))
    environment["CXXFLAGS"] = " ".join(flags).strip()
    for variable, folder, default in (("PYTHONPATH", tools, ""), ("PATH", tools / "bin", os.defpath)):
        others = os.environ.get(variable, default)
        environment[variable] = os.pathsep.join(filter(None, (str(folder), others)))
    environment.setdefault("MAKEFLAGS", f"-j{available_cores()}")
    return environment


def available_cores() -> int:
    """The logical cores this process may use."""
    if platform.system() == "Linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_with_progress(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run the build with output to `log`, and print progress from time to time; return its status."""
    start = last = time.monotonic()
    with (
        log.open("w") as stream,
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            stream.write(line)
            stage = re.match(r"\s*\[ *(\d+%)\]", line)
            now = time.monotonic()
            if stage and now - last >= PROGRESS_SECONDS:
                last = now
                say(f"building, {stage[1]} of its files, {now - start:.0f} s")
        return process.wait()


def run_pip(*arguments: str) -> None:
    """Run this environment's pip.

    Raises:
      CannotInstall: pip failed; the message contains its output.
    """
    command = [sys.executable, "-m", "pip", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise CannotInstall(f"pip {' '.join(arguments)} failed:\n{result.stderr.strip()}")


def run_python(code: str) -> str | None:
    """What `code` prints in a separate process, or None if it fails."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    return result.stdout if result.returncode == 0 else None


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a text file."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])


if __name__ == "__main__":
    sys.exit(main())
