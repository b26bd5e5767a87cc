"""Several hosts over SSH, with a stand-in for ssh that runs the given command on this host."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from bertbench.cli import main
from suites.distributed.jobs import run, train_squad

pytestmark = pytest.mark.distributed

STAND_IN = """\
#!{python}
import os, sys
words = sys.argv[1:]
while words[0] == "-o":
    words = words[2:]
host, *words = words
if words[0] == "-o":  # the trial call has one behind the host, too
    words = words[2:]
command = " ".join(words)
with open({log!r}, "a") as log:
    log.write(host + "\\t" + command + "\\n")
os.execvp("sh", ["sh", "-c", command])
"""
PLACE = re.compile(r"(HOROVOD_(?:HOSTNAME|RANK|SIZE|(?:LOCAL|CROSS)_(?:RANK|SIZE)))=(\w+)")


@pytest.mark.slow
def test_two_hosts_receive_commands_printed_by_dry_run(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    log = tmp_path / "ssh.log"
    (tmp_path / "ssh").write_text(STAND_IN.format(python=sys.executable, log=str(log)))
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    more = ("--mpi-workers-sync-gradients", "--num-train-steps", "4", "--mpi-hostnames", "one,two")
    command = train_squad(files, tmp_path / "out", *more)
    with pytest.raises(SystemExit) as end:
        main([*command, "--dry-run"])
    assert not end.value.code
    dry = {parts[-2]: parts[-1] for parts in map(shlex.split, capfd.readouterr().out.splitlines()[3:])}
    assert dry.keys() == {"one", "two"}
    assert not (tmp_path / "out").exists()

    run(command, tmp_path / "job.log")
    assert (tmp_path / "out" / "model.ckpt-2.index").exists()
    calls = dict(line.split("\t") for line in log.read_text().splitlines() if "-m bertbench" in line)
    assert calls.keys() == dry.keys()
    for host, called in calls.items():
        assert dict(PLACE.findall(called)) == dict(PLACE.findall(dry[host]))
        assert words_after(called, "-m") == words_after(dry[host], "-m")
        for name in ("BERTBENCH_WORKER", "PYTHONPATH"):
            (value,) = {word for word in shlex.split(dry[host]) if word.startswith(f"{name}=")}
            assert value in shlex.split(called)


def words_after(command: str, word: str) -> list[str]:
    words = shlex.split(command)
    return words[words.index(word) :]
