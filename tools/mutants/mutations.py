"""Ways to damage a file: its bytes, its text, or its JSON values."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]
LONG = 10_000_000
HUGE = (2**31, 2**32 + 9, 2**63 - 1, 2**63, 2**64, 10**30, 10**400, -1, -(2**31), -(2**63), 100_000, 0)


def flip_bits(data: bytes, draw: random.Random) -> bytes:
    """Flip one to eight bits."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, draw: random.Random) -> bytes:
    """Overwrite up to 64 bytes by noise, zeros or ones."""
    start, length = draw.randrange(len(data)), draw.randint(1, 64)
    fill = draw.choice((draw.randbytes(length), bytes(length), b"\xff" * length))
    return data[:start] + fill + data[start + length :]


def truncate(data: bytes, draw: random.Random) -> bytes:
    """Truncate at any position, often near an end."""
    return data[: draw.choice((draw.randrange(len(data)), draw.randint(0, 64), -draw.randint(1, 64)))]


def remove(data: bytes, draw: random.Random) -> bytes:
    """Remove a range."""
    start = draw.randrange(len(data))
    return data[:start] + data[start + draw.randint(1, max(1, len(data) // 4)) :]


def repeat(data: bytes, draw: random.Random) -> bytes:
    """Repeat a range at another position."""
    start, place = draw.randrange(len(data)), draw.randrange(len(data))
    part = data[start : start + draw.randint(1, max(1, len(data) // 4))]
    return data[:place] + part + data[place:]


def insert(data: bytes, draw: random.Random) -> bytes:
    """Insert bytes that have broken some reader."""
    hostile = (
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\x1b[2J",
        b"\r",
        b"\x1a",
        b"\xe2\x80\xa8",
        b'"',
    )
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice(hostile) * draw.choice((1, 1, 1000)) + data[place:]


def replace_all(data: bytes, draw: random.Random) -> bytes:
    """Replace everything: by nothing, blanks, zeros, noise, or the file twice."""
    return draw.choice((b"", b"\n", b" " * 50, bytes(len(data)), draw.randbytes(len(data)), data * 2))


def add_mark(data: bytes, draw: random.Random) -> bytes:
    """Add a byte order mark, or use another encoding."""
    text = data.decode()
    return draw.choice((b"\xef\xbb\xbf" + data, text.encode("utf-16"), text.encode("utf-32"), data[::-1]))


def change_line_ends(data: bytes, draw: random.Random) -> bytes:
    """Change line ends to CR LF, CR or none."""
    return data.replace(b"\n", draw.choice((b"\r\n", b"\r", b"", b"\n\n", b"\n\r")))


def change_lines(data: bytes, draw: random.Random) -> bytes:
    """Remove, repeat or move one line, or reorder all."""
    lines = data.split(b"\n")
    one = lines.pop(draw.randrange(len(lines)))
    extra = draw.choice(([], [one, one], [one]))
    place = draw.randrange(len(lines) + 1)
    lines[place:place] = extra
    if draw.random() < 0.2:
        draw.shuffle(lines)
    return b"\n".join(lines)


def lengthen(data: bytes, draw: random.Random) -> bytes:
    """Make one line 10 MB long."""
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice((b"x", b" ", b"1", b"[", b"\t", b"a ")) * LONG + data[place:]


def change_number(data: bytes, draw: random.Random) -> bytes:
    """Replace a number by one that is too large or negative, or by another word."""
    places = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
    if not places:
        return data + b"9" * 30
    place = draw.choice(places)
    number = draw.choice((*map(str, HUGE), "nan", "1e999", "-0", "0x10", "1_000", "٣", "1e-320"))
    return data[:place] + number.encode() + data[place + 1 :]


def change_json(data: bytes, draw: random.Random) -> bytes:
    """Change one value, key or object of a JSON file."""
    values = json.loads(data)
    raw: dict[str, str] = {}
    places = _places(values)
    holder, key = draw.choice(places)
    kind = draw.choice(("value", "value", "remove", "rename", "repeat", "add", "copy"))
    if kind == "remove":
        del holder[key]
    elif kind == "copy":
        other, place = draw.choice(places)
        holder[key] = json.loads(json.dumps(other[place]))
    elif isinstance(holder, dict) and kind == "rename":
        holder[draw.choice(("", "x", "\ud800", "\0", f"{key} ", str(key).upper()))] = holder.pop(key)
    elif isinstance(holder, dict) and kind in ("repeat", "add"):
        name = json.dumps(key if kind == "repeat" else "unknown")
        raw["@first@"] = f"{json.dumps(holder[key])}, {name}: {draw.choice(_HOSTILE)}"
        holder[key] = "@first@"
    else:
        raw["@value@"] = draw.choice(_HOSTILE)
        holder[key] = "@value@"
    text = json.dumps(values, ensure_ascii=draw.random() < 0.5)
    for mark, written in raw.items():
        text = text.replace(json.dumps(mark), written)
    return text.encode(errors="surrogatepass")


_HOSTILE = (
    *("null", "true", "false", "[]", "{}", '""', '"x"', "[[]]", '{"a": 1}', "[null]", '"1"', "1", "0.5"),
    *map(str, HUGE),
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "1" * 5000, "-0.0", "1e308"),
    *('"\\u0000"', '"\\ud800"', '"\\u001b[2J"', '"../../x"', '"/etc/passwd"', '"<script>"', '" "'),
    *("[" * depth + "]" * depth for depth in (50, 500, 900, 990, 1100, 100_000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (150, 300, 980)),
    '"' + "y" * 1_000_000 + '"',
    "[" + "0," * 100_000 + "0]",
)


def _places(values: Any) -> list[tuple[Any, Any]]:
    """The container and the key or index of each value."""
    found: list[tuple[Any, Any]] = []
    waiting = [values]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)) and holder[key]:
                waiting.append(holder[key])
    return found


OF_BYTES: Mapping[str, Mutation] = {
    "flipped bits": flip_bits,
    "overwritten": overwrite,
    "truncated": truncate,
    "range removed": remove,
    "range repeated": repeat,
    "bytes inserted": insert,
    "replaced": replace_all,
}
OF_TEXT: Mapping[str, Mutation] = {
    **OF_BYTES,
    "encoding": add_mark,
    "line ends": change_line_ends,
    "lines": change_lines,
    "number": change_number,
}
OF_JSON: Mapping[str, Mutation] = {**OF_TEXT, "value": change_json, "key or value": change_json}
LONG_LINE: Mapping[str, Mutation] = {"long line": lengthen}
