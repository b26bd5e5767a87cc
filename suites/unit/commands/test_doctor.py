"""What doctor reports on machines on which something is missing."""

import json
import re
from collections import namedtuple
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from bertbench import cli
from bertbench.commands import doctor
from bertbench.commands.doctor import Finding
from bertbench.fetch.catalog import find_item
from bertbench.measure.machine import Machine

pytestmark = pytest.mark.unit

MACHINE = Machine(
    cpu="Intel Xeon",
    architecture="x86_64",
    isa=("avx512f", "avx2"),
    sockets=((0, 1, 2, 3), (4, 5, 6, 7)),
    physical_cores=4,
    numa_nodes=((0, 1, 4, 5), (2, 3, 6, 7)),
    usable=tuple(range(8)),
    quota=None,
)


def by_name(findings) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def install_fake(folder: Path, package: str, module: str, code: str) -> None:
    """A package with metadata, whose `module` runs `code` when imported."""
    metadata = folder / f"{package}-9.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 9.9\n")
    path = folder.joinpath(*module.split("."), "__init__.py")
    path.parent.mkdir(parents=True)
    for parent in path.relative_to(folder).parents[1:-1]:
        (folder / parent / "__init__.py").touch()
    path.write_text(code)


@pytest.fixture
def fake_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that both this Python and its children search first."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No packages, no programs, no variables."""
    monkeypatch.setattr(doctor, "installed_version", lambda *names: None)
    monkeypatch.setattr(doctor, "run_probe", lambda code: ("", "does not import"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in (*doctor.DATA_VARIABLES, "CXX"):
        monkeypatch.delenv(name, raising=False)


def test_every_finding_that_is_not_ok_has_a_remedy(
    bare_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUAD_DIR", "/nowhere")
    findings = by_name(doctor.examine(MACHINE))
    assert {name for name, finding in findings.items() if finding.state == "missing"} >= {
        "TensorFlow",
        "Horovod",
        "C++ compiler",
        "make",
        "CMake",
        "BERTBENCH_DATA",
        "GLUE_DIR",
        "BERT_LARGE_DIR",
        "BERT_BASE_DIR",
        "PRETRAINING_DATA_DIR",
    }
    assert findings["SQUAD_DIR"].state == "broken"
    assert findings["bf16"].state == "slow"
    for finding in findings.values():
        assert bool(finding.remedy) == (finding.state != "ok"), finding


@pytest.mark.parametrize("variable", doctor.DATA_VARIABLES)
def test_suggested_fetch_items_exist_and_set_the_variable(variable: str) -> None:
    for name in re.findall(r"bertbench fetch ([^`]+)", doctor.DATA_VARIABLES[variable]):
        assert find_item(name).variable == variable


def test_findings_describe_cpu_nodes_and_threads() -> None:
    findings = by_name(doctor.check_cpu(MACHINE))
    assert findings["CPU"].found == "Intel Xeon, 2 sockets, 4 cores, 8 logical cores (8 usable)"
    assert findings["NUMA"].found == "2 nodes, logical cores 0-1,4-5; 2-3,6-7"
    assert findings["threads"].found == "4 intra-op, 1 inter-op threads"


def test_missing_tensorflow_exits_with_status_3(
    bare_machine: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["doctor"])
    assert stop.value.code == 3
    output = capsys.readouterr()
    assert "BERT_LARGE_DIR" in output.out
    assert output.err.count("\n") == 1
    assert "TensorFlow" in output.err


def test_real_machine_passes_and_prints_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLUE_DIR", str(tmp_path))
    monkeypatch.setattr(doctor, "check_horovod", lambda: iter(()))
    result = CliRunner().invoke(doctor.command, ["--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    findings = {row["name"]: row for row in report["findings"]}
    assert findings["TensorFlow"]["state"] == "ok"
    assert findings["TensorFlow"]["found"] == report["machine"]["tensorflow"]
    assert findings["GLUE_DIR"] == {
        "name": "GLUE_DIR",
        "state": "ok",
        "found": str(tmp_path),
        "remedy": "",
        "essential": False,
    }


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.abort()", "status -6"),
        ("raise ImportError('undefined symbol: _ZN10tensorflow')", "undefined symbol: _ZN10tensorflow"),
    ],
)
def test_broken_horovod_is_reported_without_crash(fake_packages: Path, code: str, message: str) -> None:
    install_fake(fake_packages, "horovod", "horovod.tensorflow", code)
    (finding,) = doctor.check_horovod()
    assert (finding.state, finding.essential) == ("broken", False)
    assert message in finding.found
    assert "9.9" in finding.found


@pytest.mark.parametrize(
    ("gloo", "mpi", "controllers"), [(True, True, "Gloo, MPI"), (True, False, "Gloo"), (False, 1, "MPI")]
)
def test_horovod_controllers_are_reported(
    fake_packages: Path, gloo: bool, mpi: bool, controllers: str
) -> None:
    code = f"print('noise')\ngloo_built = lambda: {gloo}\nmpi_built = lambda: {mpi}\n"
    install_fake(fake_packages, "horovod", "horovod.tensorflow", code)
    (finding,) = doctor.check_horovod()
    assert (finding.state, finding.found) == ("ok", f"9.9, controllers {controllers}")


def test_tensorflow_that_cannot_be_imported_is_reported(fake_packages: Path) -> None:
    install_fake(fake_packages, "tensorflow_cpu", "tensorflow", "raise RuntimeError('no AVX')")
    (finding,) = doctor.check_tensorflow()
    assert (finding.state, finding.essential) == ("broken", True)
    assert "9.9" in finding.found
    assert "no AVX" in finding.found


def test_hanging_probe_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.2)
    assert doctor.run_probe("import time; time.sleep(60)") == ("", "does not import within 0.2 s")


def test_low_memory_and_disk_space_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(100 * 2**30, 99 * 2**30, 2**30)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    memory = namedtuple("memory", "total available")(16 * 2**30, 3 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    findings = by_name(doctor.check_room())
    assert findings["memory"].found == "3.0 GiB free of 16.0"
    assert findings["disk"].found.startswith("1.0 GiB free in ")
    assert findings["memory"].state == findings["disk"].state == "slow"
    assert findings["memory"].remedy
    assert findings["disk"].remedy
