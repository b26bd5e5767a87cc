"""`bertbench answer`: questions as JSON lines on standard input, answers as JSON lines on standard output."""

import dataclasses
import json
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Annotated, Any

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.options import ThreadOptions
from bertbench.commands.tasks import use_embedded_default
from bertbench.commands.typed_options import TypedCommand
from bertbench.compute import Compute
from bertbench.console import notice
from bertbench.data.squad_format import WITH_NEGATIVE
from bertbench.data.squad_windows import WindowSettings
from bertbench.entry import output_is_read
from bertbench.errors import BertbenchError, InputError
from bertbench.evaluation.span_decoding import DecodingSettings
from bertbench.options import Settings
from bertbench.runtime import compute_for
from bertbench.tasks.fit import require_length, require_segments
from bertbench.tasks.squad import SquadSettings, SquadTask

if TYPE_CHECKING:
    from bertbench.answering import Answerer
    from bertbench.evaluation.decoded_answers import Answer

_REMEDY = "write one JSON object with 'question' and 'context' on one line"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class AnswerOptions(Settings):
    """The options of `bertbench answer`."""

    model: ModelOptions = field(default_factory=ModelOptions)
    compute: Compute = field(default_factory=Compute)
    windows: WindowSettings = field(default_factory=WindowSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    version_2_with_negative: Annotated[bool, dataclasses.replace(WITH_NEGATIVE, default_help="")] = False
    threads: ThreadOptions = field(default_factory=ThreadOptions)


def answer_questions(options: AnswerOptions) -> None:
    """Answer questions from standard input."""
    answerer = _load(options)
    notice("ready for questions, one JSON object per line")
    with _Stop() as stop:
        seconds = [_reply(answerer, *line) for line in stop.lines(sys.stdin.buffer)]
    notice(_summary([value for value in seconds if value is not None], len(seconds)))
    stop.exit()


command = TypedCommand(
    "answer",
    answer_questions,
    AnswerOptions,
    help="""Answer questions from standard input, one JSON object per line, until the input ends.

    A line contains "question", "context" and, optionally, "id". Its answer is one line: "id" if there was
    one, "answer", "probability", "start_logit" and "end_logit". A line that cannot be answered gives a line
    with "line" and "error", and does not stop the command. Answers are in the order of the questions.

    The model is loaded and compiled once, before the first line is read. Without a model, the small one that
    is part of bertbench answers.

    \b
    Example:
      bertbench answer --model-dir M --precision bf16 < questions.jsonl > answers.jsonl
    """,
)


def _load(options: AnswerOptions) -> "Answerer":
    options.windows.require_room()
    settings = SquadSettings(
        windows=options.windows,
        decoding=options.decoding,
        version_2_with_negative=options.version_2_with_negative,
    )
    model, _ = use_embedded_default(SquadTask, options.model, settings)
    source = model.find()
    task = SquadTask(settings, source.tokenizer())
    require_length(task, source.config)
    require_segments(source.config)
    compute = compute_for(options.compute, source)
    options.threads.start(trains=False)

    from bertbench.answering import Answerer
    from bertbench.inference import load_model

    answerer = Answerer(load_model(task, source, compute), task)
    answerer.warm_up()
    return answerer


class _Stop:
    """Ends the loop at a signal (at once while it waits for a line, otherwise after the answer), and
    when the answers are not read any more.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._waiting = False

    def __enter__(self) -> "_Stop":
        self._kept = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._kept.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        self._signal = number
        if self._waiting:
            raise _Interrupted

    def lines(self, stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
        """The lines with their numbers from 1."""
        number = 0
        while not self._signal and output_is_read():
            try:
                line = self._wait(stream)
            except _Interrupted:
                return
            if not line:
                return
            number += 1
            yield number, line

    def _wait(self, stream: IO[bytes]) -> bytes:
        """The next line; none after a signal that came just before the wait."""
        try:
            self._waiting = True
            return b"" if self._signal else stream.readline()
        finally:
            self._waiting = False

    def exit(self) -> None:
        """End the process with the received signal, if there was one."""
        if self._signal:
            sys.exit(128 + self._signal)


class _Interrupted(Exception):
    """A signal was received while waiting for a line."""


def _reply(answerer: "Answerer", number: int, line: bytes) -> float | None:
    """Write the answer to a line; return its seconds, or None if there is no answer."""
    start = time.perf_counter()
    qas_id: dict[str, Any] = {}
    try:
        values = _parse(line)
        qas_id = _id(values)
        reply = qas_id | _describe(answerer(_text(values, "question"), _text(values, "context")))
        seconds = time.perf_counter() - start
    except BertbenchError as error:
        reply, seconds = qas_id | {"line": number, "error": str(error)}, None
    text = json.dumps(reply, ensure_ascii=False, allow_nan=False)
    sys.stdout.buffer.write(
        text.encode(errors="backslashreplace") + b"\n"
    )  # a lone surrogate, as a JSON escape
    sys.stdout.buffer.flush()
    return seconds


def _parse(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8; write JSON in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON ({error}); {_REMEDY}.") from None
    if not isinstance(values, dict):
        raise InputError(f"not a JSON object; {_REMEDY}.")
    return values


def _id(values: dict[str, Any]) -> dict[str, Any]:
    """The id of the line for the reply, if it has one."""
    value = values.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise InputError("'id' must be a string or an integer; correct it or leave it out.")
    return {"id": value} if "id" in values else {}


def _text(values: dict[str, Any], key: str) -> str:
    if not isinstance(values.get(key), str):
        raise InputError(f"{key!r} must be a string; {_REMEDY}.")
    return values[key]


def _describe(answer: "Answer") -> dict[str, Any]:
    return {
        "answer": answer.text,
        "probability": answer.probability,
        "start_logit": answer.start_logit,
        "end_logit": answer.end_logit,
    }


def _summary(seconds: list[float], lines: int) -> str:
    text = f"{len(seconds)} of {lines} lines answered"
    if seconds:
        text += f", median {1000 * statistics.median(seconds):.1f} ms, longest {1000 * max(seconds):.1f} ms"
    return text
