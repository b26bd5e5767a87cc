"""The page loads nothing from outside, is accessible, and keeps its structure whatever names it shows."""

import itertools
import re
from collections import Counter
from xml.etree import ElementTree

import pytest

from suites.unit.made_up_results import (
    accuracy_case,
    case_info,
    failed,
    write_accuracy,
    write_throughput,
)
from suites.unit.report.rendered import Page, report, section

pytestmark = pytest.mark.unit


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
    assert scrolling
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in scrolling)
