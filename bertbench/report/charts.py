"""Small SVG charts with the colors of the page, in light and dark mode.

Elements have CSS classes, not colors; `templates/style.css` defines the classes. A chart is 380 units wide,
so that its text is readable on a phone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 380
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 14, 44


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic mapping from values to drawing units."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The position of a value in drawing units."""
        transform = math.log10 if self.logarithmic else float
        low, high = transform(self.low), transform(self.high)
        return self.start + (transform(value) - low) / (high - low) * (self.stop - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """About `count` round values in the domain; 1, 2 and 5 of each decade on a logarithmic scale."""
        if self.logarithmic:
            return self._logarithmic_ticks(count)
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]

    def _logarithmic_ticks(self, count: int) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1, 2, 5), (1,)):
            ticks = [factor * 10.0**decade for decade in decades for factor in factors]
            ticks = [tick for tick in ticks if self.low <= tick <= self.high]
            if len(ticks) <= 2 * count:
                break
        return ticks


@dataclass
class Chart:
    """An SVG image under construction; `title` names it and `description` says what it shows."""

    title: str
    description: str
    height: int = 260
    shapes: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def x_scale(self, low: float, high: float, *, logarithmic: bool = False, left: float = LEFT) -> Scale:
        """A horizontal scale over the drawing area."""
        return Scale(low, high, left, WIDTH - RIGHT, logarithmic)

    def y_scale(self, low: float, high: float, *, logarithmic: bool = False) -> Scale:
        """A vertical scale over the drawing area, low values at the bottom."""
        return Scale(low, high, self.height - BOTTOM, TOP, logarithmic)

    def x_axis(
        self, scale: Scale, label: str, ticks: Iterable[float] | None = None, *, grid: bool = True
    ) -> None:
        """Vertical grid lines with their values below the drawing area, and a label."""
        for tick in scale.ticks() if ticks is None else ticks:
            x = scale(tick)
            if grid:
                self.line([(x, TOP), (x, self.height - BOTTOM)], "grid")
            self.text(x, self.height - BOTTOM + 17, number(tick), "tick", "middle")
        self.text((scale.start + scale.stop) / 2, self.height - 6, label, "axis-label", "middle")

    def y_axis(self, scale: Scale, label: str, ticks: Iterable[float] | None = None) -> None:
        """Horizontal grid lines with their values at the left, and a label."""
        for tick in scale.ticks(4) if ticks is None else ticks:
            y = scale(tick)
            self.line([(LEFT, y), (WIDTH - RIGHT, y)], "grid")
            self.text(LEFT - 7, y + 4, number(tick), "tick", "end")
        middle = (scale.start + scale.stop) / 2
        self.texts.append(
            f'<text class="axis-label" text-anchor="middle" '
            f'transform="translate(13 {middle:.1f}) rotate(-90)">{escape(label)}</text>'
        )

    def line(self, points: Sequence[tuple[float, float]], css: str) -> None:
        """A polyline."""
        shown = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.shapes.append(f'<polyline class="{css}" points="{shown}"/>')

    def rectangle(self, x: float, y: float, width: float, height: float, css: str, tip: str = "") -> None:
        """A filled rectangle; a negative width reaches to the left. `tip` is shown under the pointer."""
        left = min(x, x + width)
        self.shapes.append(
            f'<rect class="{css}" x="{left:.1f}" y="{y:.1f}" width="{abs(width):.1f}" '
            f'height="{height:.1f}">{_tip(tip)}</rect>'
        )

    def dot(
        self, x: float, y: float, css: str, *, square: bool = False, radius: float = 4.5, tip: str = ""
    ) -> None:
        """A round or square mark; `tip` is shown under the pointer."""
        if square:
            self.rectangle(x - radius, y - radius, 2 * radius, 2 * radius, css, tip)
        else:
            self.shapes.append(
                f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{_tip(tip)}</circle>'
            )

    def text(self, x: float, y: float, text: str, css: str = "tick", anchor: str = "start") -> None:
        """A line of text; all text is drawn over all shapes."""
        self.texts.append(
            f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def to_svg(self) -> str:
        """The whole image as one inline SVG element."""
        label = escape(f"{self.title}. {self.description}", quote=True)
        head = f'<svg class="chart" viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{label}">'
        return "".join([head, *self.shapes, *self.texts, "</svg>"])


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def number(value: float) -> str:
    """A tick's value, short."""
    if value and (abs(value) >= 1e5 or abs(value) < 1e-3):
        exponent = math.floor(math.log10(abs(value)))
        return f"{value / 10**exponent:g}e{exponent}".replace("-", "−")
    return f"{value:,g}".replace("-", "−")
