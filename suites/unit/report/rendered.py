"""A report made from a folder, and the parts of its page."""

import html.parser
import re

from bertbench.report.checks import load_results
from bertbench.report.page import write_report


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


SECTIONS = ("accuracy", "throughput", "gate", "lengths", "numerics", "history")


def section(page, name):
    return re.search(f'<section id="{name}".*?</section>', page, re.S).group()


def report(folder, history=()):
    page = folder / "report.html"
    write_report(load_results(folder, history), page, "bertbench report results")
    return page.read_text(encoding="utf-8")


def answers(text):
    """The first screen's answers by question."""
    return dict(re.findall(r"<div><dt>([^<]*\?)</dt><dd[^>]*>([^<]*)</dd></div>", text))
