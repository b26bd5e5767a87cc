"""The formats whose files are damaged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench import embedded
from suites.unit import made_up_results
from tools.mutants import checks, readers, samples
from tools.mutants.binary import change_archive, change_header, change_index, change_record
from tools.mutants.mutations import LONG_LINE, OF_BYTES, OF_JSON, OF_TEXT, Mutation


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
      make: writes a real file, with what it needs around it, into a folder; returns its path.
      read: reads it as the commands do.
      mutations: ways to damage it, by name.
      right: whether bytes mean what was read from them; None: nothing but what the undamaged file gives.
    """

    name: str
    make: samples.Maker
    read: Callable[[Path], Any]
    mutations: Mapping[str, Mutation]
    right: Callable[[bytes, Any], bool] | None = None


_LONG_JSON, _LONG_TEXT = {**OF_JSON, **LONG_LINE}, {**OF_TEXT, **LONG_LINE}
_RECORDS = {**OF_BYTES, "record": change_record, "feature": change_record}
_INDEX = {"entry": change_index, "block": change_index}
_HEADER = {**OF_BYTES, "header": change_header, "value in the header": change_header}
_ARCHIVE = {**OF_BYTES, "member": change_archive}
_DATA = "bert_model.ckpt.data-00000-of-00001"
_ROWS = samples.first_lines(embedded.MRPC / "dev.tsv", 12)
_TEXT = samples.first_lines(embedded.PRETRAINING_TEXT, 60)
_WORDS = samples.first_lines(embedded.SQUAD / "vocab.txt", 1200)

FORMATS = (
    Format("SQuAD JSON", samples.squad, readers.questions, _LONG_JSON, checks.are_questions),
    Format("SQuAD, to train on", samples.squad, readers.training_questions, OF_JSON, checks.are_questions),
    Format("SQuAD, to score", samples.squad, readers.references, OF_JSON, checks.are_references),
    Format("GLUE TSV", _ROWS, readers.pairs, _LONG_TEXT, checks.are_rows),
    Format("text", _TEXT, readers.documents, _LONG_TEXT, checks.are_documents),
    Format("TFRecord", samples.records, readers.masked_examples, _RECORDS, checks.are_masked_examples),
    Format(
        "bert_config.json",
        samples.google_model("bert_config.json"),
        readers.span_model,
        OF_JSON,
        checks.is_configuration,
    ),
    Format(
        "config.json",
        samples.hugging_face_model("config.json"),
        readers.classifier_config,
        OF_JSON,
        checks.is_configuration,
    ),
    Format("vocab.txt", _WORDS, readers.tokens, _LONG_TEXT, checks.are_lines),
    Format("tokenizer.json", samples.tokenizer_json, readers.tokenizer, OF_JSON, checks.is_tokenizer),
    Format("tokenizer_config.json", samples.tokenizer_config, readers.text_rules, OF_JSON, checks.holds),
    Format(
        "safetensors",
        samples.hugging_face_model("model.safetensors"),
        readers.weights,
        _HEADER,
        checks.are_tensors,
    ),
    Format(
        "safetensors index",
        samples.hugging_face_model("model.safetensors.index.json", 2),
        readers.weights,
        OF_JSON,
    ),
    Format("checkpoint index", samples.google_model("bert_model.ckpt.index"), readers.weights, OF_BYTES),
    Format(
        "checkpoint index, checksums right",
        samples.google_model("bert_model.ckpt.index"),
        readers.weights,
        _INDEX,
        checks.of_any_value,
    ),
    Format("checkpoint (state file)", samples.state_file, readers.named_checkpoint, OF_TEXT, checks.is_named),
    Format("quantization.json", samples.quantization, readers.scales, OF_JSON, checks.holds),
    Format("checkpoint data", samples.google_model(_DATA), readers.weights, OF_BYTES),
    Format("accuracy.json", samples.accuracy, readers.scores, OF_JSON, checks.holds),
    Format("accuracy baselines", samples.baselines, readers.kept_scores, OF_JSON, checks.holds),
    Format("scores by item (.npz)", samples.items, readers.item_scores, OF_BYTES),
    Format("throughput.json", samples.throughput, readers.speeds, OF_JSON, checks.holds),
    Format("throughput baselines", samples.history, readers.series, OF_JSON, checks.are_efficiencies),
    Format("numerics.json", made_up_results.write_numerics, readers.kernel_errors, OF_JSON, checks.holds),
    Format("lengths.json", made_up_results.write_lengths, readers.histogram, OF_JSON, checks.holds),
    Format("predictions.json", samples.predictions, readers.answers, _LONG_JSON, checks.holds),
    Format("null_odds.json", samples.null_odds, readers.null_odds, OF_JSON, checks.holds),
    Format("nbest_predictions.json", samples.nbest, readers.margins, OF_JSON, checks.are_margins),
    Format("bertbench.toml", samples.project, readers.models, _LONG_TEXT, checks.are_models),
    Format("zip archive", samples.archive, readers.unpacked, _ARCHIVE, checks.are_members),
)
BY_NAME = {format.name: format for format in FORMATS}
