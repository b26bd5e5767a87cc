"""`bertbench prepare pretraining`: shards depend on text and seed alone, and appear whole or not at all."""

import collections
import random
from pathlib import Path

import click.testing
import pytest

from bertbench.commands.prepare import command
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.pretraining_files import Written, write_pretraining_files
from bertbench.data.tfrecords import read_features
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.errors import InputError

pytestmark = pytest.mark.unit

WORDS = [f"{head}{tail}" for head in "abcdefghij" for tail in "klmnopqrst"]
OPTIONS = MaskingOptions(max_seq_length=32, max_predictions_per_seq=5, dupe_factor=2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A vocabulary and three files: 20, 1 and 6 documents of nine words a sentence."""
    folder = tmp_path_factory.mktemp("corpus")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."]
    (folder / "vocab.txt").write_text("\n".join(special + WORDS) + "\n")
    rng = random.Random(1)
    for name, documents in (("a.txt", 20), ("b.txt", 1), ("c.txt", 6)):
        sentences = [[" ".join(rng.choices(WORDS, k=9)) + " ." for _ in range(8)] for _ in range(documents)]
        (folder / name).write_text("\n\n".join("\n".join(document) for document in sentences))
    return folder


def write(corpus, output_files, *, random_seed=12345, num_processes=1, part_bytes=3000):
    return write_pretraining_files(
        sorted(corpus.glob("?.txt")),
        output_files,
        tokenizer=TokenizerFiles(corpus / "vocab.txt").tokenizer,
        options=OPTIONS,
        random_seed=random_seed,
        num_processes=num_processes,
        part_bytes=part_bytes,
    )


def shards(folder, count):
    return [folder / f"{shard}.tfrecord" for shard in range(count)]


def rows_of(files):
    """How often each example is in the files, whatever the order."""
    features = read_features(files)
    starts, ends = features.row_splits[:-1], features.row_splits[1:]
    return collections.Counter(
        (*features.input_ids[start:end].tolist(), int(label))
        for start, end, label in zip(starts, ends, features.labels["next_sentence_labels"], strict=True)
    )


def test_written_bytes_do_not_depend_on_number_of_processes(corpus, tmp_path):
    one = write(corpus, shards(tmp_path / "one", 3), num_processes=1)
    two = write(corpus, shards(tmp_path / "two", 3), num_processes=2)
    assert one == two == Written(27, sum(rows_of(shards(tmp_path / "one", 3)).values()))
    for first, second in zip(shards(tmp_path / "one", 3), shards(tmp_path / "two", 3), strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == sorted(
        ["0.tfrecord", "1.tfrecord", "2.tfrecord"] * 2
    )


def test_examples_are_distributed_evenly_over_shards(corpus, tmp_path):
    written = write(corpus, shards(tmp_path, 4))
    sizes = [sum(rows_of([shard]).values()) for shard in shards(tmp_path, 4)]
    assert sum(sizes) == written.examples
    assert max(sizes) - min(sizes) <= 5  # each of the 5 parts may give a shard one more
    write(corpus, [tmp_path / "all.tfrecord"])
    assert rows_of(shards(tmp_path, 4)) == rows_of([tmp_path / "all.tfrecord"])


def test_different_seeds_write_different_bytes(corpus, tmp_path):
    for seed in (1, 2):
        write(corpus, [tmp_path / f"{seed}.tfrecord"], random_seed=seed)
    assert (tmp_path / "1.tfrecord").read_bytes() != (tmp_path / "2.tfrecord").read_bytes()


def test_each_part_has_its_own_random_generator(corpus, tmp_path):
    text = (corpus / "b.txt").read_text()
    (tmp_path / "vocab.txt").write_bytes((corpus / "vocab.txt").read_bytes())
    for name in "xyz":
        (tmp_path / f"{name}.txt").write_text(text)
    write(tmp_path, [tmp_path / "out.tfrecord"], part_bytes=len(text))
    assert set(rows_of([tmp_path / "out.tfrecord"]).values()) == {
        1
    }  # three times the same text, no two alike


@pytest.mark.parametrize(
    ("text", "outputs", "message"),
    [
        (b"\n  \n\n", 1, "contains no sentence"),
        (b"", 1, "contains no sentence"),
        (b"ak bl\n\ncaf\xe9\n", 1, r"z.txt: line 3: not UTF-8"),
        (b"ak bl .\nbl ak .\n", 100, "100 shards cannot be filled with"),
    ],
)
def test_bad_input_does_not_change_earlier_outputs(corpus, tmp_path, text, outputs, message):
    (tmp_path / "vocab.txt").write_bytes((corpus / "vocab.txt").read_bytes())
    (tmp_path / "z.txt").write_bytes(text)
    files = shards(tmp_path / "out", outputs)
    files[0].parent.mkdir()
    files[0].write_bytes(b"earlier")
    with pytest.raises(InputError, match=message):
        write(tmp_path, files)
    assert [path.name for path in files[0].parent.iterdir()] == [files[0].name]
    assert files[0].read_bytes() == b"earlier"


def test_output_file_equal_to_input_is_rejected(corpus):
    with pytest.raises(InputError, match=r"a.txt: is also an input"):
        write(corpus, [corpus / "a.txt"])


def invoke(*arguments):
    return click.testing.CliRunner().invoke(command, ["pretraining", *map(str, arguments)])


def test_command_writes_shards_with_its_options(corpus, tmp_path):
    result = invoke(
        *("--input-file", f"{corpus}/a.txt,{corpus}/[bc].txt", "--output-dir", tmp_path, "--num-shards", 2),
        *("--vocab-file", corpus / "vocab.txt", "--max-seq-length", 32, "--max-predictions-per-seq", 5),
        *("--dupe-factor", 2, "--num-processes", 1),
    )
    assert result.exit_code == 0, result.output
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [
        "pretraining-00000-of-00002.tfrecord",
        "pretraining-00001-of-00002.tfrecord",
    ]
    features = read_features(files, max_seq_length=32, max_predictions_per_seq=5)
    assert f"{len(features)} examples of 27 documents" in result.output
    write(corpus, shards(tmp_path / "called", 2), part_bytes=2**20)
    assert [path.read_bytes() for path in files] == [
        path.read_bytes() for path in shards(tmp_path / "called", 2)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --output-file or --output-dir"),
        (["--output-file", "x", "--output-dir", "y"], "give either --output-file or --output-dir"),
        (["--output-file", "x", "--num-shards", 2], "--num-shards 2 needs --output-dir"),
        (["--output-file", "x", "--masked-lm-prob", 2], "masked_lm_prob is 2.0"),
    ],
)
def test_command_rejects_contradicting_options(corpus, arguments, message):
    result = invoke("--input-file", corpus / "b.txt", "--vocab-file", corpus / "vocab.txt", *arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_command_rejects_folder_with_shards_of_another_run(corpus, tmp_path):
    (tmp_path / "pretraining-00000-of-00008.tfrecord").touch()
    result = invoke(
        "--input-file", corpus / "b.txt", "--vocab-file", corpus / "vocab.txt", "--output-dir", tmp_path
    )
    assert isinstance(result.exception, InputError)
    assert "00000-of-00008.tfrecord: left by another run" in str(result.exception)


def test_command_reports_single_document(corpus, tmp_path):
    result = invoke(
        *("--input-file", corpus / "b.txt", "--vocab-file", corpus / "vocab.txt", "--num-processes", 1),
        *("--output-file", Path(tmp_path) / "x.tfrecord", "--dupe-factor", 1),
    )
    assert result.exit_code == 0
    assert "only one document" in result.output
