"""Containers: the exact `docker run` line, and when not to use it. No container is run here."""

import os
import shlex
import stat
from pathlib import Path

import pytest

import bertbench
from bertbench.errors import InputError
from bertbench.measure.machine import read_machine
from bertbench.modelzoo import docker
from bertbench.modelzoo.arguments import parse
from bertbench.modelzoo.docker import check_image, docker_command, plan_container, run_container
from bertbench.modelzoo.resolve import resolve

pytestmark = pytest.mark.unit

WORDS = (
    "-m bert_large -p bfloat16 -mo inference -d /data -c /weights --output-dir /out -b 8 --dry-run "
    "--docker-image tf/tf:2.21.0 --volume /a:/b --volume=/c:/d:ro --shm-size 1g --accuracy-only"
)


@pytest.fixture
def fake_docker(tmp_path, monkeypatch):
    """Put a `docker` first on the path that records its calls and gives the stated results."""

    def install(*, version="27.0", tensorflow="2.21.0", run_status=0):
        script = tmp_path / "bin" / "docker"
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            f'#!/bin/sh\nexec 3>> {tmp_path}/calls; printf "%s\\n" "$@" "" >&3\n'
            f'case "$*" in version*) echo "{version}"; [ -n "{version}" ] ;;\n'
            f'*"print(tensorflow"*) echo noise; echo "{tensorflow}"; [ -n "{tensorflow}" ] ;;\n'
            f"run*) exit {run_status} ;; esac\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
        return tmp_path / "calls"

    return install


def container_of(words):
    arguments = parse(words.split())
    return plan_container(arguments, resolve(arguments, read_machine(), Path("/nowhere")))


def test_docker_command_equals_expected_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (*docker.PROXIES, *(name.upper() for name in docker.PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy:3128")
    package = Path(bertbench.__file__).parent
    install = 'python -m pip install --quiet --user $0 && exec "$@"'
    assert docker_command(container_of(f"{WORDS} -- init_checkpoint=a.ckpt")) == [
        *("docker", "run", "--rm", "--init", "--user", f"{os.getuid()}:{os.getgid()}"),
        *("--env", "HOME=/tmp", "--env", "PYTHONPATH=/opt/bertbench"),
        *("--env", "https_proxy"),
        *("--volume", f"{package}:/opt/bertbench/bertbench:ro"),
        *("--volume", f"{tmp_path}:{tmp_path}", "--volume", "/out:/out"),
        *("--volume", "/data:/data:ro", "--volume", "/weights:/weights:ro"),
        *("--volume", "/a:/b", "--volume", "/c:/d:ro"),
        *("--shm-size=1g", "--workdir", str(tmp_path)),
        *("tf/tf:2.21.0", "sh", "-c", install, " ".join(docker.requirements())),
        *("python", "-m", "bertbench.launch_benchmark"),
        *("--model-name=bert_large", "--precision=bfloat16", "--mode=inference"),
        *("--data-location=/data", "--checkpoint=/weights", "--output-dir=/out", "--batch-size=8"),
        *("--accuracy-only=True", "--", "init_checkpoint=a.ckpt"),
    ]


def test_noinstall_runs_python_directly(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = docker_command(container_of(f"{WORDS} --noinstall"))
    image = words.index("tf/tf:2.21.0")
    assert words[image + 1 : image + 4] == ["python", "-m", "bertbench.launch_benchmark"]


def test_binding_to_cores_adds_sys_nice_capability(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "SYS_NICE" in docker_command(container_of(f"{WORDS} --num-cores 1"))
    assert "SYS_NICE" not in docker_command(container_of(WORDS))


def test_output_dir_of_model_is_mounted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "/elsewhere:/elsewhere" in docker_command(container_of(f"{WORDS} -- output_dir=/elsewhere"))


def test_container_requirements_exclude_tensorflow_and_test_packages():
    names = docker.requirements()
    assert any(name.startswith("tokenizers") for name in names)
    assert not any(name.startswith(("tensorflow", "pytest", "mpmath")) or " " in name for name in names)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("intel/intel-optimized-tensorflow:2.3.0", (2, 3)),
        ("intel/intel-optimized-tensorflow:tensorflow-2.2-bf16-nightly", (2, 2)),
        ("registry:5000/tensorflow/tensorflow:2.21.0-jupyter", (2, 21)),
        ("intel/intel-optimized-tensorflow:latest", None),
        ("intel/intel-optimized-tensorflow", None),
        ("python:3.11", None),
        ("ubuntu:22.04", None),
    ],
)
def test_tensorflow_version_is_read_from_image_tag(image, version):
    assert docker.tensorflow_of_tag(image) == version


def test_missing_docker_prints_one_warning(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not check_image("tf/tensorflow:2.21.0", strict=False)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "Warning: --docker-image tf/tensorflow:2.21.0: docker is not installed; "
        "running on this machine instead."
    )


def test_missing_docker_is_an_error_if_strict(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="docker is not installed"):
        check_image("tf/tensorflow:2.21.0", strict=True)


def test_docker_that_does_not_respond_is_reported(fake_docker, capsys):
    fake_docker(version="")
    assert not check_image("tf/tensorflow:2.21.0", strict=False)
    assert "docker does not respond" in capsys.readouterr().err


@pytest.mark.parametrize("strict", [False, True])
def test_image_with_old_tensorflow_is_reported(fake_docker, capsys, strict):
    calls = fake_docker()
    image = "intel/intel-optimized-tensorflow:2.3.0"
    if strict:
        with pytest.raises(InputError, match=r"its TensorFlow is 2\.3, but 2\.21"):
            check_image(image, strict=True)
    else:
        assert not check_image(image, strict=False)
        warning = capsys.readouterr().err
        assert image in warning
        assert "its TensorFlow is 2.3, but 2.21 or newer is needed" in warning
    assert "run" not in calls.read_text()


@pytest.mark.parametrize(("tensorflow", "usable"), [("2.21.0", True), ("2.15.1", False), ("", False)])
def test_image_with_unknown_tag_is_run_to_find_version(fake_docker, tensorflow, usable):
    calls = fake_docker(tensorflow=tensorflow)
    assert check_image("tf/tensorflow:latest", strict=False) == usable
    assert "run\n--rm\ntf/tensorflow:latest\npython\n-c\n" in calls.read_text()


def test_run_container_creates_folders_and_returns_status(fake_docker, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    calls = fake_docker(run_status=3)
    container = container_of(WORDS.replace("/out", f"{tmp_path}/out"))
    assert run_container(container, verbose=True) == 3
    assert (tmp_path / "out").is_dir()
    assert calls.read_text().split("\n")[:-2] == docker_command(container)[1:]
    assert capsys.readouterr().err.strip() == shlex.join(docker_command(container))
