"""The report shows the results in three formats, and its page is self-contained and accessible."""

import html.parser
import itertools
import json
import re
from collections import Counter
from xml.etree import ElementTree

import pytest

from bertbench.cli import main
from bertbench.formatting import decimals_for, format_number, percent, signed
from bertbench.report.charts import Scale
from bertbench.report.checks import SPEED, Check, load_results
from bertbench.report.page import write_report
from bertbench.report.summary import summarize
from bertbench.report.wording import State
from suites.unit.made_up_results import (
    accuracy_case,
    case_info,
    failed,
    grid,
    write_accuracy,
    write_lengths,
    write_numerics,
    write_results,
    write_stored_history,
    write_throughput,
)

pytestmark = pytest.mark.unit


class Page(html.parser.HTMLParser):
    """The start tags of a page with their attributes, and the text of chosen tags."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.texts = {}
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code


SECTIONS = ("accuracy", "throughput", "gate", "lengths", "numerics", "history")


def section(page, name):
    return re.search(f'<section id="{name}".*?</section>', page, re.S).group()


def report(folder, history=()):
    page = folder / "report.html"
    write_report(load_results(folder, history), page, "bertbench report results")
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A page with every section, made by the commands as a user would."""
    root = tmp_path_factory.mktemp("whole")
    write_results(root / "results")
    write_throughput(root / "base/throughput.json", grid(seed=50))
    write_stored_history(root / "baselines/throughput", 30, fall_at=21)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert run("gate", "base", "results", "--output-dir", "results") == 0
        assert run("report", "results") == 0
    return root


# What it says.


def test_report_verdict_counts_every_check(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    # 6 scores against a baseline and 3 against fp32, 7 kernels, 24 layer errors, and 12 cases with
    # efficiency, memory and start-up
    assert "Still accurate, exact and fast" in page
    assert f"All {9 + 7 + 24 + 12 * 3} checks passed" in page


def test_report_shows_values_of_the_results(tmp_path):
    bf16, fp32 = case_info("bf16", "large"), case_info("fp32", "large")
    write_throughput(tmp_path / "throughput.json", [bf16, fp32])
    write_accuracy(tmp_path, [accuracy_case("fp32", 87.31), accuracy_case("bf16", 87.2)])
    page = report(tmp_path)
    assert f"{bf16['examples_per_second'] / fp32['examples_per_second']:.2f} ×" in page
    assert "93.0 %" in page  # the efficiency of the large geometry
    assert "−0.12 [−0.42, +0.18]" in page  # 87.2 - 87.32, against fp32


def test_failed_score_is_headline_in_html_markdown_and_junit(tmp_path):
    lost = [failed("baseline", 80.0, 87.31)]
    write_accuracy(tmp_path, [accuracy_case(), accuracy_case("fp32", 80.0, verdict="fail", comparisons=lost)])
    page = report(tmp_path)
    assert "1 check of 3 failed" in page
    assert 'class="verdict failed"' in page
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert markdown.startswith("## ❌ 1 check of 3 failed")
    assert "fp32-squad-inference" in markdown.split("<details>")[0]
    suite = ElementTree.parse(tmp_path / "report.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "0")
    (failure,) = suite.iter("failure")
    assert "F1 80.00, baseline 87.31: difference −7.31, tolerance 1" in failure.get("message")


def test_unclear_gate_makes_report_unclear(tmp_path):
    write_throughput(tmp_path / "base/throughput.json", grid())
    write_throughput(tmp_path / "throughput.json", grid(seed=9)[1:])
    assert run("gate", tmp_path / "base", tmp_path, "--output-dir", tmp_path) == 3
    assert "1 check of 34 not decided" in report(tmp_path)
    assert len(list(ElementTree.parse(tmp_path / "report.xml").iter("error"))) == 1


def test_kernel_and_layer_errors_beyond_bounds_fail(tmp_path):
    row = {"kernel": "gelu", "variant": "erf", "dtype": "bf16", "inputs": 65536, "mean_ulp": 0.4}
    row |= {"max_ulp": 2.5, "argmax": 1.5, "bound": 0.51, "verdict": "fail"}
    layer = {"model": "random", "precision": "bf16", "layer": 3, "rms_relative_error": 0.02, "bound": 0.01}
    write_numerics(tmp_path, rows=[row], layer_errors=[layer])
    page = report(tmp_path)
    assert "2 checks of 2 failed" in page
    assert "largest error 2.500 ULP at 1.5" in page


def test_measurements_without_checks_are_reported_as_not_judged(tmp_path):
    write_throughput(tmp_path / "throughput.json", grid())
    assert "Measured, not judged" in report(tmp_path)


def test_failure_takes_precedence_over_unclear():
    checks = [Check("gate", "a", state, "", SPEED) for state in (State.PASSED, State.UNCLEAR, State.FAILED)]
    assert summarize(checks).headline == "1 check of 3 failed"
    assert summarize(checks).explanation == "1 not decided, 1 passed."
    assert summarize(checks[:2]).headline == "1 check of 2 not decided"
    assert summarize(checks[:1]).headline == "Still fast"


def answers(text):
    """The first screen's answers by question."""
    return dict(re.findall(r"<div><dt>([^<]*\?)</dt><dd[^>]*>([^<]*)</dd></div>", text))


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


def test_text_in_backticks_is_shown_as_code(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert "<code>bertbench doctor</code> prints" in page
    assert "`" not in re.sub("<style>.*?</style>", "", page, flags=re.S)


def test_empty_columns_are_omitted(tmp_path):
    info = case_info("fp32", "tiny")
    info["startup_seconds"] = None
    write_throughput(tmp_path / "throughput.json", [info])
    head = re.search("<thead>.*?</thead>", section(report(tmp_path), "throughput")).group()
    assert "memory, MiB" in head
    assert "start-up" not in head


@pytest.mark.parametrize("command", ["predict", "benchmark"])
def test_report_of_predict_or_benchmark_folder_shows_measured_results(tmp_path, call_here, command):
    more = {"predict": ("classifier",), "benchmark": ("squad", "--config", "tiny", "--max-seq-length", 16)}
    few = ("--batch-size", 4, "--steps", 3, "--warmup-steps", 1) if command == "benchmark" else ()
    status, _, err = call_here(command, *more[command], *few, "--output-dir", tmp_path)
    assert status == 0, err
    page = report(tmp_path)
    assert "Measured, not judged" in page
    told = answers(page)
    measured, other = ("Accurate?", "Fast?") if command == "predict" else ("Fast?", "Accurate?")
    assert (told[measured], told[other]) == ("measured, not judged", "not judged")
    assert re.match(r"measured \d{4}-\d\d-\d\d$", told["Since when?"])


@pytest.mark.parametrize("file", ["throughput", "accuracy", "numerics", "lengths"])
def test_report_of_single_result_file_lists_the_missing_ones(tmp_path, file):
    write = {
        "throughput": lambda: write_throughput(tmp_path / "throughput.json", grid()),
        "accuracy": lambda: write_accuracy(tmp_path, [accuracy_case()]),
        "numerics": lambda: write_numerics(tmp_path),
        "lengths": lambda: write_lengths(tmp_path),
    }
    write[file]()
    page = report(tmp_path)
    missing = {name for name in SECTIONS if "Nothing here yet" in section(page, name)}
    assert missing == set(SECTIONS) - {file}


def test_missing_section_shows_command_that_creates_it(tmp_path):
    write_numerics(tmp_path)
    page = report(tmp_path)
    for name, command in (
        ("accuracy", f"pytest -m accuracy --results-dir={tmp_path}"),
        ("throughput", f"pytest -m benchmark --results-dir={tmp_path}"),
        ("gate", f"bertbench gate HEAD {tmp_path} --output-dir {tmp_path}"),
        ("history", "pytest -m benchmark --record-baselines"),
    ):
        assert f"<code>{command}</code>" in section(page, name)


def test_single_precision_explains_missing_comparison(tmp_path):
    write_accuracy(tmp_path, [accuracy_case("fp32", tolerance=0.0)])
    write_throughput(tmp_path / "throughput.json", [case_info("fp32", "tiny")])
    page = report(tmp_path)
    assert "results of a task in both precisions" in section(page, "accuracy")
    assert "results of a case in both precisions" in section(page, "throughput")


def test_layer_errors_of_zero_are_reported(tmp_path):
    layer = {"model": "random", "precision": "fp32", "layer": 1, "rms_relative_error": 0.0, "bound": 0.0}
    write_numerics(tmp_path, layer_errors=[layer])
    assert "All 8 checks passed" in report(tmp_path)


def test_report_history_shows_commit_of_change(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    caption = f") at {21 * 7919:012x} (run 0021, 2025-01-22), after {20 * 7919:012x}"
    assert page.count(caption) == 2 * 4  # figure caption and description of each case


def test_every_figure_and_table_shows_its_command(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    pieces = re.findall(r"<figure>.*?</figure>|<caption>.*?</caption>", page, re.S)
    assert len(pieces) > 10
    assert all(re.search(r"<code>(pytest|bertbench) [^<]+</code>", piece) for piece in pieces)


def test_markdown_table_rows_have_equal_numbers_of_cells(whole):
    markdown = (whole / "report.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.M)
    assert len(tables) == 6  # tiles, scores, throughput, gate, memory and start-up, kernels
    for table in tables:
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(counts) == 1


HOSTILE = (
    "<script>alert(1)</script>|`x`",
    "a\n\n| b | c |\r\n# d\x00\x1b[2J\x9b1A\x85\u2028\u202e\ufffe\uffff",
    "[a](http://b) ![c](http://d) @all ~e~ &lt; ``f`",
    "long" * 30_000,
)


@pytest.mark.parametrize("name", HOSTILE, ids=["markup", "control characters", "links", "length"])
def test_hostile_case_names_do_not_change_the_report_structure(tmp_path, name):
    """The same rows, cells and elements as with a plain name."""
    shapes = []
    for case in ("plain", name):
        folder = tmp_path / str(len(shapes))
        lost = [failed("baseline", 80.0, 87.31)]
        write_accuracy(folder, [accuracy_case("fp32", 80.0, case=case, verdict="fail", comparisons=lost)])
        page = report(folder)
        markdown = (folder / "report.md").read_text(encoding="utf-8")
        assert len(markdown) < 20_000
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ufffe\uffff]", markdown)
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in markdown.splitlines()]
        tags = re.findall(r"(?<!\\)<(\w+)", markdown)
        elements = [element.tag for element in ElementTree.parse(folder / "report.xml").iter()]
        assert re.search(r"(?<!\\)\[.*\]\(http|(?<!\\)`x`|@all", markdown) is None
        shapes.append((cells, tags, elements, Counter(tag for tag, _ in Page(page).tags)))
    assert shapes[0] == shapes[1]


def test_case_names_cannot_inject_markup(tmp_path):
    name = HOSTILE[0]
    lost = [failed("baseline", 80.0, 87.31)]
    bad = accuracy_case("fp32", 80.0, case=name, verdict="fail", comparisons=lost)
    write_accuracy(tmp_path, [bad, accuracy_case("fp32", task="<i>")])
    write_throughput(tmp_path / "throughput.json", [case_info("bf16", "tiny") | {"case": name}])
    page = report(tmp_path)
    assert "<script" not in page
    assert "<i>" not in page.replace('<i class="', "")
    assert "<script" not in (tmp_path / "report.md").read_text(encoding="utf-8").replace(r"\<script", "")
    ElementTree.parse(tmp_path / "report.xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("empty",), "contains none of accuracy.json"),
        (("empty", "-o", "report.md"), "must end in .html"),
        (("newer",), "schema_version is 3"),
        (("liar",), "fp32-squad-inference against baseline: says pass, its figures say fail"),
        (("odd",), "bf16-squad-inference has no score 'f2'"),
    ],
)
def test_report_of_invalid_folder_is_rejected_in_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    path = write_accuracy(tmp_path / "newer", [accuracy_case()])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 3}))
    lie = [failed("baseline", 80.0, 87.31) | {"verdict": "pass"}]
    write_accuracy(tmp_path / "liar", [accuracy_case("fp32", 80.0, comparisons=lie)])
    write_accuracy(tmp_path / "odd", [accuracy_case(quantity="f2")])
    assert run("report", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.glob("*.html"))


# How it compares.


@pytest.fixture(scope="module")
def page(whole):
    return Page((whole / "report.html").read_text(encoding="utf-8"))


def test_page_loads_no_external_resources(page, whole):
    links = [
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")
    ]
    assert all(link.startswith("#") or link == "data:," for link in links)
    text = (whole / "report.html").read_text(encoding="utf-8")
    assert "@import" not in text
    assert "url(" not in text
    assert not page.all("script")
    policy = next(meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")


def test_page_has_semantic_structure(page):
    counts = Counter(tag for tag, _ in page.tags)
    assert [counts[tag] for tag in ("h1", "main", "header", "footer", "nav")] == [1] * 5
    head = [tag for tag, _ in itertools.takewhile(lambda item: item[0] != "body", page.tags)]
    assert head.count("title") == 1
    assert page.all("html")[0]["lang"] == "en"
    assert counts["caption"] == counts["table"]
    assert counts["figcaption"] == counts["figure"]
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th"))
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


def test_charts_have_text_alternatives(page):
    charts = page.all("svg")
    assert len(charts) > 8
    assert all(chart["role"] == "img" and len(chart["aria-label"]) > 40 for chart in charts)


def test_page_is_usable_by_keyboard(page):
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    targets = [link["href"][1:] for link in page.all("a")]
    assert targets[0] == "main"  # the skip link
    assert set(targets) <= set(identities)
    scrolling = [attributes for attributes in page.all("div") if attributes.get("class") == "scroll"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in scrolling)


# The pieces.


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale(0, 10, 0, 100), [0, 2, 4, 6, 8, 10]),
        (Scale(-0.1, 0.1, 0, 100), [-0.1, -0.05, 0, 0.05, 0.1]),
        (Scale(0.83, 0.97, 0, 100), [0.85, 0.9, 0.95]),
        (Scale(40, 600, 0, 100, logarithmic=True), [50, 100, 200, 500]),
        (Scale(1e-8, 1e-1, 0, 100, logarithmic=True), [10.0**power for power in range(-8, 0)]),
    ],
)
def test_ticks_are_round_numbers_within_scale(scale, expected):
    assert scale.ticks() == pytest.approx(expected)


def test_scales_map_ends_and_middle_of_range():
    linear, logarithmic = Scale(10, 20, 0, 100), Scale(1, 100, 50, 0, logarithmic=True)
    assert [linear(value) for value in (10, 15, 20)] == pytest.approx([0, 50, 100])
    assert [logarithmic(value) for value in (1, 10, 100)] == pytest.approx([50, 25, 0])


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (format_number(None), "–"),
        (format_number(0.91234), "0.9123"),
        (format_number(12345.6), "12,346"),
        (format_number(-3.14159, 3), "−3.14"),
        (format_number(0), "0"),
        (signed(-0.0351, 3), "−0.035"),
        (signed(1.5), "+1.50"),
        (percent(0.9304), "93.0 %"),
        (decimals_for(0.5), 3),
        (decimals_for(0.015), 4),
        (decimals_for(20), 1),
    ],
)
def test_numbers_are_formatted_as_expected(shown, expected):
    assert shown == expected
