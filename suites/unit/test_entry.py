"""How programs end: each error has one line and its own status, whatever happens to the streams."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bertbench.entry import run_program; "
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.fixture(autouse=True)
def interruptible():
    """Let the processes of a test get SIGINT, although a shell ignores it for tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start(tmp_path):
    """Start a program whose `run(arguments)` has this body; its streams are pipes unless given."""

    def run(body: str, *arguments: str | bytes, **streams: object) -> subprocess.Popen:
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        text = f"import errno, os, sys, time\n\ndef run(arguments):\n{lines}\n    return 0\n"
        (tmp_path / "made_up.py").write_text(text, encoding="utf-8")
        code = START + "run_program('program', 'made_up')"
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": BUFFERED} | streams
        return subprocess.Popen([sys.executable, "-c", code, str(tmp_path), *arguments], text=True, **more)

    return run


@pytest.fixture
def ending(start):
    """Run a program to its end: its status and what it wrote on both streams."""

    def run(body: str, *arguments: str | bytes, **streams: object) -> tuple[int, str, str]:
        process = start(body, *arguments, **streams)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return run


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        ("return 7", 7, None),
        ("sys.exit(143)", 143, None),
        ("from bertbench.errors import GateFailed; raise GateFailed('slower')", 1, "slower"),
        ("from bertbench.errors import InputError; raise InputError('f: bad')", 2, "f: bad"),
        ("from bertbench.errors import CannotJudge; raise CannotJudge('noise')", 3, "noise"),
        ("open('/none/such')", 2, "/none/such: No such file or directory; check the path."),
        ("open(b'/none/such')", 2, "/none/such: No such file or directory; check the path."),
        ("os.listdir('/proc/version')", 2, "/proc/version: Not a directory; check the path."),
        (
            "os.stat('a' * 300)",
            2,
            f"{'a' * 300}: File name too long; choose a shorter name.",
        ),
        (
            "raise PermissionError(errno.EACCES, 'Permission denied', 'there')",
            2,
            "there: Permission denied; choose another place, or ask its owner for access.",
        ),
        ("os.rename('/none/a', '/none/b')", 2, "/none/a: No such file or directory; check the path."),
        (
            "raise OSError(errno.EROFS, 'Read-only file system', 'there')",
            2,
            "there: Read-only file system; choose a place that can be written.",
        ),
        ("raise KeyboardInterrupt", 130, "interrupted"),
    ],
)
def test_each_exit_prints_its_message_and_status(ending, body, status, line):
    assert ending(body) == (status, "", "" if line is None else f"program: {line}\n")


@pytest.mark.parametrize("error", ["MemoryError()", "OSError(errno.ENOMEM, 'Cannot allocate memory')"])
def test_out_of_memory_error_suggests_options_that_use_less(ending, error):
    status, out, err = ending(f"raise {error}")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("program: out of memory; use a smaller model, --batch-size")


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ("{}['key']", "KeyError: 'key'"),
        ("raise OSError(errno.EINVAL, 'Invalid argument')", "OSError: [Errno 22] Invalid argument"),
        ("raise EOFError('half')", "EOFError: half"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("raise ValueError('\\x1b[2Jhidden')", "ValueError: \\x1b[2Jhidden"),
    ],
)
def test_internal_error_prints_traceback_and_asks_for_bug_report(ending, body, last):
    status, out, err = ending(body)
    *traceback, shown, request = err.splitlines()
    assert (status, out, shown) == (70, "", last)
    assert traceback[0] == "Traceback (most recent call last):"
    assert any(line.endswith("in run") for line in traceback)
    assert request.startswith("program: this is an error in bertbench, not in your input; please report it")


def test_long_message_is_shortened_after_its_control_characters_are_escaped(ending):
    body = "from bertbench.errors import InputError; raise InputError('a' + '\\n\\x1b' * 1000 + 'b.')"
    err = ending(body)[2]
    assert err.count("\n") == 1
    assert len(err) < 1100
    assert err.startswith("program: a\\n\\x1b")
    assert err.endswith("\\x1bb.\n")


@pytest.mark.parametrize("argument", [b"caf\xe9", b"--option=\xff", b"\xed\xa0\x80"])
def test_arguments_not_in_utf8_are_rejected_before_the_run(ending, argument):
    status, out, err = ending("print('ran')", "good", argument)
    assert (status, out, err.count("\n")) == (2, "", 1)
    shown = argument.decode(errors="surrogateescape").encode(errors="backslashreplace").decode()
    assert err.startswith(f"program: {shown}: is not UTF-8 here; rename the file, or set a UTF-8 locale")


def test_control_characters_in_error_message_are_escaped_to_one_line(ending):
    body = "from bertbench.errors import InputError; raise InputError('a\\nprogram: b\\x1b[1A\\u202ec\\x9b.')"
    assert ending(body)[2] == "program: a\\nprogram: b\\x1b[1A\\u202ec\\x9b.\n"


FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full; Linux has it")
WRITE = "print('result'); sys.stderr.write('notice\\n'); open(arguments[0], 'w').write('kept')\n"


@needs_full
@pytest.mark.parametrize("status", [0, 1])
def test_full_disk_for_standard_output_is_reported_once(ending, tmp_path, status):
    body = (
        WRITE + f"if {status}:\n    from bertbench.errors import GateFailed\n    raise GateFailed('slower')"
    )
    with FULL.open("w") as full:
        ended, _, err = ending(body, str(tmp_path / "file"), stdout=full)
    message = "standard output: No space left on device; free some space or choose another place."
    assert (ended, err) == (2, f"notice\nprogram: {message}\n")
    assert (tmp_path / "file").read_text() == "kept"


@needs_full
def test_full_disk_for_standard_error_does_not_change_the_result(ending, tmp_path):
    with FULL.open("w") as full:
        assert ending(WRITE, str(tmp_path / "file"), stderr=full)[:2] == (0, "result\n")
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_file_opened_after_closed_stream_does_not_receive_output(ending, tmp_path, closed):
    body = WRITE + "sys.stdout.flush(); os.write(1, b'raw'); os.write(2, b'raw')"
    status, out, err = ending(
        body, str(tmp_path / "file"), preexec_fn=lambda: [os.close(number) for number in closed]
    )
    assert status == 0
    assert (tmp_path / "file").read_text() == "kept"
    assert (out, err) == ("" if 1 in closed else "result\nraw", "" if 2 in closed else "notice\nraw")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(("ends", "status"), [("", 0), ("return 3", 3), ("{}[0]", 70)])
def test_closed_pipe_does_not_change_exit_status(start, stream, ends, status):
    body = (
        f"print('first', file=sys.{stream}, flush=True)\nsys.stdin.read()\n"
        f"for _ in range(10000):\n    print('more', file=sys.{stream})\n{ends}"
    )
    process = start(body, stdin=subprocess.PIPE)
    reader = getattr(process, stream)
    assert reader.readline() == "first\n"
    reader.close()
    process.stdin.close()
    other = process.stderr if stream == "stdout" else process.stdout
    printed = other.read()
    assert process.wait(60) == status
    assert ("Traceback" in printed) == (status == 70 and stream == "stdout")
    assert "BrokenPipe" not in printed
    other.close()


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "Zo\\xeb \\u706f"), ("latin-1", "Zoë \\u706f"), ("utf-8", "Zoë 灯")]
)
def test_characters_that_the_stream_cannot_encode_are_escaped(start, encoding, shown):
    body = "print('Zo\\xeb \\u706f'); print('Zo\\xeb \\u706f', file=sys.stderr)"
    process = start(body, env={**BUFFERED, "PYTHONIOENCODING": encoding}, encoding=encoding)
    assert process.communicate(timeout=60) == (f"{shown}\n", f"{shown}\n")
    assert process.returncode == 0


@pytest.fixture(autouse=True)
def hangups_are_not_ignored():
    """Programs that are started ignore SIGHUP if pytest does, as under nohup."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


HELD = """\
from pathlib import Path
from bertbench.temporary import temporary_folder
with temporary_folder(Path(arguments[0]) / 'out'):
    os.write(1, b'held\\n')
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "stopped by SIGTERM"),
        (signal.SIGHUP, 129, "stopped by SIGHUP"),
    ],
)
def test_stop_signals_clean_up_temporary_files(start, tmp_path, number, status, line):
    folder = tmp_path / "work"
    folder.mkdir()
    process = start(HELD, str(folder), stdin=subprocess.PIPE)
    assert process.stdout.readline() == "held\n"
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("", f"program: {line}\n")
    assert process.returncode == status
    assert list(folder.iterdir()) == []


def test_later_signals_do_not_interrupt_cleanup(start, tmp_path):
    body = (
        "try:\n    os.write(1, b'held\\n')\n    time.sleep(60)\n"
        "finally:\n    os.write(1, b'cleaning\\n')\n    time.sleep(0.5)\n    open(arguments[0], 'w')"
    )
    process = start(body, str(tmp_path / "cleaned"))
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "cleaning\n"
    for number in (signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert (tmp_path / "cleaned").exists()


def test_ignored_signal_stays_ignored(start, tmp_path):
    """As under nohup."""
    ignored = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    process = start(HELD, str(tmp_path), stdin=subprocess.PIPE, **ignored)
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("seconds", "number", "status", "line"),
    [
        (0.1, signal.SIGINT, 130, "interrupted"),
        (0.2, signal.SIGTERM, 143, "stopped by SIGTERM"),
        (0.4, signal.SIGINT, 130, "interrupted"),
        (0.8, signal.SIGHUP, 129, "stopped by SIGHUP"),
    ],
)
def test_interrupt_during_startup_prints_one_line(tmp_path, seconds, number, status, line):
    code = (
        "import sys; from bertbench.cli import main; print(flush=True); "
        "sys.argv = ['bertbench', 'predict', 'squad', '--output-dir', 'none']; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.splitlines()[-1]) == (status, f"bertbench: {line}")
    assert "Traceback" not in err
