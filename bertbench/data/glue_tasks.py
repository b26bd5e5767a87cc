"""The GLUE tasks and XNLI as data: files, column layouts, labels and official metrics.

Layouts are those of the files that the GLUE site hands out (Wang et al. 2018, https://gluebenchmark.com/tasks)
and of XNLI 1.0 with XNLI-MT 1.0 (Conneau et al. 2018) as the original `run_classifier.py` reads them. The
label names of models are those of Hugging Face's data set `glue`.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bertbench.errors import InputError

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Layout:
    """The file of a split: tab-separated; quotes are ordinary characters.

    Attributes:
      file: path below the task's folder; `{language}` is replaced by the chosen language.
      num_columns: columns of every row.
      text_a, text_b, label: column indexes; None if the file has no such column.
      header: whether the first row names the columns.
      marker: without a label, the column with the example's number, to detect a header.
      language: the column with the row's language; rows in other languages are skipped.
    """

    file: str
    num_columns: int
    text_a: int
    text_b: int | None = None
    label: int | None = None
    header: bool = True
    marker: int = 0
    language: int | None = None


@dataclass(frozen=True)
class GlueTask:
    """One task.

    Attributes:
      name: the task's official name.
      folder: its folder below the GLUE root.
      train, dev, test: the layout of each split's file.
      labels: label names in the order of their ids; empty for regression.
      score_range: lowest and highest score of a regression task.
      metrics: names known to `bertbench.evaluation.glue_metrics.glue_scores`.
      submission_file: the file name of test predictions that the GLUE site expects, if it accepts the task.
      label_synonyms: other spellings of labels found in the files.
      label_names: the names of the labels in models, in the order of `labels`; default: the names in the
        files.
      aliases: other accepted names, in lower case.
      remedy: what to do if a file is malformed.
    """

    name: str
    folder: str
    train: Layout
    dev: Layout
    test: Layout
    labels: tuple[str, ...] = ()
    score_range: tuple[float, float] | None = None
    metrics: tuple[str, ...] = ("accuracy",)
    submission_file: str | None = None
    label_synonyms: Mapping[str, str] = field(default_factory=dict, hash=False)
    label_names: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    remedy: str = "fetch the official file again"

    @property
    def kind(self) -> str:
        """`classification` or `regression`."""
        return "classification" if self.labels else "regression"

    @property
    def num_outputs(self) -> int:
        """Width of the task's logits: one per label, or one score."""
        return len(self.labels) or 1

    def find_label(self, name: str) -> int | None:
        """The id of the label with this name in a model; case, `-`, `_` and spaces do not matter."""
        synonyms = {_plain(other): label for other, label in self.label_synonyms.items()}
        known = {_plain(label): index for index, label in enumerate(self.labels)}
        known |= {_plain(label): index for index, label in enumerate(self.label_names)}
        return known.get(_plain(synonyms.get(_plain(name), name)))

    def layout(self, split: str) -> Layout:
        """The layout of `train`, `dev` or `test`.

        Raises:
          InputError: there is no such split.
        """
        if split not in SPLITS:
            raise InputError(f"split is {split!r}; choose one of {', '.join(SPLITS)}.")
        return getattr(self, split)


ENTAILMENT = ("contradiction", "entailment", "neutral")
BINARY = ("0", "1")


def _indexed_pair_task(name: str, labels: tuple[str, ...], label_names: tuple[str, ...] = ()) -> GlueTask:
    """A task of rows index, text, text, label: QNLI, RTE and WNLI."""
    labeled = functools.partial(Layout, num_columns=4, text_a=1, text_b=2, label=3)
    return GlueTask(
        name=name,
        folder=name,
        train=labeled("train.tsv"),
        dev=labeled("dev.tsv"),
        test=Layout("test.tsv", num_columns=3, text_a=1, text_b=2),
        labels=labels,
        label_names=label_names,
        submission_file=f"{name}.tsv",
    )


def _mnli(name: str, half: str, submission_file: str, aliases: tuple[str, ...]) -> GlueTask:
    return GlueTask(
        name=name,
        folder="MNLI",
        train=Layout("train.tsv", num_columns=12, text_a=8, text_b=9, label=11),
        dev=Layout(f"dev_{half}.tsv", num_columns=16, text_a=8, text_b=9, label=15),
        test=Layout(f"test_{half}.tsv", num_columns=10, text_a=8, text_b=9),
        labels=ENTAILMENT,
        submission_file=submission_file,
        aliases=aliases,
    )


COLA = GlueTask(
    name="CoLA",
    folder="CoLA",
    train=Layout("train.tsv", num_columns=4, text_a=3, label=1, header=False),
    dev=Layout("dev.tsv", num_columns=4, text_a=3, label=1, header=False),
    test=Layout("test.tsv", num_columns=2, text_a=1),
    labels=BINARY,
    label_names=("unacceptable", "acceptable"),
    metrics=("matthews_correlation",),
    submission_file="CoLA.tsv",
)

SST_2 = GlueTask(
    name="SST-2",
    folder="SST-2",
    train=Layout("train.tsv", num_columns=2, text_a=0, label=1),
    dev=Layout("dev.tsv", num_columns=2, text_a=0, label=1),
    test=Layout("test.tsv", num_columns=2, text_a=1),
    labels=BINARY,
    label_names=("negative", "positive"),
    submission_file="SST-2.tsv",
)

MRPC = GlueTask(
    name="MRPC",
    folder="MRPC",
    train=Layout("train.tsv", num_columns=5, text_a=3, text_b=4, label=0),
    dev=Layout("dev.tsv", num_columns=5, text_a=3, text_b=4, label=0),
    test=Layout("test.tsv", num_columns=5, text_a=3, text_b=4),
    labels=BINARY,
    label_names=("not_equivalent", "equivalent"),
    metrics=("accuracy", "f1"),
    submission_file="MRPC.tsv",
)

STS_B = GlueTask(
    name="STS-B",
    folder="STS-B",
    train=Layout("train.tsv", num_columns=10, text_a=7, text_b=8, label=9),
    dev=Layout("dev.tsv", num_columns=10, text_a=7, text_b=8, label=9),
    test=Layout("test.tsv", num_columns=9, text_a=7, text_b=8),
    score_range=(0.0, 5.0),
    metrics=("pearson", "spearman"),
    submission_file="STS-B.tsv",
)

QQP = GlueTask(
    name="QQP",
    folder="QQP",
    train=Layout("train.tsv", num_columns=6, text_a=3, text_b=4, label=5),
    dev=Layout("dev.tsv", num_columns=6, text_a=3, text_b=4, label=5),
    test=Layout("test.tsv", num_columns=3, text_a=1, text_b=2),
    labels=BINARY,
    label_names=("not_duplicate", "duplicate"),
    metrics=("accuracy", "f1"),
    submission_file="QQP.tsv",
    remedy="GLUE's first QQP.zip has broken rows; use QQP-clean.zip",
)

XNLI = GlueTask(
    name="XNLI",
    folder="XNLI",
    train=Layout("multinli/multinli.train.{language}.tsv", num_columns=3, text_a=0, text_b=1, label=2),
    dev=Layout("xnli.dev.tsv", num_columns=19, text_a=6, text_b=7, label=1, language=0),
    test=Layout("xnli.test.tsv", num_columns=19, text_a=6, text_b=7, marker=1, language=0),
    labels=ENTAILMENT,
    label_synonyms={"contradictory": "contradiction"},
)

TASKS = (
    COLA,
    SST_2,
    MRPC,
    STS_B,
    QQP,
    _mnli("MNLI", "matched", "MNLI-m.tsv", ("mnlim", "mnlimatched")),
    _mnli("MNLI-mm", "mismatched", "MNLI-mm.tsv", ("mnlimismatched",)),
    _indexed_pair_task("QNLI", ("entailment", "not_entailment")),
    _indexed_pair_task("RTE", ("entailment", "not_entailment")),
    _indexed_pair_task("WNLI", BINARY, ("not_entailment", "entailment")),
    XNLI,
)


def glue_task(name: str) -> GlueTask:
    """The task with this name; case, `-` and `_` do not matter (`sst-2`, `SST2`, `mnli-mm`).

    Raises:
      InputError: the name is unknown.
    """
    wanted = _plain(name)
    for task in TASKS:
        if wanted in (_plain(task.name), *task.aliases):
            return task
    raise InputError(f"task name is {name!r}; choose one of {', '.join(task.name for task in TASKS)}.")


def _plain(name: str) -> str:
    return re.sub("[-_ ]", "", name.lower())
