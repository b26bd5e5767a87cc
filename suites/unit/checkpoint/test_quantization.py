"""`quantization.json`: written files are read back, and invalid ones are refused."""

import dataclasses
import json

import pytest

from bertbench import embedded
from bertbench.checkpoint.finding import checkpoint_fingerprint
from bertbench.checkpoint.quantization import (
    Calibration,
    LeftSite,
    Quantization,
    SiteScales,
    int8_precision,
    read_quantization,
    write_quantization,
)
from bertbench.checkpoint.source import ModelSource, find_model
from bertbench.config import ModelConfig
from bertbench.errors import InputError
from bertbench.precision import BF16, FP32

pytestmark = pytest.mark.unit

CONFIG = ModelConfig(
    vocab_size=10, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=6
)
LAYER = "bert/encoder/layer_0"
# Google's scopes of a layer's products with the sizes of their inputs.
INPUTS = {
    f"{LAYER}/attention/self": 4,
    f"{LAYER}/attention/output/dense": 4,
    f"{LAYER}/intermediate/dense": 4,
    f"{LAYER}/output/dense": 6,
}


def make(fingerprint="0" * 16):
    *others, last = INPUTS
    return Quantization(
        checkpoint_fingerprint=fingerprint,
        calibration=Calibration("squad", "train.json", "a" * 64, 3),
        output_error=0.01,
        left=(LeftSite(last, 0.5),),
        int8=tuple(
            SiteScales(
                name, 2.5, None if index else (1.0, 0.5, 2.0, 4.0), None if index else 0.5, "max", 1e-4
            )
            for index, name in enumerate(others)
        ),
    )


@pytest.fixture
def file(tmp_path):
    write_quantization(tmp_path / "quantization.json", make())
    return tmp_path / "quantization.json"


def test_written_files_are_read_back(file):
    assert read_quantization(file, CONFIG) == make()


def test_equal_scales_are_written_as_equal_bytes(file, tmp_path):
    write_quantization(tmp_path / "again.json", make())
    assert file.read_bytes() == (tmp_path / "again.json").read_bytes()


def test_scales_are_stored_by_product(file):
    scales = read_quantization(file, CONFIG).scales(CONFIG)
    attention = f"{LAYER}/attention/self"
    assert set(scales) == {
        *(f"{attention}/{name}" for name in ("query", "key", "value")),
        f"{LAYER}/attention/output/dense",
        f"{LAYER}/intermediate/dense",
    }
    assert scales[f"{attention}/key"].smoothing == (1.0, 0.5, 2.0, 4.0)
    assert scales[f"{LAYER}/intermediate/dense"].input_range == 2.5


def change(path):
    """A change of the value at a path of keys."""
    *way, last = path

    def apply(values, value):
        for key in way:
            values = values[key]
        values[last] = value

    return apply


REFUSED = {
    "another version": (("schema_version",), 2, "schema_version is 2"),
    "true for a version": (("schema_version",), True, "schema_version is True"),
    "no fingerprint": (("checkpoint_fingerprint",), None, "checkpoint_fingerprint is None"),
    "a fingerprint of other digits": (("checkpoint_fingerprint",), "xyz", "checkpoint_fingerprint is 'xyz'"),
    "a checksum that is none": (("calibration", "sha256"), "abc", "calibration.sha256 is 'abc'"),
    "no examples": (("calibration", "examples"), 0, "calibration.examples is 0"),
    "a negative error": (("output_error",), -1.0, "output_error is -1.0"),
    "a range of 0": (("int8", 0, "input_range"), 0.0, "int8[0].input_range is 0.0"),
    "an infinite range": (("int8", 0, "input_range"), float("inf"), "int8[0].input_range"),
    "a range that is NaN": (("int8", 1, "input_range"), float("nan"), "int8[1].input_range"),
    "a range in words": (("int8", 1, "input_range"), "2.5", "int8[1].input_range is '2.5'"),
    "smoothing by 0": (("int8", 0, "smoothing", 2), 0.0, "smoothing[2] is 0.0"),
    "smoothing that is negative": (("int8", 0, "smoothing", 2), -1.0, "smoothing[2] is -1.0"),
    "smoothing of another width": (
        ("int8", 0, "smoothing"),
        [1.0] * 6,
        "smoothing has 6 values, the input 4",
    ),
    "a site of another model": (("int8", 1, "site"), "bert/encoder/layer_9/output/dense", "layer_9"),
    "a site twice": (("int8", 1, "site"), f"{LAYER}/attention/self", "attention/self' more than once"),
    "a site that is missing": (("left",), [], "does not name 'bert/encoder/layer_0/output/dense'"),
    "sites in no list": (("int8",), {}, "int8 is {}"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_scale_values_are_rejected(file, name):
    path, value, told = REFUSED[name]
    values = json.loads(file.read_text())
    change(path)(values, value)
    file.write_text(json.dumps(values))
    with pytest.raises(InputError) as refusal:
        read_quantization(file, CONFIG)
    message = str(refusal.value)
    assert message.startswith(f"{file}: ")
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize("key", ["schema_version", "checkpoint_fingerprint", "calibration", "int8", "left"])
def test_missing_key_is_named_with_the_remedy(file, key):
    values = json.loads(file.read_text())
    del values[key]
    file.write_text(json.dumps(values))
    with pytest.raises(InputError, match=rf"{key}.*bertbench quantize"):
        read_quantization(file, CONFIG)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_file_is_refused(file, share):
    text = file.read_text()
    file.write_text(text[: int(share * len(text))])
    with pytest.raises(InputError, match=r"quantization\.json: .*(is empty|not valid JSON)"):
        read_quantization(file, CONFIG)


def test_model_of_another_shape_is_refused(file):
    wider = dataclasses.replace(CONFIG, intermediate_size=8, num_hidden_layers=2)
    with pytest.raises(InputError, match=r"does not name 'bert/encoder/layer_1/"):
        read_quantization(file, wider)


@pytest.fixture
def source(tmp_path):
    """The embedded SQuAD model, with scales in another file."""
    return dataclasses.replace(find_model(embedded.SQUAD), quantization_file=tmp_path / "scales.json")


def test_scales_of_other_weights_are_rejected(source):
    own = json.loads((embedded.SQUAD / "quantization.json").read_text())
    other = checkpoint_fingerprint(embedded.MRPC)
    source.quantization_file.write_text(json.dumps(own | {"checkpoint_fingerprint": other}))
    with pytest.raises(InputError, match=f"{other}, not {own['checkpoint_fingerprint']}.*bertbench quantize"):
        int8_precision(source, FP32)


def test_model_without_scales_is_refused_with_the_command(source):
    unquantized = dataclasses.replace(source, quantization_file=None)
    with pytest.raises(InputError, match=r"needs a quantization\.json .*bertbench quantize --model-dir"):
        int8_precision(unquantized, FP32)


def test_missing_quantization_file_is_rejected(source):
    with pytest.raises(InputError, match=r"scales\.json: cannot be read"):
        int8_precision(source, FP32)


def test_random_weights_have_scales_for_every_product():
    precision = int8_precision(ModelSource(CONFIG, None, None), BF16)
    assert (precision.name, precision.products) == ("int8", "bfloat16")
    assert len(precision.int8) == 6
