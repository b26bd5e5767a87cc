"""Each format as the commands read it; each returns plain values for `checks`."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bertbench import embedded
from bertbench.checkpoint.config_files import read_config
from bertbench.checkpoint.finding import find_checkpoint
from bertbench.checkpoint.quantization import read_quantization
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.glue import make_features, read_examples
from bertbench.data.glue_tasks import MRPC
from bertbench.data.squad import SquadExample, read_squad
from bertbench.data.squad_references import read_references
from bertbench.data.squad_windows import WindowSettings, make_windows
from bertbench.data.text_corpus import plan_parts, read_documents
from bertbench.data.tfrecords import read_features
from bertbench.data.tokenizer_files import TokenizerFiles, find_tokenizer
from bertbench.evaluation.prediction_files import (
    read_margins,
    read_na_probs,
    read_predictions,
    require_answers,
)
from bertbench.fetch.unpack import unpack_zip
from bertbench.gate.accuracy import read_judged
from bertbench.inference import load_model
from bertbench.patterns import match_files
from bertbench.project import read_project
from bertbench.report.history import read_history
from bertbench.results.accuracy_baselines import read_baselines
from bertbench.results.item_files import read_items
from bertbench.results.numerics import read_numerics
from bertbench.results.schema import read_lengths, read_throughput
from bertbench.tasks.table import TASKS

_MRPC_CONFIG = ModelConfig.from_json_file(embedded.MRPC / "bert_config.json")
_TOKENIZER = TokenizerFiles(embedded.SQUAD / "vocab.txt").tokenizer


class Everything:
    """A container that contains every key."""

    def __contains__(self, item: object) -> bool:
        return True


def questions(path: Path) -> Any:
    """What `predict squad` reads, with its windows."""
    return _windowed(read_squad(path), training=False)


def training_questions(path: Path) -> Any:
    """What `train squad` reads, with its windows."""
    return _windowed(read_squad(path, training=True), training=True)


def _windowed(examples: list[SquadExample], *, training: bool) -> Any:
    make_windows(examples, _TOKENIZER, WindowSettings(), training=training)
    return [[example.qas_id, example.question, list(example.answers or ())] for example in examples]


def references(path: Path) -> Any:
    """What `evaluate squad` reads where every question has a prediction."""
    return [list(reference.answers) for reference in read_references(path, Everything()).values()]


def pairs(path: Path) -> Any:
    """What `predict classifier` reads of MRPC."""
    examples = read_examples(MRPC, path, "dev")
    make_features(MRPC, examples, _TOKENIZER, 128)
    return [[str(example.label), example.text_a, example.text_b] for example in examples]


def documents(path: Path) -> Any:
    """What `prepare pretraining` reads, in parts of 1 KB."""
    parts = plan_parts(match_files(str(path)), 1000)
    return [document for part in parts for span in part for document in read_documents(span)]


def masked_examples(path: Path) -> Any:
    """What `predict pretraining` reads."""
    features = read_features([path])
    return [features.input_ids, features.segment_ids, *features.labels.values()]


def span_model(path: Path) -> ModelConfig:
    """The configuration with which `predict squad` loads a model."""
    source = find_model(path.parent)
    load_model(TASKS["squad"](), source, Compute())
    return source.config


def classifier_config(path: Path) -> ModelConfig:
    """What `predict classifier` reads of a Hugging Face folder's configuration."""
    found = read_config(path)
    found.labels.names()
    return found.config


def weights(path: Path) -> dict[str, np.ndarray]:
    """Every number of a checkpoint, by its name in the file."""
    file = open_checkpoint(path)
    tensors = file.list_tensors()
    return {t.name: v.numpy() for t, v in zip(tensors, file.read(tensors), strict=True)}


def tokens(path: Path) -> list[str]:
    """The wordpieces of `vocab.txt`, with which a text was divided."""
    tokenizer = TokenizerFiles(path).tokenizer
    tokenizer.encode("Zoë kept the lamp. 灯 1861")
    return list(tokenizer.tokens)


def tokenizer(path: Path) -> Any:
    """A text as `tokenizer.json` divides it, and the wordpieces."""
    found = find_tokenizer(path.parent)
    assert found is not None
    return [found.tokenizer.tokenize("Aa b. é"), list(found.tokenizer.tokens)]


def scales(path: Path) -> Any:
    """A `quantization.json`."""
    return json.loads(json.dumps(dataclasses.asdict(read_quantization(path, _MRPC_CONFIG))))


def named_checkpoint(path: Path) -> Any:
    """The checkpoint that a folder's state file names."""
    return find_checkpoint(path.parent).name


def text_rules(path: Path) -> Any:
    """The rules of `tokenizer_config.json`."""
    found = find_tokenizer(path.parent)
    assert found is not None
    rules = dataclasses.asdict(found.tokenizer.rules)
    found.tokenizer.encode("Zoë kept the lamp. 灯")
    return {key: rules[key] for key in ("do_lower_case", "strip_accents", "tokenize_chinese_chars")}


def scores(path: Path) -> Any:
    """What the gate and the report read of `accuracy.json`."""
    return _plain(read_judged(path))


def kept_scores(path: Path) -> Any:
    """Recorded baselines."""
    return {"baselines": [_plain(baseline) for baseline in read_baselines(path).by_key.values()]}


def item_scores(path: Path) -> Any:
    """Scores item by item, whose mean is known."""
    items = read_items(path, {"f1": 0.5})
    return [items.ids, *items.values.values()]


def speeds(path: Path) -> Any:
    """What the gate and the report read of `throughput.json`."""
    cases = read_throughput(path).cases
    return {"benchmarks": [{"extra_info": _plain(case)} for case in cases]}


def series(path: Path) -> Any:
    """What `history` reads."""
    found = read_history(path.parents[1])
    return sorted(float(value) for one in found for value in one.efficiencies)


def kernel_errors(path: Path) -> Any:
    """`numerics.json`."""
    return _plain(read_numerics(path))


def histogram(path: Path) -> Any:
    """`lengths.json`."""
    return _plain(read_lengths(path))


def answers(path: Path) -> Any:
    """What `evaluate squad` reads of `predictions.json` for a data set with the same questions."""
    predictions = read_predictions(path)
    return require_answers(path, predictions, {qas_id: qas_id for qas_id in predictions})


def null_odds(path: Path) -> Any:
    """`null_odds.json` of SQuAD 2.0."""
    return read_na_probs(path)


def margins(path: Path) -> Any:
    """The margins in `nbest_predictions.json`."""
    return read_margins(path.with_name("predictions.json"))


def models(path: Path) -> Any:
    """The names of a project's models."""
    return [model.name for model in read_project(path).models]


def unpacked(path: Path) -> Any:
    """The files of an archive, by their paths in the folder that it was unpacked to."""
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        folder = Path(place, "within", "folder")
        unpack_zip(path, folder)
        files = [file for file in Path(place).rglob("*") if file.is_file() or file.is_symlink()]
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def _plain(value: Any) -> Any:
    """A dataclass as JSON has it."""
    return json.loads(json.dumps(dataclasses.asdict(value)))
