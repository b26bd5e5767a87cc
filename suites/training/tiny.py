"""A tiny random BERT and tiny real files of each task, for the tests of training."""

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.pretraining_files import write_pretraining_files
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.precision import FP32, Precision
from bertbench.tasks import table
from bertbench.tasks.base import Task
from bertbench.training.job import TrainingJob
from bertbench.training.settings import TrainingSettings
from bertbench.training.trainer import Trainer
from bertbench.training.workers import Workers

TASKS = tuple(table.TASKS)
# Where a task changes little, the first stands for all in a run of all tests.
FIRST_TASK_IN_QUICK_RUNS = (TASKS[0], *(pytest.param(task, marks=pytest.mark.slow) for task in TASKS[1:]))
MAX_SEQ_LENGTH = 24
WORDS = tuple(f"{first}{second}" for first in "bdfgklmn" for second in ("a", "e", "i", "o", "u"))
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *WORDS)
CONFIG = ModelConfig(
    vocab_size=len(VOCABULARY),
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=MAX_SEQ_LENGTH,
    initializer_range=0.1,
)
WITHOUT_DROPOUT = dataclasses.replace(CONFIG, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def write_files(folder: Path, config: ModelConfig = CONFIG) -> Path:
    """A model folder without checkpoint, and the training files of every task in the same folder."""
    draw = random.Random(1)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "bert_config.json").write_text(config.to_json())
    (folder / "train.json").write_text(json.dumps(_squad(draw)))
    (folder / "MRPC").mkdir()
    for split in ("train", "dev"):
        (folder / "MRPC" / f"{split}.tsv").write_text(_mrpc(draw))
    text = folder / "text.txt"
    text.write_text("\n\n".join("\n".join(_sentence(draw, 6) for _ in range(8)) for _ in range(6)) + "\n")
    write_pretraining_files(
        [text],
        [folder / "text.tfrecord"],
        tokenizer=TokenizerFiles(folder / "vocab.txt").tokenizer,
        options=MaskingOptions(max_seq_length=MAX_SEQ_LENGTH, max_predictions_per_seq=4, dupe_factor=2),
        random_seed=1,
        num_processes=1,
    )
    return folder


def make_source(folder: Path, checkpoint: Path | None = None) -> ModelSource:
    config = ModelConfig.from_json_file(folder / "bert_config.json")
    return ModelSource(config, TokenizerFiles(folder / "vocab.txt"), checkpoint)


def make_task(name: str, folder: Path) -> Task:
    tokenizer = TokenizerFiles(folder / "vocab.txt").tokenizer
    return table.make_task(name, tokenizer, **_options(folder)[name])


def _options(folder: Path) -> dict[str, dict[str, Any]]:
    file = folder / "train.json"
    windows = {"max_seq_length": MAX_SEQ_LENGTH, "doc_stride": 8, "max_query_length": 8}
    return {
        "squad": {"train_data": file, "data": file, **windows},
        "classifier": {"task_name": "MRPC", "data": folder / "MRPC", "max_seq_length": MAX_SEQ_LENGTH},
        "pretraining": {"data": str(folder / "text.tfrecord")},
    }


def make_trainer(
    folder: Path,
    output_dir: Path,
    settings: TrainingSettings,
    *,
    task: str = "squad",
    precision: Precision = FP32,
    num_examples: int | None = None,
    workers: Workers | None = None,
) -> Trainer:
    made = make_task(task, folder)
    features = made.read("train").features
    if num_examples is not None:
        features = features.first(num_examples)
    job = TrainingJob(made, make_source(folder), Compute(precision), settings, output_dir)
    return Trainer(job, features, workers)


def snapshot(trainer: Trainer) -> dict[str, np.ndarray]:
    """Copies of the model's variables by name."""
    return {name: variable.numpy() for name, variable in trainer.model.variables_by_name.items()}


def _sentence(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words)) + " ."


def _squad(draw: random.Random) -> dict[str, Any]:
    paragraphs = []
    for number in range(40):
        words = draw.sample(WORDS, 12)
        context, answer = " ".join(words) + " .", draw.choice(words)
        place = {"text": answer, "answer_start": context.index(answer)}
        question = {"id": str(number), "question": f"{draw.choice(WORDS)} {answer} ?", "answers": [place]}
        paragraphs.append({"context": context, "qas": [question]})
    return {"version": "1.1", "data": [{"title": "tiny", "paragraphs": paragraphs}]}


def _mrpc(draw: random.Random) -> str:
    rows = ["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"]
    for number in range(40):
        first = _sentence(draw, 6)
        second = first if number % 2 else _sentence(draw, 6)
        rows.append(f"{number % 2}\t{number}\t{number + 100}\t{first}\t{second}")
    return "\n".join(rows) + "\n"
