"""Models that are impossible, or larger than their checkpoint, are refused before they are built."""

import dataclasses
import time

import psutil
import pytest

from bertbench import embedded
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.errors import InputError
from bertbench.inference import load_model
from bertbench.tasks.fit import require_size
from bertbench.tasks.table import make_task

pytestmark = pytest.mark.unit


def test_number_of_weights_equals_published_count():
    # Devlin et al. 2019 give 110 M and 340 M; the exact figures are those of Hugging Face's BertModel
    # without its pooler: bert-base-uncased 109,482,240 - 590,592, bert-large-uncased 335,141,888 - 1,049,600.
    assert GEOMETRIES["bert-base"].encoder_weights == 108_891_648
    assert GEOMETRIES["bert-large"].encoder_weights == 334_092_288


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 900},
        {"vocab_size": 2**31},
        {"max_position_embeddings": 10**9},
        {"intermediate_size": 2**40},
        {"hidden_size": 2**20},
    ],
)
def test_too_small_checkpoint_is_reported_before_loading(changes):
    source = find_model(embedded.SQUAD)
    source = dataclasses.replace(source, config=dataclasses.replace(source.config, **changes))
    task = make_task("squad", source.tokenizer())
    start = time.monotonic()
    with pytest.raises(
        InputError, match=r"bert_model\.ckpt: has [\d,]+ weights, but .* encoder has [\d,]+ \("
    ):
        load_model(task, source, Compute())
    assert time.monotonic() - start < 5


def test_checkpoint_of_similar_size_is_checked_while_loading():
    source = find_model(embedded.SQUAD)
    for layers in (1, source.config.num_hidden_layers + 1):
        require_size(dataclasses.replace(source.config, num_hidden_layers=layers), source)


def test_random_weights_beyond_memory_are_rejected():
    require_size(GEOMETRIES["tiny"], None)
    rows = psutil.virtual_memory().total // 4 // 768
    with pytest.raises(
        InputError, match=r"needs [\d,]+ GiB, but this machine has [\d,]+ GiB; give a smaller"
    ):
        require_size(ModelConfig(vocab_size=rows), None)


@pytest.mark.parametrize("layers", [1001, 100_000, 2**63])
def test_too_many_layers_are_rejected(layers):
    with pytest.raises(InputError, match=f"num_hidden_layers is {layers}; at most 1000 are supported"):
        ModelConfig(num_hidden_layers=layers, hidden_size=8, num_attention_heads=1)
