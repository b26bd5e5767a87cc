"""The small trained models that bertbench carries, each with the data that it is judged on.

`tools/embedded/rebuild.py` makes them. A folder is a model folder (`bert_config.json`, `vocab.txt`, a
Google-format checkpoint) and holds held-out data of its task in the official form, and some to train on.
"""

from pathlib import Path

EMBEDDED = Path(__file__).resolve().parent
FOLDERS = {
    "squad": EMBEDDED / "squad",
    "classifier": EMBEDDED / "mrpc",
    "pretraining": EMBEDDED / "pretraining",
}
SQUAD_DEV, SQUAD_TRAIN = FOLDERS["squad"] / "dev-v1.1.json", FOLDERS["squad"] / "train-v1.1.json"
PRETRAINING_RECORDS = FOLDERS["pretraining"] / "held_out.tfrecord"
PRETRAINING_TEXT = FOLDERS["pretraining"] / "held_out.txt"
