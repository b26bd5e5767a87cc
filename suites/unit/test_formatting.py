"""Text that is safe to print on a terminal, and numbers as text."""

import unicodedata

import pytest

from bertbench.formatting import decimals_for, format_number, percent, printable, signed

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "[bold]x[/] [/b] :100: :warning: \\ * ?",
        "Zoë Brück – 灯 👩‍🚀 ☕️ ذهبت שלום",
        "a b  c",
        "\u00a0\u00ad\u200b",
    ],
)
def test_printable_keeps_ordinary_text_unchanged(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\r\tc\x00\x7f", "a\\nb\\r\\tc\\x00\\x7f"),
        ("\x9b2J\x85", "\\x9b2J\\x85"),
        (
            "\u202egnp.exe\u202c \u2067x\u2069 \u200f\u061c",
            "\\u202egnp.exe\\u202c \\u2067x\\u2069 \\u200f\\u061c",
        ),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_printable_escapes_terminal_control_characters(text, shown):
    assert printable(text) == shown


def test_printable_escapes_every_unicode_control_and_bidirectional_character():
    steering = {"Cc", "Cs", "Zl", "Zp"}
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    # Marks of the letters' own classes AL, L and R, and what no XML document may contain.
    others = {"\u061c", "\u200e", "\u200f", "\ufffe", "\uffff"}
    for number in range(0x110000):
        sign = chr(number)
        steers = unicodedata.category(sign) in steering or unicodedata.bidirectional(sign) in turning
        assert (printable(sign) != sign) == (steers or sign in others), f"U+{number:04X}"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (format_number(None), "–"),
        (format_number(0.91234), "0.9123"),
        (format_number(12345.6), "12,346"),
        (format_number(-3.14159, 3), "−3.14"),
        (format_number(0), "0"),
        (format_number(999.96), "1000"),
        (format_number(99.97, 3), "100"),
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
