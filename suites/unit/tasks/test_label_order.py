"""The outputs of a classifier are ordered by their names: expected orders are written by hand."""

import json

import numpy as np
import pytest

from bertbench.checkpoint.labels import OutputLabels
from bertbench.checkpoint.source import ModelSource, find_model
from bertbench.compute import Compute
from bertbench.data.glue_tasks import glue_task
from bertbench.errors import InputError
from bertbench.inference import load_model
from bertbench.tasks.label_order import order_outputs
from bertbench.tasks.table import make_task
from suites.unit.checkpoint.hugging_face_folders import CONFIG, classifier_weights, write_model

pytestmark = pytest.mark.unit

MNLI = {"0": "entailment", "1": "neutral", "2": "contradiction"}


def order(task, has_default_names=True, **values):
    rows = order_outputs(glue_task(task), OutputLabels("config.json", values, has_default_names))
    return None if rows is None else rows.tolist()


# The task's own order: MNLI contradiction, entailment, neutral; RTE and QNLI entailment, not_entailment;
# the others 0, 1.
@pytest.mark.parametrize(
    ("task", "names", "rows"),
    [
        ("MNLI", ("contradiction", "entailment", "neutral"), [0, 1, 2]),
        ("MNLI", ("entailment", "neutral", "contradiction"), [2, 0, 1]),
        ("MNLI-mm", ("CONTRADICTION", "NEUTRAL", "ENTAILMENT"), [0, 2, 1]),
        ("XNLI", ("Entailment", "neutral", "contradictory"), [2, 0, 1]),
        ("RTE", ("not_entailment", "entailment"), [1, 0]),
        ("QNLI", ("NOT ENTAILMENT", "Entailment"), [1, 0]),
        ("QNLI", ("entailment", "not-entailment"), [0, 1]),
        ("WNLI", ("entailment", "not_entailment"), [1, 0]),
        ("MRPC", ("equivalent", "not_equivalent"), [1, 0]),
        ("MRPC", ("not_equivalent", "equivalent"), [0, 1]),
        ("MRPC", ("1", "0"), [1, 0]),
        ("QQP", ("duplicate", "not_duplicate"), [1, 0]),
        ("SST-2", ("POSITIVE", "NEGATIVE"), [1, 0]),
        ("CoLA", ("acceptable", "unacceptable"), [1, 0]),
    ],
)
def test_label_names_decide_the_order_of_outputs(task, names, rows, capsys):
    by_id = {str(index): name for index, name in enumerate(names)}
    by_label = {name: index for index, name in enumerate(names)}
    default = {f"LABEL_{index}": index for index in range(len(names))}
    assert order(task, id2label=by_id) == rows
    assert order(task, label2id=by_label) == rows
    assert order(task, id2label=by_id, label2id=by_label, num_labels=len(names)) == rows
    assert order(task, id2label=by_id, label2id=default) == rows
    assert order(task, has_default_names=False, id2label=dict(reversed(by_id.items()))) == rows
    assert capsys.readouterr().err == ""


def test_stale_number_of_outputs_beside_names_is_ignored():
    """Fine-tuned further, a model of transformers 2 keeps `_num_labels` of its former head."""
    names = {"0": "not_equivalent", "1": "equivalent"}
    assert order("MRPC", id2label=names, _num_labels=5) == [0, 1]
    with pytest.raises(InputError, match="LABEL_4"):
        order("MRPC", _num_labels=5)


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}, [0, 1, 2]),
        ({"id2label": {"0": "LABEL_2", "1": "LABEL_0", "2": "LABEL_1"}}, [1, 2, 0]),
        ({"label2id": {"2": 2, "1": 1, "0": 0}}, [0, 1, 2]),
        ({"num_labels": 3}, [0, 1, 2]),
    ],
)
def test_default_label_names_print_one_notice(values, rows, capsys):
    assert order("MNLI", **values) == rows
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "assuming contradiction, entailment, neutral; if this is wrong, correct id2label." in error


def test_missing_label_names_mean_two_default_names(capsys):
    assert order("RTE") == [0, 1]
    assert "LABEL_0, LABEL_1" in capsys.readouterr().err
    assert order("RTE", has_default_names=False) is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("task", "values", "message"),
    [
        (
            "RTE",
            {"id2label": MNLI},
            "outputs are entailment, neutral, contradiction; RTE has entailment, not_",
        ),
        ("MNLI", {"num_labels": 2}, "outputs are LABEL_0, LABEL_1; MNLI has contradiction, entailment, neut"),
        (
            "MRPC",
            {"id2label": {"0": "negative", "1": "positive"}},
            "negative, positive; MRPC has not_equival",
        ),
        ("RTE", {"id2label": {"0": "LABEL_0", "1": "entailment"}}, "outputs are LABEL_0, entailment; RTE"),
        (
            "MNLI",
            {"id2label": MNLI, "label2id": {"neutral": 0, "entailment": 1, "contradiction": 2}},
            "contr",
        ),
        (
            "MNLI",
            {"id2label": {"0": "LABEL_1", "1": "LABEL_0"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}},
            "c",
        ),
        (
            "RTE",
            {"id2label": {"0": "entailment", "2": "not_entailment"}},
            "id2label contains the ids 0, 2; they",
        ),
        (
            "RTE",
            {"label2id": {"entailment": 1, "not_entailment": 1}},
            "label2id contains the ids 1, 1; they must",
        ),
        ("RTE", {"id2label": {"1": "entailment", "2": "not_entailment"}}, "ids 1, 2; they must be 0 to 1"),
        (
            "RTE",
            {"id2label": {"0": "entailment", "one": "not_entailment"}},
            "the id 'one', which is not a whole",
        ),
        ("RTE", {"id2label": {"0": "entailment", "1": None}}, "contains the name None, which is not a text"),
        ("RTE", {"id2label": {"0": "entailment", "1": "entailment"}}, "gives one name to several ids"),
        ("RTE", {"id2label": ["entailment", "not_entailment"]}, "id2label must be an object"),
        (
            "RTE",
            {"id2label": MNLI, "num_labels": 2},
            "num_labels is 2, but there are 3 names: entailment, neu",
        ),
        ("RTE", {"num_labels": "two"}, "num_labels is 'two'; it must be a positive whole number"),
        ("RTE", {"problem_type": "regression"}, "problem_type is 'regression', but RTE is a classification"),
        (
            "RTE",
            {"problem_type": "multi_label_classification"},
            "problem_type is 'multi_label_classification",
        ),
        (
            "STS-B",
            {"architectures": ["BertForMultipleChoice"]},
            "architectures is 'BertForMultipleChoice', but STS-B needs a classifier of texts",
        ),
        ("RTE", {"architectures": ["BertForTokenClassification"]}, "'BertForTokenClassification', but RTE"),
        ("STS-B", {"problem_type": "single_label_classification"}, "but STS-B is a regression"),
        ("STS-B", {"id2label": MNLI}, "outputs are entailment, neutral, contradiction; STS-B has one score"),
        ("STS-B", {"num_labels": 2}, "outputs are LABEL_0, LABEL_1; STS-B has one score"),
    ],
)
def test_label_names_of_another_task_are_rejected(task, values, message):
    with pytest.raises(InputError, match=f"config.json: .*{message}"):
        order(task, **values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"num_labels": 1},
        {"id2label": {"0": "similarity"}},
        {"architectures": ["BertForSequenceClassification"]},
    ],
)
def test_regression_output_may_have_any_name(values):
    assert order("STS-B", **values) is None


def write_mnli(folder, labels):
    """A dev file of MNLI's 16 columns; the texts do not matter here."""
    folder.mkdir()
    rows = [[str(column) for column in range(15)] + ["gold_label"]]
    rows += [[*["x"] * 8, "a b", "c .", *["x"] * 5, label] for label in labels]
    (folder / "dev_matched.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    return folder


def read_folder(tmp_path, rows, **config):
    """A model whose three outputs are the given rows of one set of weights."""
    weights = classifier_weights(3)
    for name in ("output_weights", "output_bias"):
        weights[name] = weights[name][rows]
    return find_model(write_model(tmp_path, weights, **config))


def mnli_task(source, folder):
    return make_task("classifier", source.tokenizer(), task_name="MNLI", data=folder, max_seq_length=6)


def test_permuted_rows_with_permuted_names_give_same_logits(tmp_path):
    weights = classifier_weights(3)
    data = write_mnli(tmp_path / "MNLI", ["neutral", "entailment"])
    # Outputs contradiction, entailment, neutral, then entailment, neutral, contradiction.
    for folder, rows, names in (
        ("google's order", [0, 1, 2], {"0": "contradiction", "1": "entailment", "2": "neutral"}),
        ("another order", [1, 2, 0], MNLI),
    ):
        source = read_folder(tmp_path / folder, rows, id2label=names)
        model = load_model(mnli_task(source, data), source, Compute())
        loaded = model.variables_by_name
        np.testing.assert_array_equal(loaded["output_weights"].numpy(), weights["output_weights"])
        np.testing.assert_array_equal(loaded["output_bias"].numpy(), weights["output_bias"])


def test_label_names_of_weights_folder_apply_with_separate_config(tmp_path):
    folder = write_model(tmp_path / "model", classifier_weights(3), id2label=MNLI)
    named = tmp_path / "bert_config.json"
    named.write_text(
        json.dumps({name: CONFIG[name] for name in CONFIG if name.startswith(("num", "hid", "v"))})
    )
    source = find_model(config_file=named, init_checkpoint=folder / "model.safetensors")
    assert order_outputs(glue_task("MNLI"), source.labels).tolist() == [2, 0, 1]
    write_model(folder, classifier_weights(3), model_type="roberta")
    with pytest.raises(
        InputError, match=r"config\.json: model_type is 'roberta'; the weights are not of a BERT"
    ):
        find_model(config_file=named, init_checkpoint=folder / "model.safetensors")


def test_scores_and_files_use_label_order_of_task(tmp_path):
    labels = ["neutral"] * 3 + ["entailment"] * 2 + ["contradiction"]
    source = read_folder(tmp_path / "model", [0, 1, 2], id2label=MNLI)
    task = mnli_task(source, write_mnli(tmp_path / "MNLI", labels))
    dataset = task.read("dev")
    # Logits of contradiction, entailment, neutral, the task's order, as a loaded model gives them.
    outcome = task.evaluate(dataset, {"logits": np.tile(np.float32([-20.0, 0.0, 10.0]), (6, 1))})
    assert outcome.scores == {"accuracy": pytest.approx(3 / 6)}
    task.write_predictions(outcome, tmp_path, "test")
    probabilities = np.loadtxt(tmp_path / "test_results.tsv")
    np.testing.assert_allclose(probabilities[0], [9.4e-14, 4.54e-5, 1], rtol=1e-2)
    assert (tmp_path / "MNLI-m.tsv").read_text().split("\n")[1] == "0\tneutral"


def test_checkpoint_without_head_has_no_label_order(tmp_path, capsys):
    weights = {name: value for name, value in classifier_weights(3).items() if "output_" not in name}
    source = find_model(write_model(tmp_path / "model", weights, id2label={"0": "sports", "1": "politics"}))
    task = mnli_task(source, tmp_path)
    assert task.head_rows(source) == {}
    with pytest.raises(InputError, match="give a checkpoint with a classifier head"):
        load_model(task, source, Compute())
    assert "LABEL" not in capsys.readouterr().err


def test_trained_model_has_label_order_of_task(tmp_path):
    source = read_folder(tmp_path / "model", [0, 1, 2], id2label=MNLI)
    assert source.labels.names() == ("entailment", "neutral", "contradiction")
    assert source.trained(tmp_path / "model.ckpt-1") == ModelSource(
        source.config, source.tokenizer_files, tmp_path / "model.ckpt-1"
    )
