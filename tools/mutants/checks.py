"""Whether the values that were read are those in the damaged file.

They are compared with a simple independent reader: Python's for JSON, lines split at tabs, numpy.
"""

import io
import json
import struct
import tomllib
import zipfile
from typing import Any

import ml_dtypes
import numpy as np

from bertbench.config import ModelConfig
from tools.mutants.binary import records_of

_FEATURES = (
    "input_ids",
    "segment_ids",
    "masked_lm_positions",
    "masked_lm_ids",
    "masked_lm_weights",
    "next_sentence_labels",
)


def _json(data: bytes) -> Any:
    return json.loads(data.decode("utf-8-sig"))


def holds(data: bytes, read: Any) -> bool:
    """Whether a JSON file contains the values that were read, for the keys that it has."""
    return _contains(_json(data), read)


def is_named(data: bytes, read: str) -> bool:
    """Whether TensorFlow reads the same name from a state file."""
    from google.protobuf import text_format
    from tensorflow.python.training.checkpoint_state_pb2 import CheckpointState

    return str(text_format.Parse(data, CheckpointState()).model_checkpoint_path).endswith(read)


def _contains(values: Any, part: Any) -> bool:
    if isinstance(part, dict) and isinstance(values, dict):
        return all(_contains(values[key], part[key]) for key in part if key in values)
    if isinstance(part, list) and isinstance(values, list):
        return len(values) == len(part) and all(map(_contains, values, part))
    return bool(values == part and isinstance(values, bool) == isinstance(part, bool))


def are_questions(data: bytes, read: Any) -> bool:
    """Whether ids, questions and answers are the file's; in training some may be left out."""
    stated = [
        [qa["id"], qa["question"], [answer["text"] for answer in qa.get("answers", [])]]
        for paragraph in _paragraphs(data)
        for qa in paragraph["qas"]
    ]
    return all(one in stated for one in read) and (read == stated or len(read) < len(stated))


def are_references(data: bytes, read: Any) -> bool:
    """Whether the answers are those that the official script finds."""
    stated = [
        [answer["text"] for answer in qa["answers"]]
        for paragraph in _paragraphs(data)
        for qa in paragraph["qas"]
    ]
    return bool(read == stated)


def _paragraphs(data: bytes) -> list[Any]:
    return [paragraph for article in _json(data)["data"] for paragraph in article["paragraphs"]]


def are_rows(data: bytes, read: Any) -> bool:
    """Whether labels and texts are those of the lines; the first may be a header."""
    lines = data.decode("utf-8-sig").removesuffix("\n").split("\n")
    rows = [line.rstrip("\r").split("\t") for line in lines]
    stated = [[row[0], *row[3:]] for row in rows]
    return read in (stated, stated[1:])


def are_documents(data: bytes, read: Any) -> bool:
    """Whether the documents are what blank lines separate."""
    found: list[list[str]] = [[]]
    for line in data.decode().split("\n"):
        if line.strip():
            found[-1].append(line.strip())
        else:
            found.append([])
    return [document for document in found if document] == read


def are_masked_examples(data: bytes, read: Any) -> bool:
    """Whether the numbers are those of the records, without padding."""
    from tensorflow.core.example.example_pb2 import Example

    columns: list[list[float]] = [[] for _ in read]
    for record in records_of(data):
        features = Example.FromString(record).features.feature
        length = sum(features["input_mask"].int64_list.value)
        for column, name in zip(columns, _FEATURES, strict=True):
            values = features[name].float_list.value or features[name].int64_list.value
            column += values[:length] if name in _FEATURES[:2] else values
    return all(np.array_equal(np.ravel(value), column) for value, column in zip(read, columns, strict=True))


def is_configuration(data: bytes, read: ModelConfig) -> bool:
    """Whether the sizes are the file's."""
    stated = _json(data)
    made = read.to_dict()
    del made["hidden_act"]  # which has several names
    return all(stated[name] == value for name, value in made.items() if stated.get(name) is not None)


def are_lines(data: bytes, read: Any) -> bool:
    """Whether a wordpiece is a line."""
    lines = data.decode("utf-8-sig").rstrip("\r\n\t ").split("\n")
    return [line.strip() for line in lines] == read


def is_tokenizer(data: bytes, read: Any) -> bool:
    """Whether the wordpieces have the ids that the file gives them."""
    values = _json(data)
    ids = dict(values["model"]["vocab"]) | {token["content"]: token["id"] for token in values["added_tokens"]}
    return all(read[1][number] == piece for piece, number in ids.items())


def are_tensors(data: bytes, read: dict[str, np.ndarray]) -> bool:
    """Whether the values are those at the offsets in the header."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    types = {"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16, "F64": np.float64}
    types |= {"I32": np.int32, "I64": np.int64, "BOOL": np.bool_}
    body = data[8 + length :]
    for name, stated in header.items():
        start, end = stated["data_offsets"]
        value = np.frombuffer(body[start:end], types[stated["dtype"]]).reshape(stated["shape"])
        if value.tobytes() != read[name].tobytes() or value.shape != read[name].shape:
            return False
    return len(header) == len(read)


def are_efficiencies(data: bytes, read: Any) -> bool:
    """Whether the numbers are the file's."""
    stated = [benchmark["extra_info"]["efficiency"] for benchmark in _json(data)["benchmarks"]]
    return sorted(map(float, stated)) == read


def are_margins(data: bytes, read: Any) -> bool:
    """Whether a margin is the difference of the first two answers' sums."""
    stated = {}
    for qas_id, answers in _json(data).items():
        sums = [answer["start_logit"] + answer["end_logit"] for answer in answers[:2]]
        if len(sums) == 2:
            stated[qas_id] = float(sums[0] - sums[1])
    return stated == read


def are_models(data: bytes, read: Any) -> bool:
    """Whether the models are the file's."""
    return list(tomllib.loads(data.decode("utf-8-sig"))["model"]) == read


def are_members(data: bytes, read: Any) -> bool:
    """Whether every file is inside the folder, and a member of the archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        bodies = [archive.read(member) for member in archive.infolist()]
    return all(".." not in name and body in bodies for name, body in read.items())


def of_any_value(data: bytes, read: Any) -> bool:
    """For damage with correct checksums: all values are accepted."""
    return True
