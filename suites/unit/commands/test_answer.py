"""`bertbench answer`: order, invalid lines, and how it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from bertbench.embedded import SQUAD_DEV
from bertbench.tasks.squad import SquadTask

pytestmark = pytest.mark.unit

SECONDS = 120


def read_questions(count):
    paragraph = json.loads(SQUAD_DEV.read_text())["data"][0]["paragraphs"][0]
    return [
        {"id": qa["id"], "question": qa["question"], "context": paragraph["context"]}
        for qa in paragraph["qas"][:count]
    ]


FIRST, SECOND = read_questions(2)
BAD_LINES = {
    b"not json": "not valid JSON",
    b"": "not valid JSON",
    b"[" * 100_000: "not valid JSON",
    b"[1]": "not a JSON object",
    b'{"question": "\xff", "context": "a"}': "byte 14 is not UTF-8",
    b'{"context": "a"}': "'question' must be a string",
    b'{"question": "a", "context": 1}': "'context' must be a string",
    b'{"question": " ", "context": "a"}': "'question' is empty",
    b'{"question": "a", "context": ""}': "'context' is empty",
    b'{"question": "a", "context": "\\u0000"}': "no wordpiece",
    b'{"question": "a \\ud800", "context": "a"}': "a lone surrogate",
    b'{"id": 1e999, "question": "a", "context": "a"}': "'id' must be",
    b'{"id": NaN, "question": "a", "context": "a"}': "'id' must be",
    b'{"id": [], "question": "a", "context": "a"}': "'id' must be",
}


def test_model_with_one_segment_is_rejected_before_the_first_question(tmp_path, call_here):
    folder = shutil.copytree(SquadTask.embedded.model_dir, tmp_path / "model")
    config = json.loads((folder / "bert_config.json").read_text())
    (folder / "bert_config.json").write_text(json.dumps(config | {"type_vocab_size": 1}))
    status, out, err = call_here("answer", "--model-dir", folder)
    assert (status, out) == (2, "")
    assert "type_vocab_size is 1: the model has no segment for a question's context" in err


def to_line(values, **changes):
    return json.dumps(values | changes).encode()


@pytest.fixture
def serve():
    """Starts `bertbench answer` on the embedded model, ready for questions."""
    processes = []

    def start():
        environment = os.environ | {"PYTHONUNBUFFERED": ""}
        process = subprocess.Popen(
            [sys.executable, "-m", "bertbench", "answer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        processes.append(process)
        while b"ready" not in (line := process.stderr.readline()):
            assert line, "it ended before it was ready"
        return process

    yield start
    for process in processes:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        process.wait()


def test_each_line_gets_one_reply_and_invalid_lines_an_error(serve):
    lines = [to_line(FIRST, id="ü\ud800"), *BAD_LINES, to_line(SECOND), to_line(FIRST)]
    written, notices = serve().communicate(b"\n".join(lines), timeout=SECONDS)
    replies = [json.loads(line) for line in written.decode("utf-8").splitlines()]
    first, *errors, second, again = replies
    assert len(replies) == len(lines)
    assert [reply["id"] for reply in (first, second, again)] == ["ü\ud800", SECOND["id"], FIRST["id"]]
    assert first["answer"] == again["answer"]
    assert first["answer"] in FIRST["context"]
    for number, (error, reason) in enumerate(zip(errors, BAD_LINES.values(), strict=True), start=2):
        assert error["line"] == number
        assert reason in error["error"]
    assert f"3 of {len(lines)} lines answered" in notices.decode()


def test_error_reply_contains_the_id(serve):
    written, _ = serve().communicate(to_line(FIRST, question=""), timeout=SECONDS)
    assert json.loads(written)["id"] == FIRST["id"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_between_lines_ends_the_command(serve, number, status):
    process = serve()
    process.stdin.write(to_line(FIRST) + b"\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == FIRST["id"]
    process.send_signal(number)
    written, notices = process.communicate(timeout=SECONDS)
    assert (written, process.returncode) == (b"", status)
    assert notices.decode().splitlines()[-1].startswith("1 of 1 lines answered")


def test_signal_during_questions_leaves_complete_lines(serve, tmp_path):
    process = serve()
    questions = tmp_path / "questions"
    questions.write_bytes(b"".join(to_line(FIRST, id=number) + b"\n" for number in range(100_000)))
    feeder = subprocess.Popen(["cat", questions], stdout=process.stdin)
    process.stdin.close()
    first = process.stdout.readline()
    process.terminate()
    replies = [json.loads(line) for line in [first, *process.stdout.read().splitlines()]]
    feeder.kill()
    feeder.wait()
    assert process.wait(SECONDS) == 143
    assert [reply["id"] for reply in replies] == list(range(len(replies)))
    assert len(replies) < 100_000


def test_closed_output_ends_the_command_without_traceback(serve):
    process = serve()
    process.stdout.close()
    process.stdin.write(to_line(FIRST) + b"\n")
    process.stdin.close()
    notices = process.stderr.read().decode()
    process.wait(SECONDS)
    assert "Traceback" not in notices
    assert "Error" not in notices
