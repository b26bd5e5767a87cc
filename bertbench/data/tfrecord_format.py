"""The format of a pretraining record: the original BERT's features, and the check of a single record.

A record is a serialized `tf.train.Example` (https://www.tensorflow.org/tutorials/load_data/tfrecord), padded
with zeros to S tokens and P predictions; S and P are the same in all records. TensorFlow is imported only
when a function is called.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertbench.data.pretraining import MaskedExample
from bertbench.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

TOKEN_FEATURES = ("input_ids", "input_mask", "segment_ids")
PREDICTION_FEATURES = ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights")
LABEL_FEATURE = "next_sentence_labels"
FLOAT_FEATURE = "masked_lm_weights"
ID_FEATURES = ("input_ids", "segment_ids", "masked_lm_ids")
LARGEST_ID = 2**31 - 1
FEATURES = (*TOKEN_FEATURES, *PREDICTION_FEATURES, LABEL_FEATURE)


@dataclass(frozen=True)
class RecordShape:
    """Lengths common to all records: S tokens, P predictions."""

    max_seq_length: int
    max_predictions_per_seq: int

    def __str__(self) -> str:
        return f"{self.max_seq_length} tokens and {self.max_predictions_per_seq} predictions"


def serialize_example(example: MaskedExample, shape: RecordShape) -> bytes:
    """One serialized record; the same example gives the same bytes."""
    import tensorflow as tf

    tokens = shape.max_seq_length - len(example.input_ids)
    predictions = shape.max_predictions_per_seq - len(example.masked_lm_ids)
    values = {
        "input_ids": example.input_ids + [0] * tokens,
        "input_mask": [1] * len(example.input_ids) + [0] * tokens,
        "segment_ids": example.segment_ids + [0] * tokens,
        "masked_lm_positions": example.masked_lm_positions + [0] * predictions,
        "masked_lm_ids": example.masked_lm_ids + [0] * predictions,
        "masked_lm_weights": [1.0] * len(example.masked_lm_ids) + [0.0] * predictions,
        LABEL_FEATURE: [int(example.is_random_next)],
    }
    record = tf.train.Example()
    for name, numbers in values.items():
        feature = record.features.feature[name]
        (feature.float_list if name == FLOAT_FEATURE else feature.int64_list).value.extend(numbers)
    return record.SerializeToString(deterministic=True)


def check_record(data: bytes, place: str) -> RecordShape:
    """Parse one record and return its shape.

    Args:
      data: the serialized example.
      place: file and record number, for the message.

    Raises:
      InputError: it is not a `tf.train.Example`, has other features, types or lengths, or contradicts itself.
    """
    values = _parse(data, place)
    lengths = {name: len(values[name]) for name in FEATURES}
    for group in (TOKEN_FEATURES, PREDICTION_FEATURES):
        if len({lengths[name] for name in group}) > 1:
            shown = ", ".join(f"{name} {lengths[name]}" for name in group)
            raise InputError(f"{place}: lengths differ: {shown}; prepare the file again.")
    if lengths[LABEL_FEATURE] != 1:
        raise InputError(f"{place}: {LABEL_FEATURE} has {lengths[LABEL_FEATURE]} values, not 1.")
    _check_values(values, place)
    return RecordShape(lengths["input_ids"], lengths["masked_lm_ids"])


def is_example(data: bytes) -> bool:
    """Whether bytes are a serialized `tf.train.Example`; `tf.io.parse_example` skips invalid fields."""
    return _decode(data) is not None


def _decode(data: bytes) -> "tf.train.Example | None":
    """The `tf.train.Example`, None if the bytes are not one."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        return tf.train.Example.FromString(data)
    except DecodeError:
        return None


def _parse(data: bytes, place: str) -> dict[str, list[float]]:
    example = _decode(data)
    if example is None:
        raise InputError(f"{place}: not a tf.train.Example; give TFRecords of pretraining examples.")
    features = example.features.feature
    missing = [name for name in FEATURES if name not in features]
    unknown = sorted(set(features) - set(FEATURES))
    if missing or unknown:
        faults = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(unknown)}"] * bool(
            unknown
        )
        raise InputError(f"{place}: {' and '.join(faults)}; give TFRecords of pretraining examples.")
    kinds = {name: "float_list" if name == FLOAT_FEATURE else "int64_list" for name in FEATURES}
    for name, kind in kinds.items():
        if features[name].WhichOneof("kind") != kind:
            raise InputError(f"{place}: {name} is not a {kind}; give TFRecords of pretraining examples.")
    return {name: list(getattr(features[name], kind).value) for name, kind in kinds.items()}


def _check_values(values: dict[str, list[float]], place: str) -> None:
    for name in ID_FEATURES:
        odd = [number for number in values[name] if not 0 <= number <= LARGEST_ID]
        if odd:
            raise InputError(
                f"{place}: {name} contains {odd[0]}, which is not a valid id; prepare the file again."
            )
    mask = values["input_mask"]
    length = mask.count(1)
    if length < 1 or mask != [1] * length + [0] * (len(mask) - length):
        raise InputError(f"{place}: input_mask is not ones, then zeros; prepare the file again.")
    if not all(weight in (0, 1) for weight in values[FLOAT_FEATURE]):
        raise InputError(f"{place}: {FLOAT_FEATURE} are not all 1 or 0; prepare the file again.")
    pairs = zip(values["masked_lm_positions"], values["masked_lm_weights"], strict=True)
    if not all(0 <= position < (length if weight else len(mask)) for position, weight in pairs):
        raise InputError(
            f"{place}: a masked position is outside its {length} tokens; prepare the file again."
        )
    if values[LABEL_FEATURE][0] not in (0, 1):
        raise InputError(f"{place}: {LABEL_FEATURE} is {values[LABEL_FEATURE][0]}, neither 0 nor 1.")
