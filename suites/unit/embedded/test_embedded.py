"""The embedded models: complete, small, and with held-out data from the generator."""

import json

import pytest

from bertbench import embedded
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.checkpoint.source import find_model
from bertbench.data.tfrecords import read_features
from bertbench.tasks.table import TASKS
from tools.embedded.corpus import DEFAULT_SIZES, SEED
from tools.embedded.corpus.mrpc import make_pairs, to_tsv
from tools.embedded.corpus.plain import make_documents, to_text
from tools.embedded.corpus.squad import make_paragraphs, to_squad

pytestmark = pytest.mark.unit


def test_embedded_files_are_smaller_than_10_megabytes():
    sizes = [path.stat().st_size for path in embedded.EMBEDDED.rglob("*") if path.is_file()]
    assert 1e6 < sum(sizes) < 10e6


@pytest.mark.parametrize("task", TASKS)
def test_embedded_checkpoints_have_no_optimizer_moments(task):
    source = find_model(TASKS[task].embedded.model_dir)
    tensors = open_checkpoint(source.checkpoint).list_tensors()
    assert source.tokenizer().vocab_size == source.config.vocab_size
    assert not [tensor.name for tensor in tensors if "adam" in tensor.name]


def test_embedded_dev_sets_equal_output_of_generator():
    paragraphs = make_paragraphs(SEED, held_out=True, count=DEFAULT_SIZES.dev_paragraphs)
    assert json.loads(embedded.SQUAD_DEV.read_text()) == to_squad(paragraphs, "dev")
    pairs = make_pairs(SEED, "dev", count=DEFAULT_SIZES.dev_pairs)
    assert (embedded.MRPC / "dev.tsv").read_text() == to_tsv(pairs, labeled=True)
    documents = make_documents(SEED, held_out=True, count=DEFAULT_SIZES.held_out_documents)
    assert embedded.PRETRAINING_TEXT.read_text() == to_text(documents)


def test_training_and_dev_sets_have_no_common_paragraph():
    contexts = [
        {
            paragraph["context"]
            for article in json.loads(file.read_text())["data"]
            for paragraph in article["paragraphs"]
        }
        for file in (embedded.SQUAD_TRAIN, embedded.SQUAD_DEV)
    ]
    assert len(contexts[0]) >= 50
    assert not contexts[0] & contexts[1]


def test_embedded_records_contain_masked_dev_text():
    features = read_features([embedded.PRETRAINING_RECORDS], max_seq_length=128, max_predictions_per_seq=20)
    assert len(features) >= 100
