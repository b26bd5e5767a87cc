"""The decisions of the Horovod build script; the distributed suite tests the build itself."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.unit

SCRIPT = Path(__file__).parents[3] / "tools" / "horovod" / "install.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module, on a machine with TensorFlow 2.99, no Horovod, no wheel and no programs."""
    spec = importlib.util.spec_from_file_location("horovod_install", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "find_tensorflow", lambda: "2.99.0")
    monkeypatch.setattr(module, "is_installed", lambda version: False)
    monkeypatch.setattr(module, "run_pip", lambda *arguments: pytest.fail("nothing may be installed"))
    for name in ("CXX", "CXXFLAGS", "HOROVOD_WITH_MPI", "MAKEFLAGS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.setenv("BERTBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return module


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["--optional"], 0)])
def test_missing_compiler_is_reported_in_one_line(
    script: ModuleType,
    arguments: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["install.py", *arguments])
    assert script.main() == status
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.count("\n") == 1
    assert "g++ and make not found" in output.out
    assert "apt-get install" in output.out


def test_installed_horovod_is_not_installed_again(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "is_installed", lambda version: version == "2.99.0")
    script.install()
    assert "already installed" in capsys.readouterr().out


def test_cached_wheel_is_installed_without_compiler(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    answers = iter((False, True))
    monkeypatch.setattr(script, "is_installed", lambda version: next(answers))
    monkeypatch.setattr(script, "run_pip", lambda *arguments: calls.append(arguments))
    folder = script.wheel_folder("2.99.0")
    folder.mkdir(parents=True)
    wheel = folder / "horovod-0.28.1-py3-none-any.whl"
    wheel.touch()
    script.install()
    assert str(wheel) in calls[0]


def test_wheel_cache_key_depends_on_versions_and_build_settings(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = {script.wheel_folder("2.99.0"), script.wheel_folder("2.99.1")}
    monkeypatch.setenv("HOROVOD_WITH_MPI", "1")
    keys.add(script.wheel_folder("2.99.0"))
    monkeypatch.delenv("HOROVOD_WITH_MPI")
    header = tmp_path / "include" / "a.h"
    header.parent.mkdir()
    header.write_text("#pragma once\n")
    monkeypatch.setattr(script, "HEADERS", header.parent)
    keys.add(script.wheel_folder("2.99.0"))
    header.write_text("// changed\n")
    keys.add(script.wheel_folder("2.99.0"))
    assert len(keys) == 5


def test_cache_folder_follows_environment_variables(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert script.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("BERTBENCH_CACHE")
    assert script.cache_folder() == tmp_path / "home" / ".cache" / "bertbench"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert script.cache_folder() == tmp_path / "xdg" / "bertbench"


def test_build_uses_empty_headers_first(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CXXFLAGS", "-g0")
    environment = script.build_environment(tmp_path)
    assert environment["CXXFLAGS"] == f"-I{SCRIPT.parent / 'include'} -include cstdint -g0"
    assert environment["HOROVOD_WITHOUT_MPI"] == "1"
    assert len(list((SCRIPT.parent / "include").rglob("*.h"))) == 7
    monkeypatch.setenv("HOROVOD_WITH_MPI", "1")
    assert "HOROVOD_WITHOUT_MPI" not in script.build_environment(tmp_path)


def test_failing_build_reports_its_log(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script, "run_pip", lambda *arguments: None)
    monkeypatch.setattr(script, "HOROVOD_VERSION", "0.0.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(script.CannotInstall, match=r"(?s)build\.log.*horovod==0\.0\.0"):
        script.build_wheel(tmp_path)


def test_help_needs_no_tensorflow() -> None:
    command = [sys.executable, "-S", str(SCRIPT), "--help"]
    assert "--optional" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
