"""TFRecord files as the original script writes them."""

S, P = 8, 3  # tokens and predictions of a record


def padded(length=6, label=0, first=100):
    """One example's features as the original writes them: [CLS] a .. [SEP] b [SEP] and two predictions."""
    return {
        "input_ids": [2, first, 4, 3, 9, 3, 7, 7][:length] + [0] * (S - length),
        "input_mask": [1] * length + [0] * (S - length),
        "segment_ids": [0, 0, 0, 0, 1, 1, 1, 1][:length] + [0] * (S - length),
        "masked_lm_positions": [2, 4, 0],
        "masked_lm_ids": [11, 9, 0],
        "masked_lm_weights": [1.0, 1.0, 0.0],
        "next_sentence_labels": [label],
    }


def serialize(values):
    """A `tf.train.Example`, made as TensorFlow's own guide does."""
    import tensorflow as tf

    def feature(numbers):
        if numbers and isinstance(numbers[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=numbers))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))

    features = {name: feature(numbers) for name, numbers in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, examples):
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        for values in examples:
            writer.write(serialize(values))
    return path
