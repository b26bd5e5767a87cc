"""Starting workers, with a stand-in for Horovod's launcher: commands, prefixes, and messages of failures."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bertbench.cli import main
from bertbench.errors import CannotJudge, InputError
from bertbench.processes import groups, horovod_launcher
from bertbench.processes.horovod_launcher import launcher_command, run_workers, show_workers
from bertbench.processes.hosts import WorkerHosts

pytestmark = pytest.mark.unit

# What Horovod 0.28.1's launcher prints at the end, and Open MPI's mpirun.
GLOO_END = """\
Traceback (most recent call last):
RuntimeError: Horovod detected that one or more processes exited with non-zero status, thus causing the job \
to be terminated. The first process to do so was:
Process name: {rank}
Exit code: {status}
"""
MPI_END = """\
mpirun detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[38017,1],{rank}]
  Exit code:    {status}
"""


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    """Let run_workers start a shell script instead of the launcher."""

    def install(body):
        script = tmp_path / "launcher"
        script.write_text(f"#!/bin/sh\n{body}\n")
        monkeypatch.setattr(horovod_launcher, "launcher_command", lambda *_: ["sh", str(script)])
        monkeypatch.setattr(horovod_launcher.importlib.util, "find_spec", lambda _: "there")

    return install


def ending(text, rank, status):
    return f"cat >&2 <<'END'\n{text.format(rank=rank, status=status)}END\nexit 1"


@pytest.mark.parametrize(
    ("processes", "hosts", "slots"),
    [
        (2, (), {"localhost": 2}),
        (4, ("a", "b"), {"a": 2, "b": 2}),
        (5, ("a", "b"), {"a": 3, "b": 2}),
        (4, ("a", "b", "c", "d"), {"a": 1, "b": 1, "c": 1, "d": 1}),
        (4, ("n1:2", "n2:2"), {"n1": 2, "n2": 2}),
        (5, ("10.0.0.1:1", "node-2.example:4"), {"10.0.0.1": 1, "node-2.example": 4}),
    ],
)
def test_workers_are_distributed_over_hosts(processes, hosts, slots):
    assert WorkerHosts(processes, hosts).slots == slots


def test_elastic_job_on_one_host_uses_two_host_names():
    hosts = WorkerHosts(3, elastic=True)
    assert hosts.slots == {"localhost": 2, "127.0.0.1": 1}
    assert "--min-np 1 " in shlex.join(launcher_command(hosts, ["train"]))
    assert "--min-np" not in launcher_command(WorkerHosts(3), ["train"])


@pytest.mark.parametrize(("processes", "hosts"), [(1, ()), (2, ("a",))])
def test_elastic_job_without_remaining_worker_is_rejected(processes, hosts):
    with pytest.raises(InputError, match="--elastic: no worker would remain after a loss"):
        WorkerHosts(processes, hosts, elastic=True)


def test_elastic_independent_training_is_rejected(capfd):
    with pytest.raises(SystemExit) as end:
        main(["train", "squad", "--mpi-num-processes", "2", "--elastic", "--output-dir", "out"])
    assert end.value.code == InputError.exit_status
    assert "--elastic: workers that train independently cannot replace" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("processes", "hosts", "message"),
    [
        ("2", "a,a", "a,a: name each host once"),
        ("3", "a:1,a:2", "a:1,a:2: name each host once"),
        ("2", "Node1,node1", "Node1,node1: name each host once"),
        ("2", "-oProxyCommand=x,n2", "'-oProxyCommand=x' is not a valid host"),
        ("2", "-v,n2", "'-v' is not a valid host"),
        ("2", "n1:" + "9" * 5000, "is not a valid host; write NAME or NAME:PROCESSES"),
        ("1", "a,b", "a,b: 2 hosts for 1 processes"),
        ("2", "n1 n2", "'n1 n2' is not a valid host; write NAME or NAME:PROCESSES, separated by commas"),
        ("2", "n1:1 n2:1", "'n1:1 n2:1' is not a valid host"),
        ("2", "ann@n1,n2", "'ann@n1' is not a valid host"),
        ("2", "n1:x,n2:1", "'n1:x' is not a valid host"),
        ("2", "n1:-1,n2:3", "'n1:-1' is not a valid host"),
        ("2", "n1:2:2,n2", "'n1:2:2' is not a valid host"),
        ("2", "::1,n2", "'::1' is not a valid host"),
        ("2", "n1,", "'' is not a valid host"),
        ("2", ",", "'' is not a valid host"),
        ("2", "localhost:0,n2:2", "localhost:0,n2:2: a host without processes; leave it out"),
        ("2", "n1:1,n2", "n1:1,n2: give the number of processes for every host, or for none"),
        ("5", "n1:2,n2:2", "n1:2,n2:2: 4 processes, but --mpi-num-processes is 5; make them agree"),
        ("2", "n1:2,n2:2", "n1:2,n2:2: 4 processes, but --mpi-num-processes is 2; make them agree"),
    ],
)
def test_invalid_hosts_are_rejected(capfd, processes, hosts, message):
    options = ["--mpi-num-processes", processes, "--mpi-hostnames", hosts, "--dry-run", "--output-dir", "out"]
    with pytest.raises(SystemExit) as end:
        main(["train", "squad", *options])
    printed = capfd.readouterr()
    assert (end.value.code, printed.out) == (2, "")
    assert message in printed.err


@pytest.mark.parametrize("line", ["[1]<stdout>:loss 0.5", "[1,1]<stdout>:loss 0.5"])
def test_output_lines_have_rank_prefix(launcher, capfd, line):
    launcher(f"echo '{line}'; echo '[0]<stderr>:ready'; echo 'of the launcher alone'")
    run_workers(WorkerHosts(2), [])
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("[1] loss 0.5\n", "[0] ready\n")


def test_worker_environment_has_worker_variable_and_python_path(launcher, capfd):
    launcher('echo "[0]<stdout>:$BERTBENCH_WORKER $PYTHONPATH"')
    run_workers(WorkerHosts(2), [])
    assert capfd.readouterr().out.startswith(f"[0] 1 {groups.PACKAGE_PARENT}")


def test_failure_of_elastic_job_names_host_and_slot(launcher):
    launcher(ending(GLOO_END, "localhost[1]", 137))
    with pytest.raises(CannotJudge, match=r"localhost\[1\] ended with SIGKILL"):
        run_workers(WorkerHosts(2, elastic=True), [])


@pytest.mark.parametrize("end", [GLOO_END, MPI_END], ids=["gloo", "mpi"])
@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (137, CannotJudge, "rank 1 ended with SIGKILL and the others were stopped"),
        (9, CannotJudge, "rank 1 ended with status 9"),
        (2, InputError, "rank 1 failed; its message is above"),
        (3, CannotJudge, "rank 1 failed; its message is above"),
    ],
)
def test_failure_names_first_failed_rank(launcher, end, status, error, message):
    launcher(ending(end, 1, status))
    with pytest.raises(error, match=message):
        run_workers(WorkerHosts(2), [])


def test_failure_of_launcher_quotes_its_output(launcher):
    launcher("echo 'could not connect to some hosts via ssh'; exit 1")
    with pytest.raises(CannotJudge, match=r"(?s)ended with status 1:.*via ssh"):
        run_workers(WorkerHosts(2, ("a", "b")), [])


def test_missing_horovod_error_names_install_command(monkeypatch):
    monkeypatch.setattr(horovod_launcher.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"not installed; run `python tools/horovod/install.py`"):
        run_workers(WorkerHosts(2), [])


def test_dry_run_prints_commands_for_four_hosts(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    show_workers(WorkerHosts(5, ("a", "b", "c", "d")), ["train", "squad", "--output-dir", "my out"])
    lines = capfd.readouterr().out.splitlines()
    environment = f"BERTBENCH_WORKER=1 PYTHONPATH={groups.PACKAGE_PARENT} PYTHONUNBUFFERED=1 "
    environment += "PYTHONIOENCODING=utf-8"
    launch = "-m horovod.runner.launch --disable-cache -np 5 -H a:2,b:1,c:1,d:1"
    worker = f"{sys.executable} -m bertbench train squad --output-dir 'my out'"
    assert lines[1] == f"    {environment} {sys.executable} {launch} {worker}"
    # rank, local rank, local size, cross rank, cross size: the second slot is a's alone
    places = [(0, 0, 2, 0, 4), (1, 1, 2, 0, 1), (2, 0, 1, 1, 4), (3, 0, 1, 2, 4), (4, 0, 1, 3, 4)]
    for line, host, place in zip(lines[3:], "aabcd", places, strict=True):
        ssh = shlex.split(line)
        assert ssh[:-1] == shlex.split(f"ssh -o PasswordAuthentication=no -o StrictHostKeyChecking=no {host}")
        slot = (
            "HOROVOD_HOSTNAME={} HOROVOD_RANK={} HOROVOD_SIZE=5 HOROVOD_LOCAL_RANK={} HOROVOD_LOCAL_SIZE={} "
            "HOROVOD_CROSS_RANK={} HOROVOD_CROSS_SIZE={}"
        ).format(host, *place)
        assert ssh[-1] == f"cd {tmp_path} > /dev/null 2>&1 ; env {slot} {environment} {worker}"


def test_dry_run_on_this_host_uses_no_ssh(capfd):
    show_workers(WorkerHosts(2), ["train", "squad"])
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(" HOROVOD_SIZE")[0] for line in lines[3:]] == [
        f"    env HOROVOD_HOSTNAME=localhost HOROVOD_RANK={rank}" for rank in range(2)
    ]


def test_training_in_one_process_does_not_import_horovod(tmp_path):
    """Horovod made unimportable: a training in one process does not notice."""
    (tmp_path / "horovod").mkdir()
    (tmp_path / "horovod" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pathlib import Path\n"
        "from suites.training.tiny import write_files\n"
        f"files = write_files(Path({str(tmp_path)!r}))\n"
        "from bertbench.cli import main\n"
        "try:\n"
        "    main(['train', 'pretraining', '--config-file', str(files / 'bert_config.json'),\n"
        "          '--input-file', str(files / 'text.tfrecord'), '--max-seq-length', '24',\n"
        "          '--max-predictions-per-seq', '4', '--num-train-steps', '1', '--batch-size', '2',\n"
        f"          '--output-dir', {str(tmp_path / 'out')!r}])\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "assert not any(name.split('.')[0] == 'horovod' for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[3])
    assert (tmp_path / "out" / "model.ckpt-1.index").exists()
