"""The small trained models of this package, each with the data on which it is evaluated.

`tools/embedded/rebuild.py` makes them. Each folder is a model folder (`bert_config.json`, `vocab.txt`, a
Google-format checkpoint) that also contains held-out data of its task in the official format, and some
training data.
"""

from pathlib import Path

EMBEDDED = Path(__file__).resolve().parent
SQUAD, MRPC, PRETRAINING = EMBEDDED / "squad", EMBEDDED / "mrpc", EMBEDDED / "pretraining"
SQUAD_DEV, SQUAD_TRAIN = SQUAD / "dev-v1.1.json", SQUAD / "train-v1.1.json"
PRETRAINING_RECORDS, PRETRAINING_TEXT = PRETRAINING / "held_out.tfrecord", PRETRAINING / "held_out.txt"
