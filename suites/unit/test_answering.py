"""Answers to single questions equal those of the official script, and new questions compile nothing."""

import json

import pytest

from bertbench.answering import Answerer
from bertbench.checkpoint.source import find_model
from bertbench.compute import Compute, KernelOptions
from bertbench.data.fixed_widths import WIDTH_STEP
from bertbench.data.squad_windows import WindowSettings
from bertbench.embedded import SQUAD
from bertbench.errors import InputError
from bertbench.inference import Predictor, load_model
from bertbench.model.bert import BertModel
from bertbench.precision import FP32
from bertbench.tasks.squad import SquadSettings, SquadTask
from suites.shared_data import DEV_SET, shared_path

pytestmark = pytest.mark.unit

QUESTIONS = 40


def make_answerer(folder, gelu="tanh"):
    source = find_model(folder)
    task = SquadTask(tokenizer=source.tokenizer())
    return Answerer(load_model(task, source, Compute(FP32, KernelOptions(gelu=gelu))), task)


def test_answers_equal_official_script_predictions():
    answer = make_answerer(shared_path("models/minilm-l6-h384-squad"), gelu="erf")
    expected = json.loads(shared_path("reference/squad-dev/nbest_predictions.json").read_text())
    articles = json.loads(shared_path(DEV_SET).read_text())["data"]
    asked = [
        (paragraph["context"], qa)
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ][:: 788 // QUESTIONS]
    for context, qa in asked:
        best = expected[qa["id"]][0]
        given = answer(qa["question"], context)
        assert given.text == best["text"]
        assert given.start_logit == pytest.approx(best["start_logit"], abs=1e-3)
        assert given.end_logit == pytest.approx(best["end_logit"], abs=1e-3)
        assert given.probability == pytest.approx(best["probability"], abs=1e-3)


def test_questions_after_warm_up_trace_no_new_graph(monkeypatch):
    traces, shapes = [], set()
    forward, predict = BertModel.__call__, Predictor.__call__
    monkeypatch.setattr(BertModel, "__call__", lambda *args: traces.append(1) or forward(*args))

    def record(self, tensors):
        shapes.add(len(tensors["input_ids"]))
        return predict(self, tensors)

    monkeypatch.setattr(Predictor, "__call__", record)
    answer = make_answerer(SQUAD)
    answer.warm_up()
    warm = set(shapes)
    assert warm == set(range(WIDTH_STEP, 385, WIDTH_STEP))
    for words in (1, 30, 100, 200, 300, 340, 700):
        answer("Who charted Empty Valley?", "Empty Valley " * words)
    assert shapes == warm
    assert len(traces) == 1


def test_settings_without_room_for_a_context_are_rejected():
    """Otherwise a long question would leave windows without tokens, and their number would never end."""
    source = find_model(SQUAD)
    settings = SquadSettings(windows=WindowSettings(max_seq_length=64, max_query_length=64))
    task = SquadTask(settings, source.tokenizer())
    with pytest.raises(InputError, match="max_query_length"):
        Answerer(load_model(task, source, Compute(FP32)), task)


def test_context_without_wordpieces_is_rejected():
    with pytest.raises(InputError, match="no wordpiece"):
        make_answerer(SQUAD)("Who?", "\x00")
