"""The first screen: accurate? fast? on what? since when?"""

import dataclasses
import json
import re

import pytest

from bertbench.gate.result import EFFICIENCY, GateResult, Verdict, VerdictKind
from bertbench.report.checks import SPEED, Check
from bertbench.report.summary import summarize
from bertbench.report.wording import State
from bertbench.results.schema import write_result
from suites.unit.made_up_results import (
    accuracy_case,
    case_info,
    grid,
    write_accuracy,
    write_throughput,
)
from suites.unit.report.rendered import answers, report, section

pytestmark = pytest.mark.unit


def test_failure_takes_precedence_over_unclear():
    checks = [Check("gate", "a", state, "", SPEED) for state in (State.PASSED, State.UNCLEAR, State.FAILED)]
    assert summarize(checks).headline == "1 check of 3 failed"
    assert summarize(checks).explanation == "1 not decided, 1 passed."
    assert summarize(checks[:2]).headline == "1 check of 2 not decided"
    assert summarize(checks[:1]).headline == "Still fast"


def test_first_screen_answers_the_four_questions(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert page.index("Since when?") < page.index('<dl class="tiles">')
    assert answers(page) == {
        "Accurate?": "yes: 9 of 9 checks passed",
        "Fast?": "yes: 36 of 36 checks passed",
        "On what?": "AMD EPYC 9004, TensorFlow 2.21.0, bertbench 0.1.0",
        "Since when?": "measured 2025-03-01, against base",
    }


def test_report_names_what_was_not_judged(tmp_path):
    write_accuracy(tmp_path / "a", [accuracy_case()])
    assert answers(report(tmp_path / "a"))["Fast?"] == "not judged"
    write_throughput(tmp_path / "b" / "throughput.json", grid())
    told = answers(report(tmp_path / "b"))
    assert (told["Accurate?"], told["Fast?"]) == ("not judged", "measured, not judged")


def test_case_without_base_is_unclear_unless_others_were_judged(tmp_path):
    (tmp_path / "a").mkdir()
    judged = Verdict("a", EFFICIENCY, VerdictKind.OK, "", base=0.8, head=0.8, change=0.0, threshold=0.05)
    new = Verdict("b", EFFICIENCY, VerdictKind.NEW, "only the head has it", head=0.8)
    gate = GateResult("base", "head", "bertbench gate", (), (new,))
    write_result(tmp_path / "a" / "gate.json", gate)
    assert answers(report(tmp_path / "a"))["Fast?"].startswith("not decided")
    write_result(tmp_path / "a" / "gate.json", dataclasses.replace(gate, verdicts=(judged, new)))
    assert answers(report(tmp_path / "a"))["Fast?"] == "yes: 1 of 1 checks passed"


def test_scores_in_gate_verdicts_count_as_accuracy(tmp_path):
    verdict = {
        "case": "c",
        "quantity": "f1",
        "verdict": "regression",
        "detail": "",
        "base": 87.0,
        "head": 80.0,
    }
    gate = {
        "schema_version": 1,
        "base": "a",
        "head": "b",
        "command": "bertbench gate a b",
        "verdicts": [verdict],
    }
    (tmp_path / "gate.json").write_text(json.dumps(gate))
    told = answers(report(tmp_path))
    assert (told["Accurate?"], told["Fast?"]) == ("no: 1 of 1 checks failed", "not judged")


def test_since_when_shows_baselines(tmp_path):
    case = accuracy_case()
    case["comparisons"][0]["since"] = "2025-02-01 (commit 0a1b2c3d4e5f)"
    write_accuracy(tmp_path, [case])
    page = report(tmp_path)
    assert answers(page)["Since when?"] == "against the baseline of 2025-02-01 (commit 0a1b2c3d4e5f)"
    assert "baseline of 2025-02-01 (commit 0a1b2c3d4e5f)" in section(page, "accuracy")


def test_headline_values_show_range_over_all_cases(tmp_path):
    cases = [
        case_info(precision, geometry) for geometry in ("tiny", "large") for precision in ("fp32", "bf16")
    ]
    write_throughput(tmp_path / "throughput.json", cases)
    tiles = re.search('<dl class="tiles">.*?</dl>', report(tmp_path), re.S).group()
    low, high = (100 * min_or_max(case["efficiency"] for case in cases) for min_or_max in (min, max))
    assert f"{low:.1f} … {high:.1f} %" in tiles
    assert "4 cases, lowest and highest" in tiles
