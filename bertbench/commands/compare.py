"""`bertbench compare`: the answers that differ between two predictions files, or between instruction sets."""

import dataclasses
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.instruction_sets import parse_isas, predict_under
from bertbench.commands.options import REFERENCES
from bertbench.commands.predicted_runs import (
    Difference,
    PredictedRun,
    conclude,
    judge,
    list_changes,
    predicted_dataset,
    read_runs,
)
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import print_json, say
from bertbench.data.squad_format import WITH_NEGATIVE
from bertbench.data.squad_windows import WindowSettings
from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.files import make_directory
from bertbench.options import Option, Settings, command_words
from bertbench.prediction_settings import PredictionSettings

if TYPE_CHECKING:
    from bertbench.results.accuracy import ScoreComparison


@dataclass(frozen=True)
class CompareOptions(Settings):
    """The options of `bertbench compare`."""

    pred_a: Annotated[Path | None, Option(positional=True, metavar="[PRED_A")] = None
    pred_b: Annotated[Path | None, Option(positional=True, metavar="PRED_B]")] = None
    data: Annotated[
        Path | None,
        dataclasses.replace(REFERENCES, default_help="from results.json in the folder of PRED_A"),
    ] = None
    version_2_with_negative: Annotated[bool | None, WITH_NEGATIVE] = None
    max_drop: Annotated[
        float | None,
        Option(
            "Judge whether the F1 of B is lower by more points. Exit status 0: no, 1: yes, 3: unclear.",
            minimum=0.0,
            metavar="POINTS",
        ),
    ] = None
    isa: Annotated[
        str | None,
        Option(
            "Instead of files, compare predictions under these limits of oneDNN, such as avx2,avx512_core.",
            metavar="ISA,ISA,...",
        ),
    ] = None
    model: ModelOptions = field(default_factory=ModelOptions)
    windows: WindowSettings = field(default_factory=WindowSettings)
    prediction: PredictionSettings = field(default_factory=PredictionSettings)
    output_dir: Annotated[Path | None, Option("With --isa: folder to keep the runs in.", group="output")] = (
        None
    )


def compare(options: CompareOptions) -> None:
    """Compare two files, or several instruction sets."""
    if options.isa is not None:
        if options.pred_a is not None:
            raise InputError("--isa makes the predictions; remove the predictions files.")
        _compare_instruction_sets(options, options.isa)
    elif options.pred_a is None or options.pred_b is None:
        raise InputError("give two predictions files or folders, or --isa.")
    else:
        _compare_files(options, options.pred_a, options.pred_b)


command = TypedCommand(
    "compare",
    compare,
    CompareOptions,
    help="""List the questions whose answer differs between PRED_A and PRED_B.

    Each is a predictions.json or the folder that contains one. An answer's margin is the best start plus end
    logit minus the second best, from nbest_predictions.json in the same folder. The last line gives both F1
    scores, and their difference with its 95 % interval from a paired bootstrap over questions.

    With --isa the same predictions are made under each limit (ONEDNN_MAX_CPU_ISA), and each run is compared
    with the first. The options of the model, of windows and of computing are for these runs.

    \b
    Examples:
      bertbench compare results/fp32 results/bf16
      bertbench compare --isa avx512_core,avx512_core_bf16,amx --precision bf16 --model-dir M \\
        --data dev-v1.1.json
    """,
)


@dataclass(frozen=True)
class _Pair:
    """Two runs compared.

    Attributes:
      changed: the number of questions whose answers differ.
      text: the number and the scores in words.
      judged: by --max-drop; None without it.
    """

    changed: int
    text: str
    difference: Difference
    judged: "ScoreComparison | None"

    @classmethod
    def of(
        cls, first: PredictedRun, second: PredictedRun, questions: Collection[str], max_drop: float | None
    ) -> "_Pair":
        """Compare the second run with the first."""
        difference = Difference.of(first, second)
        changed = sum(first.answers.get(key) != second.answers.get(key) for key in questions)
        scores = difference.describe(first.name, second.name)
        text = f"changed answers: {changed} of {len(questions)}; {scores}"
        return cls(changed, text, difference, None if max_drop is None else judge(first, second, max_drop))

    @property
    def verdict(self) -> str | None:
        """The verdict as text, if it was judged."""
        return None if self.judged is None else str(self.judged.verdict)

    def conclude(self) -> None:
        """Print the verdict, if it was judged; raises as `predicted_runs.conclude`."""
        if self.judged is not None:
            conclude(self.judged)


def _compare_files(options: CompareOptions, pred_a: Path, pred_b: Path) -> None:
    dataset = options.data or predicted_dataset(pred_a)
    runs, references = read_runs({"A": pred_a, "B": pred_b}, dataset, options.version_2_with_negative)
    first, second = runs
    changed = list_changes(runs, references)
    pair = _Pair.of(first, second, references, options.max_drop)
    say(pair.text)
    f1 = dataclasses.asdict(pair.difference)
    print_json({"questions": len(references), "changed": changed, "f1": f1, "verdict": pair.verdict})
    pair.conclude()


def _compare_instruction_sets(options: CompareOptions, isas: str) -> None:
    names = parse_isas(isas)
    with tempfile.TemporaryDirectory(prefix="bertbench-isa-") as temporary:
        place = Path(temporary) if options.output_dir is None else make_directory(options.output_dir)
        folders = {name: predict_under(name, _predict_words(options), place / name) for name in names}
        dataset = predicted_dataset(folders[names[0]])
        runs, references = read_runs(folders, dataset, options.version_2_with_negative)
    changed = list_changes(runs, references)
    first, *others = runs
    pairs = [_Pair.of(first, other, references, options.max_drop) for other in others]
    comparisons = []
    for other, pair in zip(others, pairs, strict=True):
        moved = [value for value in first.logit_differences(other) if value]
        largest = max(moved, default=0.0)
        say(f"{pair.text}; logits differ in {len(moved)} questions, by up to {largest:.3g}")
        logits = {"questions": len(moved), "largest": largest}
        facts = {"changed": pair.changed, "f1": dataclasses.asdict(pair.difference), "logits": logits}
        comparisons.append({"isa": other.name, **facts, "verdict": pair.verdict})
    print_json({"questions": len(references), "changed": changed, "against": first.name, "isa": comparisons})
    _conclude_all(pairs)


def _conclude_all(pairs: Sequence[_Pair]) -> None:
    """Print every verdict; raises as `predicted_runs.conclude`, for a failed pair before an unclear one."""
    errors: list[GateFailed | CannotJudge] = []
    for pair in pairs:
        try:
            pair.conclude()
        except (GateFailed, CannotJudge) as error:
            errors.append(error)
    errors.sort(key=lambda error: isinstance(error, GateFailed))
    for other in errors[:-1]:
        say(str(other))
    if errors:
        raise errors[-1]


def _predict_words(options: CompareOptions) -> list[str]:
    """The options of `bertbench predict squad` for one run."""
    parts = (options.model, options.windows, options.prediction)
    words = [word for part in parts for word in command_words(part)]
    if options.data is not None:
        words += ["--data", str(options.data)]
    if options.version_2_with_negative is not None:
        words.append(f"--{'' if options.version_2_with_negative else 'no-'}version-2-with-negative")
    return words
