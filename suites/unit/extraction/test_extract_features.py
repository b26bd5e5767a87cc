"""`bertbench extract-features`: the original's format, the values of an independent encoder, and memory."""

import json
import os
import shutil
import threading

import numpy as np
import pytest
from safetensors.numpy import load_file

from bertbench import embedded
from bertbench.config import ModelConfig
from bertbench.data.tokenizer_files import TokenizerFiles
from suites.numerics.reference import ReferenceEncoder
from suites.unit.own_project import rewrite_weights

pytestmark = pytest.mark.unit

MODEL = embedded.PRETRAINING
PAIR = "Who went there? ||| The survey went to the valley ||| in winter"
LONG = "  A longer text, which is cut after some tokens. " * 4
TEXTS = ["The river was surveyed.", "", PAIR, LONG, "xyzzy"]
LONGEST = 24


@pytest.fixture(scope="module")
def encoder():
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(MODEL / "bert_model.ckpt"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("bert/")]
    config = ModelConfig.from_json_file(MODEL / "bert_config.json")
    return ReferenceEncoder(
        {name: reader.get_tensor(name) for name in names},
        num_heads=config.num_attention_heads,
        epsilon=config.layer_norm_eps,
        gelu=config.gelu,
    )


def rows_by_hand():
    """Wordpieces and segments of each text, by the original's rules."""
    tokenize = TokenizerFiles(MODEL / "vocab.txt").tokenizer.tokenize
    first, second = PAIR.rsplit(" ||| ", 1)
    rows = []
    for text in TEXTS:
        if text is PAIR:
            one, other = tokenize(first), tokenize(second)
            assert len(one) + len(other) <= LONGEST - 3  # nothing is cut
            tokens = ["[CLS]", *one, "[SEP]", *other, "[SEP]"]
            rows.append((tokens, [0] * (len(one) + 2) + [1] * (len(other) + 1)))
        else:
            tokens = ["[CLS]", *tokenize(text)[: LONGEST - 2], "[SEP]"]
            rows.append((tokens, [0] * len(tokens)))
    return rows


@pytest.fixture(scope="module")
def expected(encoder):
    """Tokens and float64 hidden states [layers, tokens, H] of each text."""
    vocabulary = TokenizerFiles(MODEL / "vocab.txt").tokenizer.tokens
    found = []
    for tokens, segments in rows_by_hand():
        ids = np.array([[vocabulary.index(token) for token in tokens]])
        _, *layers = encoder(ids, np.array([segments]), np.ones_like(ids))
        found.append((tokens, np.stack(layers)[:, 0]))
    return found


@pytest.fixture
def extract(call_here, tmp_path):
    """Extract features of the texts into a file of that name, and return its path."""
    data = tmp_path / "texts.txt"
    data.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")

    def run(name, *options, data=data):
        out = tmp_path / name
        words = ("--max-seq-length", LONGEST, "--batch-size", 2, "--output-file", out, *options)
        status, _, err = call_here("extract-features", "--model-dir", MODEL, "--data", data, *words)
        assert status == 0, err
        return out

    return run


@pytest.mark.parametrize("batching", ["bucketed", "packed"])
def test_json_lines_equal_those_of_original_script(extract, expected, batching):
    lines = extract("f.jsonl", "--layers", "-1,0", "--batching", batching).read_text().splitlines()
    assert len(lines) == len(TEXTS)
    for number, (line, (tokens, states)) in enumerate(zip(lines, expected, strict=True)):
        value = json.loads(line)
        assert list(value) == ["linex_index", "features"]
        assert value["linex_index"] == number
        assert [feature["token"] for feature in value["features"]] == tokens
        for place, feature in enumerate(value["features"]):
            assert list(feature) == ["token", "layers"]
            assert [list(layer) for layer in feature["layers"]] == [["index", "values"]] * 2
            assert [layer["index"] for layer in feature["layers"]] == [-1, 0]
            got = [layer["values"] for layer in feature["layers"]]
            assert got == np.round(got, 6).tolist()
            np.testing.assert_allclose(got, states[[-1, 0], place], atol=1e-5)


def test_pair_for_a_model_with_one_segment_is_rejected(call_here, tmp_path):
    model = shutil.copytree(MODEL, tmp_path / "model")
    config = json.loads((model / "bert_config.json").read_text())
    (model / "bert_config.json").write_text(json.dumps(config | {"type_vocab_size": 1}))
    name = "bert/embeddings/token_type_embeddings"
    rewrite_weights(model, lambda weights: weights.update({name: weights[name][:1]}))
    data = tmp_path / "texts.txt"
    data.write_text(f"one text\n{PAIR}\n")
    words = ("--model-dir", model, "--data", data, "--layers", "-1", "--output-file", tmp_path / "f.npz")
    status, _, err = call_here("extract-features", *words)
    assert (status, "texts.txt: contains segment_ids up to 1, but the model has only 1" in err) == (2, True)
    assert not (tmp_path / "f.npz").exists()


def test_default_layers_are_the_last_four_as_in_original_script(call_here, tmp_path):
    status, _, err = call_here(
        *("extract-features", "--model-dir", MODEL, "--data", tmp_path, "--output-file", tmp_path / "f.npz")
    )
    layers = ModelConfig.from_json_file(MODEL / "bert_config.json").num_hidden_layers
    assert layers < 4
    assert (status, "the model has no layer -4" in err) == (2, True)


@pytest.mark.parametrize("form", ["npz", "safetensors"])
def test_archives_contain_every_token(extract, expected, form):
    out = extract(f"f.{form}", "--layers", "-1,1")
    arrays = dict(np.load(out)) if form == "npz" else load_file(out)
    assert set(arrays) == {"row_splits", "input_ids", "layer_-1", "layer_1"}
    assert arrays["row_splits"].tolist() == [0, *np.cumsum([len(tokens) for tokens, _ in expected])]
    vocabulary = TokenizerFiles(MODEL / "vocab.txt").tokenizer.tokens
    assert [vocabulary[n] for n in arrays["input_ids"]] == [t for tokens, _ in expected for t in tokens]
    for name, layer in (("layer_-1", -1), ("layer_1", 1)):
        assert arrays[name].dtype == np.float32
        np.testing.assert_allclose(
            arrays[name], np.concatenate([states[layer] for _, states in expected]), atol=1e-5
        )


@pytest.mark.parametrize(("pooling", "reduce"), [("cls", lambda x: x[0]), ("mean", lambda x: x.mean(0))])
def test_each_text_gets_one_vector(extract, expected, pooling, reduce):
    wanted = np.stack([reduce(states[-1]) for _, states in expected])
    arrays = dict(np.load(extract("f.npz", "--layers", "-1", "--pooling", pooling)))
    assert list(arrays) == ["layer_-1"]
    np.testing.assert_allclose(arrays["layer_-1"], wanted, atol=1e-5)
    lines = extract("f.jsonl", "--layers", "-1", "--pooling", pooling).read_text().splitlines()
    values = [json.loads(line) for line in lines]
    assert [list(value) for value in values] == [["linex_index", "layers"]] * len(TEXTS)
    np.testing.assert_allclose([value["layers"][0]["values"] for value in values], wanted, atol=1e-5)


def test_joined_parts_equal_the_single_file(extract, monkeypatch):
    whole = dict(np.load(extract("whole.npz", "--layers", "-1")))
    monkeypatch.setattr("bertbench.commands.extract_features._BATCHES_PER_PART", 1)  # three parts
    parts = dict(np.load(extract("parts.npz", "--layers", "-1")))
    assert parts.keys() == whole.keys()
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, atol=1e-5)


def test_texts_are_read_from_pipe(extract, tmp_path, expected):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("\n".join(TEXTS)))
    writer.start()
    arrays = dict(np.load(extract("f.npz", "--layers", "-1", "--pooling", "cls", data=pipe)))
    writer.join()
    assert len(arrays["layer_-1"]) == len(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layers", "3"), "--layers: the model has no layer 3; its layers are 0 to 2, or -3 to -1."),
        (("--layers", "-4"), "--layers: the model has no layer -4"),
        (("--layers", "2,-1"), "--layers: 2,-1 contains a layer twice"),
        (("--layers", "last"), "--layers: 'last' is not a whole number"),
        (("--layers", "-1,"), "--layers: '' is not a whole number"),
        (("--layers", "-1", "--output-file", "f.csv"), "f.csv: the name sets the format"),
        (("--layers", "-1", "--max-seq-length", "513"), "above the model's max_position_embeddings"),
        (("--layers", "-1", "--data", "absent.txt"), "absent.txt: no such file"),
    ],
)
def test_unsupported_request_is_rejected_before_tensorflow_starts(
    call_here, tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bertbench.commands.options.start_tensorflow", None)
    (tmp_path / "texts.txt").write_text("a\n")
    words = ("--model-dir", MODEL, "--data", "texts.txt", "--output-file", "f.npz", *options)
    status, _, err = call_here("extract-features", *words)
    assert (status, message in err) == (2, True), err
    assert [path.name for path in tmp_path.iterdir()] == ["texts.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "contains no line"), (b"a\nb\xff\n", "line 2: not UTF-8")],
)
def test_unreadable_texts_leave_no_output_file(call_here, tmp_path, content, message):
    (tmp_path / "texts.txt").write_bytes(content)
    words = ("--model-dir", MODEL, "--data", tmp_path / "texts.txt", "--layers", "-1")
    status, _, err = call_here("extract-features", *words, "--output-file", tmp_path / "f.npz")
    assert (status, message in err) == (2, True), err
    assert [path.name for path in tmp_path.iterdir()] == ["texts.txt"]
