"""The page in a real browser: it renders without errors and requests, and is readable for everyone."""

import html
import json
import re
import shutil
import subprocess

import pytest

from bertbench.cli import main
from suites.unit.made_up_results import grid, write_results, write_stored_history, write_throughput

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium is installed; on Debian `apt-get install chromium` gives one"
    ),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the network is not reachable
    "--enable-logging=stderr",
)
DARK = "--blink-settings=preferredColorScheme=0"

# Contrast as WCAG 2.2 defines it (success criterion 1.4.3), of every visible piece of text.
AUDIT = """
<script>
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const background = (element) => {
  for (; element; element = element.parentElement) {
    const color = parse(getComputedStyle(element).backgroundColor);
    if (color[3] !== 0) return color;
  }
  return [255, 255, 255];
};
document.querySelectorAll("details").forEach((details) => { details.open = true; });
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const texts = [];
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.tagName === "SCRIPT" || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const inChart = element instanceof SVGElement;
  const pair = [parse(inChart ? style.fill : style.color), background(element)].map(luminance);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  texts.push({ text: walker.currentNode.data.trim(), ratio, enough: ratio >= (large ? 3 : 4.5) });
}
const boxes = [...document.querySelectorAll("svg")].map((svg) => svg.getBoundingClientRect());
parent.document.body.dataset.audit = JSON.stringify({
  texts,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  width: innerWidth,
  overflow: document.documentElement.scrollWidth - innerWidth,
  charts: boxes.map((box) => Math.min(box.width, box.height)),
  resources: performance.getEntriesByType("resource").map((entry) => entry.name),
});
</script>
"""


def browse(page, *flags, width=1200):
    """The page's DOM after rendering, and what the browser logged."""
    command = [
        CHROMIUM,
        *FLAGS,
        *flags,
        f"--window-size={width},2000",
        f"--user-data-dir={page.parent}/chromium",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, done.stderr


def audit(page, *flags, width=1200):
    """Contrast, overflow and chart sizes, by a script in a copy of the page.

    The copy is in a frame, as no window of Chromium is narrower than 500 pixels.
    """
    frame = page.with_name(f"audit-{width}-{len(flags)}.html")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    copy = html.escape(text.replace("</body>", f"{AUDIT}</body>"))
    frame.write_text(
        f'<body><iframe width="{width}" height="2000" srcdoc="{copy}"></iframe>', encoding="utf-8"
    )
    dom, _ = browse(frame, *flags, width=width)
    return json.loads(html.unescape(re.search(r'data-audit="([^"]*)"', dom).group(1)))


def requests(net_log):
    """The addresses that the page, not the browser itself, asked for."""
    log = json.loads(net_log.read_text())
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = (event["params"] for event in log["events"] if event["type"] == start and "params" in event)
    own = [job["url"] for job in jobs if job.get("url") and job.get("initiator") != "not an origin"]
    return [url for url in own if not url.startswith(("file:", "data:"))]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report and the history of invented results."""
    root = tmp_path_factory.mktemp("browser")
    slower = [
        info
        | {
            "efficiency": 0.88 * info["efficiency"],
            "efficiency_rounds": [r * 0.88 for r in info["efficiency_rounds"]],
        }
        for info in grid(seed=5)
    ]
    write_results(root / "results")
    write_throughput(root / "results/throughput.json", [*grid(seed=3)[:-1], slower[-1]])
    write_throughput(root / "base/throughput.json", grid(seed=50))
    write_stored_history(root / "baselines/throughput", 30, fall_at=21)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for arguments, status in (
            (["gate", "base", "results", "--output-dir", "results"], 1),
            (["report", "results"], 0),
            (["history", "--html", "history.html"], 0),
        ):
            with pytest.raises(SystemExit) as stop:
                main(arguments)
            assert stop.value.code == status
    return root / "report.html", root / "history.html"


@pytest.mark.parametrize("index", [0, 1], ids=["report", "history"])
def test_page_renders_without_errors_or_requests(pages, index, tmp_path):
    net_log = tmp_path / "net.json"
    dom, log = browse(pages[index], f"--log-net-log={net_log}")
    assert "</footer>" in dom
    assert "CONSOLE" not in log
    assert requests(net_log) == []


def test_browser_reports_errors_and_requests_of_bad_page(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<script>console.error("boom")</script><img src="http://example.invalid/x.png">')
    net_log = tmp_path / "net.json"
    _, log = browse(page, f"--log-net-log={net_log}")
    assert re.search(r"CONSOLE.*boom", log)
    assert requests(net_log) == ["http://example.invalid/x.png"]


@pytest.mark.parametrize("flags", [(), (DARK,)], ids=["light", "dark"])
@pytest.mark.parametrize("index", [0, 1], ids=["report", "history"])
def test_all_text_has_enough_contrast(pages, index, flags):
    found = audit(pages[index], *flags)
    assert found["dark"] == bool(flags)
    assert len(found["texts"]) > 40
    assert [text for text in found["texts"] if not text["enough"]] == []


def test_audit_reports_text_with_weak_contrast(tmp_path):
    page = tmp_path / "weak.html"
    page.write_text(
        '<body style="background:#fff;color:#777">weak <b style="color:#757575">enough</b></body>'
    )
    assert [text["text"] for text in audit(page)["texts"] if not text["enough"]] == ["weak"]


@pytest.mark.parametrize("index", [0, 1], ids=["report", "history"])
def test_page_fits_width_of_a_phone(pages, index):
    found = audit(pages[index], width=390)
    assert found["width"] == 390
    assert found["overflow"] <= 0
    assert min(found["charts"]) >= 100
    assert found["resources"] == []
