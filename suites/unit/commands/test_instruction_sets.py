"""`bertbench compare --isa`: the machine's instruction sets, and runs that differ."""

import dataclasses
import json

import pytest

from bertbench.gate.accuracy import decide
from bertbench.measure.machine import read_machine
from bertbench.measure.onednn import ISAS
from bertbench.results.accuracy import Ruling, ScoreComparison
from suites.unit.squad_cases import question, squad, write_squad

pytestmark = pytest.mark.unit


def write_run(folder, dataset, answers, shift):
    """A run with changed logits."""
    folder.mkdir(parents=True)
    nbest = {
        key: [
            {"text": text, "probability": 0.9, "start_logit": 2.0 + shift, "end_logit": 1.0},
            {"text": "other", "probability": 0.1, "start_logit": 0.0, "end_logit": 0.5 - shift},
        ]
        for key, text in answers.items()
    }
    (folder / "predictions.json").write_text(json.dumps(answers))
    (folder / "nbest_predictions.json").write_text(json.dumps(nbest))
    (folder / "results.json").write_text(json.dumps({"dataset": [str(dataset)]}))


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Three limits, the last of which gives another answer; yields the arguments of each run."""
    dataset = write_squad(tmp_path / "dev.json", squad(("a b c", [question("q1"), question("q2")])))
    answers = {
        "avx2": ({"q1": "b", "q2": "b"}, 0.0),
        "avx512_core": ({"q1": "b", "q2": "b"}, 0.25),
        "avx512_core_amx": ({"q1": "b", "q2": "c"}, 0.5),
    }
    calls = []

    def run_to_end(command, environment):
        isa = environment["ONEDNN_MAX_CPU_ISA"].lower()
        calls.append((isa, command))
        folder = tmp_path / "runs" / isa
        write_run(folder, dataset, *answers[isa])
        return 0, ""

    flags = "sse4_1 avx avx2 avx512f avx512bw avx512vl avx512dq avx512_vnni avx512_bf16 avx512_fp16 avx_vnni "
    machine = tmp_path / "machine"
    (machine / "proc").mkdir(parents=True)
    cpu = f"processor : 0\nmodel name : made up\nflags : {flags} amx_tile amx_int8 amx_bf16\n"
    (machine / "proc" / "cpuinfo").write_text(cpu)
    place = "bertbench.commands.instruction_sets"
    monkeypatch.setattr(f"{place}.read_machine", lambda **more: read_machine(machine, **more))
    monkeypatch.setattr(f"{place}.run_to_end", run_to_end)
    return calls


def test_each_limit_is_compared_with_first_limit(call_here, runs, tmp_path):
    words = ("--isa", "avx2,avx512_core,amx", "--precision", "bf16", "--max-seq-length", "100")
    status, out, err = call_here("compare", *words, "--output-dir", tmp_path / "runs")
    assert status == 0, err
    assert [isa for isa, _ in runs] == ["avx2", "avx512_core", "avx512_core_amx"]
    for isa, command in runs:
        assert command[1:5] == ["-m", "bertbench", "predict", "squad"]
        given = command[5:]
        assert given[given.index("--precision") + 1] == "bf16"
        assert given[given.index("--max-seq-length") + 1] == "100"
        assert given[given.index("--output-dir") + 1] == str(tmp_path / "runs" / isa)
    assert out.splitlines()[:4] == [
        "q2: a b?",
        "  avx2: b  [EM 1, F1 100.00, margin 2.5000]",
        "  avx512_core: b  [EM 1, F1 100.00, margin 3.0000]",
        "  avx512_core_amx: c  [EM 0, F1 0.00, margin 3.5000]",
    ]
    one, other = out.splitlines()[4:]
    assert one.startswith("changed answers: 0 of 2; F1 avx2 100.000 %, avx512_core 100.000 %, ")
    assert one.endswith("; logits differ in 2 questions, by up to 0.25")
    assert other.startswith("changed answers: 1 of 2; F1 avx2 100.000 %, avx512_core_amx 50.000 %, ")
    assert other.endswith("; logits differ in 2 questions, by up to 0.5")


def test_failed_pair_is_not_hidden_by_an_unclear_one(call_here, runs, monkeypatch, tmp_path):
    def judge(first, second, tolerance):
        """With a made-up verdict: the second pair fails, the first is unclear."""
        score, low = (99.0, -3.0) if second.name == "avx512_core" else (80.0, -25.0)
        draft = ScoreComparison(
            "A", "f1", score, 1.0, 500, Ruling.UNCLEAR, expected=100.0, difference=score - 100,
            interval=(low, low + 2.5), p_value=0.001,
        )  # fmt: skip
        return dataclasses.replace(draft, verdict=decide(draft))

    monkeypatch.setattr("bertbench.commands.compare.judge", judge)
    words = ("--isa", "avx2,avx512_core,amx", "--max-drop", "1", "--output-dir", tmp_path / "runs")
    status, out, err = call_here("compare", *words)
    assert (status, "difference -20.0" in err.replace("\N{MINUS SIGN}", "-")) == (1, True), err
    assert "difference -1.0" in out.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize(
    ("isa", "message"),
    [
        ("avx2,sve", "--isa: 'sve' is unknown; choose from sse41, avx, avx2,"),
        ("avx2", "--isa avx2: give at least two different instruction sets."),
        ("amx,avx512_core_amx", "give at least two different instruction sets."),
        (
            "avx2,avx512_core_amx_fp16",
            "--isa: this machine does not support avx512_core_amx_fp16; its highest is",
        ),
        ("avx2,", "--isa: '' is unknown"),
    ],
)
def test_unsupported_instruction_set_limits_are_rejected(call_here, runs, isa, message):
    status, out, err = call_here("compare", "--isa", isa)
    assert (status, out, runs) == (2, "", [])
    assert message in err.splitlines()[-1]


def test_unsupported_limits_follow_cpu_flags(call_here):
    best = read_machine(environment={}).products.isa
    if best == ISAS[-1]:
        pytest.skip("this machine has every instruction set")
    lacking = ISAS[ISAS.index(best) + 1 :][-1]
    status, _, err = call_here("compare", "--isa", f"sse41,{lacking}")
    assert (status, f"this machine does not support {lacking}; its highest is {best}." in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a", "b", "--isa", "avx,avx2"), "--isa makes the predictions; remove the predictions files"),
        ((), "give two predictions files or folders, or --isa."),
        (("a",), "give two predictions files or folders, or --isa."),
    ],
)
def test_files_and_limits_together_are_rejected(call_here, words, message):
    status, _, err = call_here("compare", *words)
    assert (status, message in err) == (2, True)


@pytest.mark.parametrize(("status", "expected"), [(2, 2), (134, 3)])
def test_failed_run_is_reported_with_its_last_line(call_here, runs, monkeypatch, status, expected):
    outcome = (status, "threads: 1\nbertbench: dev.json: is gone.\n")
    monkeypatch.setattr("bertbench.commands.instruction_sets.run_to_end", lambda *given: outcome)
    ended, out, err = call_here("compare", "--isa", "avx2,amx")
    assert (ended, out) == (expected, "")
    assert err.splitlines()[-1] == f"bertbench: under avx2: status {status}: dev.json: is gone."
