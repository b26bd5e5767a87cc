"""The lengths of real windows, and the padding of each way of batching."""

import os
from pathlib import Path

import pytest

from bertbench.benchmarking.lengths import describe_lengths
from bertbench.data.squad import read_squad
from bertbench.data.squad_windows import WindowSettings, make_windows
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.embedded import SQUAD, SQUAD_DEV
from bertbench.pytest_plugin.summary import summary_table
from bertbench.results.schema import LENGTHS_FILE, write_result
from suites.rerun import command_of_session
from suites.shared_data import DEV_SET, VARIABLE, VOCABULARY

pytestmark = pytest.mark.benchmark

BATCH_SIZE, MAX_SEQ_LENGTH = 8, 384
# Padding of the batchings that avoid it, as a share of the real tokens.
MOST_PADDING = 0.1
COLUMNS = ("batching", "real tokens", "padding", "padding / real")


def find_data() -> tuple[Path, Path]:
    """A SQuAD file and a vocabulary: the shared real ones, or the package's."""
    if shared := os.environ.get(VARIABLE):
        return Path(shared) / DEV_SET, Path(shared) / VOCABULARY
    return SQUAD_DEV, SQUAD / "vocab.txt"


def test_share_of_padding_is_below_bound(pytestconfig, results_folder):
    dataset, vocab_file = find_data()
    tokenizer = TokenizerFiles(vocab_file).tokenizer
    windows = make_windows(read_squad(dataset), tokenizer, WindowSettings(MAX_SEQ_LENGTH))
    result = describe_lengths(
        dataset.name,
        windows.features.lengths,
        batch_size=BATCH_SIZE,
        max_seq_length=MAX_SEQ_LENGTH,
        command=command_of_session(pytestconfig),
    )
    write_result(results_folder / LENGTHS_FILE, result)
    table = summary_table(pytestconfig, f"padding of {dataset.name}", COLUMNS)
    assert len(result.strategies) > 1
    for strategy in result.strategies:
        share = strategy.padded_tokens / strategy.real_tokens
        table.add(strategy.batching, strategy.real_tokens, strategy.padded_tokens, f"{share:.1%}")
        assert strategy.batching == "padded" or share <= MOST_PADDING, (
            f"{strategy.batching} batching of {dataset.name} pads {share:.1%} of its real tokens, above "
            f"{MOST_PADDING:.0%}; see `bertbench.data.batching`"
        )
