"""XNLI with a Chinese and a multilingual cased vocabulary, from text to scores, on models made here.

The models are trained on a rule that only the right reading of the text can show: in Chinese by single
ideographs and an accent that is stripped, in the multilingual vocabulary by capital letters and accents that
are kept.
"""

import itertools
import json

import pytest

from bertbench.config import ModelConfig
from bertbench.data.tokenizer_files import TokenizerFiles

pytestmark = pytest.mark.unit

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LABELS = ("contradiction", "entailment", "neutral")
XNLI_COLUMNS = 19

# As chinese_L-12_H-768_A-12 has it: ideographs alone, Latin letters in lower case.
CHINESE = [*SPECIAL, "。", ",", "cafe", "##s", *"他她在不是吗家里学校去了没有看书"]
# As multi_cased_L-12_H-768_A-12 has it: every script, Latin letters in both cases and with accents.
MULTILINGUAL = [
    *[*SPECIAL, ".", "Essen", "essen", "Über", "über", "Uber", "wir", "Wir", "Geld", "##er", "das", "heute"],
    *["школа", "дом", "##а", "يوم", "घर", "##ों", "东", "京", "é", "caf", "##é", "cafe"],
]


def tokens_of(folder, text, **rules):
    return TokenizerFiles(folder / "vocab.txt", **rules).tokenizer.tokenize(text)


def write_vocabulary(folder, wordpieces):
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(wordpieces) + "\n", encoding="utf-8")
    config = ModelConfig(
        vocab_size=len(wordpieces),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.2,  # large, so that so small a model learns fast
    )
    (folder / "bert_config.json").write_text(config.to_json())
    return folder


@pytest.mark.parametrize(
    ("wordpieces", "lower", "text", "expected"),
    [
        (CHINESE, True, "他在CAFÉS看书。", ["他", "在", "cafe", "##s", "看", "书", "。"]),
        (CHINESE, True, "不是,中", ["不", "是", ",", "[UNK]"]),
        (MULTILINGUAL, False, "Über das Essen essen", ["Über", "das", "Essen", "essen"]),
        (MULTILINGUAL, False, "дома 东京.", ["дом", "##а", "东", "京", "."]),
        (MULTILINGUAL, False, "café घरों يوم", ["caf", "##é", "घर", "##ों", "يوم"]),
        (MULTILINGUAL, False, "cafe\u0301", ["[UNK]"]),  # not composed, and not stripped
        (MULTILINGUAL, True, "Über", ["[UNK]"]),  # "uber" is no wordpiece
    ],
)
def test_wordpieces_equal_the_original(tmp_path, wordpieces, lower, text, expected):
    folder = write_vocabulary(tmp_path / "model", wordpieces)
    assert tokens_of(folder, text, do_lower_case=lower) == expected


def xnli_row(language, label, premise, hypothesis):
    row = ["-"] * XNLI_COLUMNS
    row[0], row[1], row[6], row[7] = language, label, premise, hypothesis
    return "\t".join(row)


def write_xnli(folder, language, rows, others):
    """Training pairs of the language, and dev and test files that hold other languages, too."""
    (folder / "multinli").mkdir(parents=True)
    file_labels = {"contradiction": "contradictory"}
    train = [f"{one}\t{other}\t{file_labels.get(label, label)}" for one, other, label in rows]
    train.insert(0, "premise\thypo\tlabel")
    (folder / f"multinli/multinli.train.{language}.tsv").write_text("\n".join(train) + "\n", encoding="utf-8")
    header = "\t".join(f"column{n}" for n in range(XNLI_COLUMNS))
    lines = [xnli_row("ar", "neutral", "يوم", one) for one in others]
    lines += [xnli_row(language, label, one, other) for one, other, label in rows]
    for name in ("xnli.dev.tsv", "xnli.test.tsv"):
        (folder / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return folder


def chinese_pairs():
    """没 contradicts, café (in any form) is neutral, anything else follows."""
    people, places = "他她", ("在家里", "在学校", "去学校了")
    forms = itertools.cycle(("Café", "CAFE", "cafe\u0301"))
    for person, place in itertools.product(people, places):
        yield f"{person}{place}。", f"{person}没{place}。", "contradiction"
        yield f"{person}{place}。", f"{person}去{next(forms)}", "neutral"
        yield f"{person}{place}。", f"{person}是{place}。", "entailment"


def german_pairs():
    """The food contradicts, eating follows, and an accent is neutral: nothing but letters' forms differ."""
    for premise, end in itertools.product(("das Geld", "heute", "Wir", "wir"), ("heute.", "das", ".")):
        yield premise, f"wir Essen {end}", "contradiction"
        yield premise, f"wir essen {end}", "entailment"
        yield premise, f"Über essen {end}", "neutral"


@pytest.mark.parametrize(
    ("language", "wordpieces", "pairs", "right", "wrong"),
    [
        ("zh", CHINESE, chinese_pairs, "--do-lower-case", "--no-do-lower-case"),
        ("de", MULTILINGUAL, german_pairs, "--no-do-lower-case", "--do-lower-case"),
    ],
)
def test_xnli_is_learned_from_letters_of_the_text(
    call_here, tmp_path, language, wordpieces, pairs, right, wrong
):
    rows = list(pairs())
    data = write_xnli(tmp_path / "XNLI", language, rows, others=["a", "b"])
    model = write_vocabulary(tmp_path / "model", wordpieces)
    task = ("classifier", "--task-name", "XNLI", "--language", language, "--data", data)
    start = ("--config-file", model / "bert_config.json", "--vocab-file", model / "vocab.txt", right)
    recipe = ("--max-seq-length", 32, "--num-train-steps", 120, "--learning-rate", "2e-3", "--batch-size", 12)
    out = tmp_path / "trained"
    status, _, err = call_here("train", *task, *start, *recipe, "--do-eval", "--output-dir", out)
    assert status == 0, err
    scores = json.loads((out / "results.json").read_text())["scores"]
    assert scores["accuracy"] == 1.0

    def accuracy(*options):
        where = ("--model-dir", out, "--max-seq-length", 32, "--output-dir", tmp_path / "predicted")
        status, printed, err = call_here("predict", *task, *where, *options)
        assert status == 0, err
        return json.loads(printed.splitlines()[-1])["accuracy"]

    assert accuracy() == 1.0  # the trained folder says how its text is read
    assert accuracy(wrong) < 0.8
    table = (tmp_path / "predicted" / "test_results.tsv").read_text().splitlines()
    assert len(table) == len(rows)  # not the other languages'
    assert all(len(line.split("\t")) == len(LABELS) for line in table)


def test_missing_language_is_reported(call_here, tmp_path):
    data = write_xnli(tmp_path / "XNLI", "zh", list(chinese_pairs()), others=["a"])
    model = write_vocabulary(tmp_path / "model", CHINESE)
    words = ("train", "classifier", "--task-name", "XNLI", "--data", data, "--output-dir", tmp_path / "out")
    words += ("--config-file", model / "bert_config.json", "--vocab-file", model / "vocab.txt")
    status, _, err = call_here(*words, "--language", "de")
    assert (status, "no multinli/multinli.train.de.tsv of XNLI here" in err) == (2, True)
