"""What doctor says of machines that lack something, each made by taking the thing away."""

import json
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from bertbench import cli
from bertbench.commands import doctor, doctor_checks
from bertbench.commands.doctor_checks import Finding
from bertbench.fetch.catalog import find_item
from bertbench.measure import installation
from bertbench.measure.installation import run_probe
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


def install_fake(folder: Path, package: str, files: dict[str, str], *requires: str) -> None:
    """A package with metadata and a record of its files."""
    metadata = folder / f"{package}-9.9.dist-info"
    metadata.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {package}", "Version: 9.9"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    metadata.joinpath("METADATA").write_text("\n".join(lines) + "\n")
    record = [f"{name},,{len(text)}" for name, text in files.items()]
    metadata.joinpath("RECORD").write_text("\n".join(record) + "\n")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def fake_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that both this Python and its children search first."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No packages, no programs, no variables."""
    monkeypatch.setattr(doctor_checks, "find_distribution", lambda *names: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in (*doctor_checks.DATA_VARIABLES, "CXX"):
        monkeypatch.delenv(name, raising=False)


def test_every_finding_that_is_not_ok_has_a_remedy(
    bare_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUAD_DIR", "/nowhere")
    findings = by_name(doctor_checks.examine(MACHINE))
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


SUGGESTED = [
    (variable, name)
    for variable, text in doctor_checks.DATA_VARIABLES.items()
    for name in re.findall(r"bertbench fetch ([^`]+)", text)
]


def test_items_are_suggested_for_all_variables_that_fetch_sets() -> None:
    wanted = {"SQUAD_DIR", "GLUE_DIR", "BERT_BASE_DIR", "BERT_LARGE_DIR"}
    assert {variable for variable, _ in SUGGESTED} == wanted


@pytest.mark.parametrize(("variable", "name"), SUGGESTED)
def test_suggested_fetch_items_exist_and_set_the_variable(variable: str, name: str) -> None:
    assert find_item(name).variable == variable


def test_findings_describe_cpu_nodes_and_threads() -> None:
    findings = by_name(doctor_checks.check_cpu(MACHINE))
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
    monkeypatch.setattr(doctor_checks, "check_horovod", lambda: iter(()))
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
    ("controllers", "expected"), [("Gloo MPI", "Gloo, MPI"), ("Gloo", "Gloo"), ("MPI", "MPI")]
)
def test_horovod_controllers_are_reported(
    fake_packages: Path, monkeypatch: pytest.MonkeyPatch, controllers: str, expected: str
) -> None:
    install_fake(fake_packages, "horovod", {})
    monkeypatch.setattr(doctor_checks, "load_libraries", lambda code, *places: (controllers, ""))
    (finding,) = doctor_checks.check_horovod()
    assert (finding.state, finding.found) == ("ok", f"9.9, controllers {expected}")


def test_horovod_that_does_not_load_is_reported(fake_packages: Path) -> None:
    library = "horovod/tensorflow/mpi_lib.so"
    install_fake(fake_packages, "horovod", {"horovod/__init__.py": "", library: "no library"})
    (finding,) = doctor_checks.check_horovod()
    assert (finding.state, finding.essential) == ("broken", False)
    assert re.fullmatch(r"9\.9 does not load \(status 1\) .*mpi_lib\.so: .*", finding.found)


INIT, LIBRARY = "tensorflow/__init__.py", "tensorflow/libtensorflow_cc.so.2"


@pytest.mark.parametrize(
    ("requires", "message"),
    [
        ("nowhere-to-be-found>=1", "it needs nowhere-to-be-found, which is not installed"),
        ("numpy<1", f"it needs numpy<1, but {np.__version__} is installed"),
    ],
)
def test_unmet_requirements_of_tensorflow_are_reported(
    fake_packages: Path, requires: str, message: str
) -> None:
    install_fake(fake_packages, "tensorflow_cpu", {INIT: ""}, requires, "unneeded; extra == 'more'")
    (finding,) = doctor_checks.check_tensorflow()
    assert (finding.state, finding.essential) == ("broken", True)
    assert finding.found == f"9.9 {message}"


def test_incomplete_files_of_tensorflow_are_reported(fake_packages: Path) -> None:
    install_fake(fake_packages, "tensorflow_cpu", {INIT: "", LIBRARY: "x" * 2000})
    path = fake_packages / LIBRARY
    path.write_text("x" * 1999)
    (finding,) = doctor_checks.check_tensorflow()
    assert finding.found == f"9.9 {path} has 1,999 bytes instead of 2,000"
    path.unlink()
    (finding,) = doctor_checks.check_tensorflow()
    assert finding.found == f"9.9 {path} is missing"


def test_tensorflow_that_does_not_load_is_reported(fake_packages: Path) -> None:
    install_fake(fake_packages, "tensorflow_cpu", {INIT: "", LIBRARY: "no library"})
    (finding,) = doctor_checks.check_tensorflow()
    assert finding.state == "broken"
    assert "does not load (status 1)" in finding.found
    assert LIBRARY in finding.found


def test_packages_are_not_imported(fake_packages: Path) -> None:
    """Importing TensorFlow alone would take longer than everything else."""
    mark = fake_packages / "imported"
    code = f"open({str(mark)!r}, 'a').write(__name__)"
    for package, module in (("tensorflow_cpu", "tensorflow"), ("horovod", "horovod/tensorflow")):
        install_fake(fake_packages, package, {f"{module}/__init__.py": code})
    (fake_packages / "horovod" / "__init__.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "bertbench", "doctor", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 3
    assert "tensorflow/libtensorflow_cc.* is missing" in done.stdout
    assert not mark.exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.abort()", "does not load (status -6)"),
        ("raise OSError('undefined symbol: _ZN10tensorflow')", "undefined symbol: _ZN10tensorflow"),
    ],
)
def test_crash_of_probe_is_reported(code: str, message: str) -> None:
    found, problem = run_probe(code)
    assert found == ""
    assert message in problem


def test_hanging_probe_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "PROBE_SECONDS", 0.2)
    assert run_probe("import time; time.sleep(60)") == ("", "does not load within 0.2 s")


def test_low_memory_and_disk_space_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(100 * 2**30, 99 * 2**30, 2**30)
    monkeypatch.setattr(doctor_checks.shutil, "disk_usage", lambda path: usage)
    memory = namedtuple("memory", "total available")(16 * 2**30, 3 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    findings = by_name(doctor_checks.check_room())
    assert findings["memory"].found == "3.0 GiB free of 16.0"
    assert findings["disk"].found.startswith("1.0 GiB free in ")
    assert findings["memory"].state == findings["disk"].state == "slow"
    assert findings["memory"].remedy
    assert findings["disk"].remedy
