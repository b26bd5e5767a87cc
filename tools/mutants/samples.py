"""A small real file of each format, with the files that its readers need; each function returns its path."""

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from safetensors.numpy import save_file

from bertbench import embedded
from bertbench.checkpoint.source import QUANTIZATION_FILE
from bertbench.data.vocabulary import SPECIAL_TOKENS
from bertbench.evaluation.items import Items
from bertbench.results.accuracy_baselines import AccuracyBaseline
from bertbench.results.item_files import write_items
from bertbench.results.recording import Recording
from bertbench.results.schema import THROUGHPUT_FILE
from bertbench.results.seal import seal
from suites.unit import made_up_results
from suites.unit.checkpoint.checkpoint_cases import as_hugging_face
from suites.unit.checkpoint.hugging_face_folders import classifier_weights, write_config, write_vocabulary

Maker = Callable[[Path], Path]
PROJECT = """\
baselines = "kept"  # of every model

[model.faq]
dir = "model"
task = "squad"
data = "dev.json"
precisions = ["fp32", "bf16"]
max-seq-length = 128
[model.faq.accuracy]
max-drop = 0.5
[model.faq.throughput]
steps = 20
max-slowdown = 0.05
"""


def first_lines(source: Path, count: int) -> Maker:
    """A maker of a file with the first lines of another."""

    def make(folder: Path) -> Path:
        lines = source.read_bytes().splitlines(keepends=True)
        (folder / source.name).write_bytes(b"".join(lines[:count]))
        return folder / source.name

    return make


def google_model(damaged: str) -> Maker:
    """A maker of a copy of an embedded model, one file of which will be damaged."""

    def make(folder: Path) -> Path:
        for path in embedded.SQUAD.iterdir():
            if path.name.startswith(("bert_", "vocab")):
                shutil.copy(path, folder)
        return folder / damaged

    return make


def quantization(folder: Path) -> Path:
    """The scales of an embedded model."""
    return Path(shutil.copy(embedded.MRPC / QUANTIZATION_FILE, folder))


def state_file(folder: Path) -> Path:
    """A folder as a training leaves it, with TensorFlow's file `checkpoint`."""
    for step in (100, 200):
        (folder / f"model.ckpt-{step}.index").touch()
    path = folder / "checkpoint"
    path.write_text('model_checkpoint_path: "model.ckpt-200"\nall_model_checkpoint_paths: "model.ckpt-100"\n')
    return path


def hugging_face_model(damaged: str, shards: int = 1) -> Maker:
    """Makes a classifier in Hugging Face's form, in one or several files of weights."""

    def make(folder: Path) -> Path:
        write_config(folder, id2label={"0": "not_equivalent", "1": "equivalent"})
        write_vocabulary(folder)
        tensors = as_hugging_face(classifier_weights(2))
        names = [f"model-{number:05d}-of-{shards:05d}.safetensors" for number in range(1, shards + 1)]
        places = {name: names[index % shards] for index, name in enumerate(tensors)}
        for place in names:
            part = {name: tensors[name] for name in tensors if places[name] == place}
            save_file(part, folder / (place if shards > 1 else "model.safetensors"))
        if shards > 1:
            _write(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": places})
        return folder / damaged

    return make


def squad(folder: Path) -> Path:
    """Two paragraphs."""
    values = json.loads(embedded.SQUAD_DEV.read_bytes())
    values["data"] = values["data"][:1]
    values["data"][0]["paragraphs"] = values["data"][0]["paragraphs"][:2]
    return _write(folder / "dev-v1.1.json", values)


def records(folder: Path) -> Path:
    """The first eight masked examples."""
    data, position = embedded.PRETRAINING_RECORDS.read_bytes(), 0
    for _ in range(8):
        position += 16 + int.from_bytes(data[position : position + 8], "little")
    (folder / "records.tfrecord").write_bytes(data[:position])
    return folder / "records.tfrecord"


def tokenizer_json(folder: Path) -> Path:
    """As the tokenizers library writes it."""
    pieces = (*SPECIAL_TOKENS, "a", "b", "##a", ".")
    ids = {piece: index for index, piece in enumerate(pieces)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer(True, True, None, True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(list(SPECIAL_TOKENS))
    made.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def tokenizer_config(folder: Path) -> Path:
    """The keys that are read, and some others."""
    write_vocabulary(folder)
    values: dict[str, Any] = {
        "do_lower_case": False,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "tokenizer_class": "BertTokenizer",
        "unk_token": "[UNK]",
        "never_split": [],
        "model_max_length": 512,
    }
    return _write(folder / "tokenizer_config.json", values)


def archive(folder: Path) -> Path:
    """A model's two small files in a folder."""
    with zipfile.ZipFile(folder / "model.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("bert_config.json", "vocab.txt"):
            made.write(embedded.SQUAD / name, f"model/{name}")
    return folder / "model.zip"


def items(folder: Path) -> Path:
    """Scores of forty items, whose mean is 0.5."""
    write_items(folder / "items.npz", Items.numbered({"f1": np.linspace(0, 1, 40)}))
    return folder / "items.npz"


def throughput(folder: Path) -> Path:
    """One case in pytest-benchmark's form."""
    infos = [made_up_results.case_info("fp32", "tiny", rounds=7)]
    return made_up_results.write_throughput(folder / THROUGHPUT_FILE, infos)


def history(folder: Path) -> Path:
    """One stored file of two cases."""
    made_up_results.write_stored_history(folder, 1, cases=("tiny",))
    return next(folder.glob("*/*.json"))


def accuracy(folder: Path) -> Path:
    """One case with two comparisons."""
    return made_up_results.write_accuracy(folder, [made_up_results.accuracy_case()])


def baselines(folder: Path) -> Path:
    """One recorded score."""
    made = AccuracyBaseline(
        case="fp32-squad-inference",
        checkpoint_fingerprint=made_up_results.FINGERPRINT,
        dataset_sha256=made_up_results.DATASET,
        quantity="f1",
        scores={"exact_match": 79.1, "f1": 87.3},
        examples=5000,
        versions={"tensorflow": "2.21.0"},
        machine=made_up_results.machine(),
        recorded=Recording("Ann", "2025-03-01T10:00:00+00:00", "4a5b6c7", dirty=False),
    )
    sealed = seal(dataclasses.asdict(made))
    return _write(folder / "accuracy.json", {"schema_version": 1, "baselines": [sealed]})


def predictions(folder: Path) -> Path:
    """Twenty answers."""
    return _write(folder / "predictions.json", {f"q{number}": "Zoë kept it" for number in range(20)})


def null_odds(folder: Path) -> Path:
    """Differences of logits of three questions."""
    return _write(folder / "null_odds.json", {"q1": -3.5, "q2": 0.25, "q3": 7})


def nbest(folder: Path) -> Path:
    """Two answers to each of two questions."""
    answers = [{"text": "a", "probability": 0.5, "start_logit": x, "end_logit": 2.5} for x in (3.0, 1.0)]
    return _write(folder / "nbest_predictions.json", {"q1": answers, "q2": answers})


def project(folder: Path) -> Path:
    """One model, with what its file names."""
    (folder / "model").mkdir()
    (folder / "dev.json").write_text("{}")
    (folder / "bertbench.toml").write_text(PROJECT)
    return folder / "bertbench.toml"


def _write(path: Path, values: Any) -> Path:
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    return path
