"""A random tiny model and a few invented texts: enough to run every documented command."""

import json
import random
from pathlib import Path

import numpy as np

from bertbench.checkpoint.loading import save_weights
from bertbench.config import ModelConfig
from suites.commands.layout import StandIns

NAMES = ("Ada", "Boris", "Clara", "Dmitri", "Edith", "Farid")
TOWNS = ("Delft", "Porto", "Turku", "Kyoto", "Quito")
CRAFTS = ("weaver", "printer", "baker", "glazier", "miller")
PIECES = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "a", "as", "does", "in", "is", "live", "lives"),
    *("the", "what", "where", "who"),
)


def make_stand_ins(folder: Path) -> StandIns:
    """Write models and texts under `folder`; the same ones every time."""
    dice = random.Random(3)
    config = ModelConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    return StandIns(
        pretrained=_write_model(folder / "pretrained", config, ("predictions", "seq_relationship")),
        tuned=_write_model(folder / "tuned", config, ("squad",)),
        squad=_write_squad(folder / "squad", dice),
        mrpc=_write_mrpc(folder / "mrpc", dice),
        text=_write_text(folder / "text.txt", dice),
    )


def _vocabulary() -> list[str]:
    return [*PIECES, *(word.lower() for word in (*NAMES, *TOWNS, *CRAFTS))]


def _write_model(folder: Path, config: ModelConfig, heads: tuple[str, ...]) -> Path:
    folder.mkdir()
    (folder / "bert_config.json").write_text(config.to_json())
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in _vocabulary()))
    rng = np.random.default_rng(5)
    shapes = {name: shape for name, shape in _shapes(config).items() if _belongs(name, heads)}
    weights = {name: rng.normal(0, 0.02, shape).astype(np.float32) for name, shape in shapes.items()}
    for name in weights:
        if name.endswith("gamma"):
            weights[name] += 1
    save_weights(weights, folder / "bert_model.ckpt", global_step=0)
    return folder


def _belongs(name: str, heads: tuple[str, ...]) -> bool:
    return not name.startswith("cls/") or name.split("/")[1] in heads


def _shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Google's variable names and shapes (google-research/bert, modeling.py and the run scripts)."""
    h, f, v = config.hidden_size, config.intermediate_size, config.vocab_size
    shapes = {
        "bert/embeddings/word_embeddings": (v, h),
        "bert/embeddings/token_type_embeddings": (config.type_vocab_size, h),
        "bert/embeddings/position_embeddings": (config.max_position_embeddings, h),
        "cls/predictions/output_bias": (v,),
        "cls/seq_relationship/output_weights": (2, h),
        "cls/seq_relationship/output_bias": (2,),
        "cls/squad/output_weights": (2, h),
        "cls/squad/output_bias": (2,),
    }
    norms = ["bert/embeddings/LayerNorm", "cls/predictions/transform/LayerNorm"]
    dense = {"bert/pooler/dense": (h, h), "cls/predictions/transform/dense": (h, h)}
    for layer in (f"bert/encoder/layer_{index}" for index in range(config.num_hidden_layers)):
        norms += [f"{layer}/attention/output/LayerNorm", f"{layer}/output/LayerNorm"]
        dense |= {f"{layer}/attention/self/{part}": (h, h) for part in ("query", "key", "value")}
        dense |= {f"{layer}/attention/output/dense": (h, h)}
        dense |= {f"{layer}/intermediate/dense": (h, f), f"{layer}/output/dense": (f, h)}
    for name in norms:
        shapes |= {f"{name}/gamma": (h,), f"{name}/beta": (h,)}
    for name, shape in dense.items():
        shapes |= {f"{name}/kernel": shape, f"{name}/bias": shape[1:]}
    return shapes


def _sentence(dice: random.Random) -> str:
    name, town, craft = dice.choice(NAMES), dice.choice(TOWNS), dice.choice(CRAFTS)
    return dice.choice((f"{name} lives in {town}.", f"{name} is a {craft} in {town}."))


def _write_squad(folder: Path, dice: random.Random) -> Path:
    folder.mkdir()
    for part, count in (("train", 12), ("dev", 5)):
        paragraphs = []
        for number in range(count):
            name, town = dice.choice(NAMES), dice.choice(TOWNS)
            context = f"{_sentence(dice)} {name} lives in {town}. {_sentence(dice)}"
            answer = {"text": town, "answer_start": context.index(f"{name} lives in {town}") + len(name) + 10}
            question = {"id": f"{part}-{number}", "question": f"Where does {name} live?", "answers": [answer]}
            paragraphs.append({"context": context, "qas": [question]})
        squad = {"version": "1.1", "data": [{"title": "People", "paragraphs": paragraphs}]}
        (folder / f"{part}-v1.1.json").write_text(json.dumps(squad))
    return folder


def _write_mrpc(folder: Path, dice: random.Random) -> Path:
    folder.mkdir()
    for part, count, first in (("train", 24, "Quality"), ("dev", 8, "Quality"), ("test", 6, "index")):
        lines = [f"{first}\t#1 ID\t#2 ID\t#1 String\t#2 String"]
        for number in range(count):
            one = _sentence(dice)
            other = one if number % 2 else _sentence(dice)
            lines.append(
                f"{number if part == 'test' else number % 2}\t{number}\t{number + 100}\t{one}\t{other}"
            )
        (folder / f"{part}.tsv").write_text("\n".join(lines) + "\n")
    return folder


def _write_text(path: Path, dice: random.Random) -> Path:
    documents = ("\n".join(_sentence(dice) for _ in range(12)) for _ in range(12))
    path.write_text("\n\n".join(documents) + "\n")
    return path


def classifier_model(stand_ins, tmp_path):
    """The stand-in with a classifier head of random weights."""
    import tensorflow as tf

    from bertbench.checkpoint.loading import save_weights

    reader = tf.train.load_checkpoint(str(stand_ins.tuned / "bert_model.ckpt"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("bert/")]
    weights = {name: reader.get_tensor(name) for name in names}
    rng = np.random.default_rng(0)
    weights |= {"output_weights": rng.normal(size=(2, 32)), "output_bias": rng.normal(size=2)}
    folder = tmp_path / "classifier"
    folder.mkdir()
    for name in ("bert_config.json", "vocab.txt"):
        (folder / name).write_text((stand_ins.tuned / name).read_text())
    arrays = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    save_weights(arrays, folder / "bert_model.ckpt", global_step=0)
    return folder
