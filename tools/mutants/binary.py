"""Ways to damage binary files and keep their checksums correct, as an attacker would."""

import io
import random
import struct
import warnings
import zipfile
from collections.abc import Iterator

from tools.mutants.mutations import HUGE, change_json, flip_bits, overwrite

_TABLE_FOOTER = 48
_TABLE_TRAILER = 5


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _crc_table()


def masked_crc(data: bytes) -> bytes:
    """CRC-32C as TFRecord files and tables of LevelDB store it (RFC 3720, appendix B.4; masked)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(record: bytes, length: int | None = None) -> bytes:
    """A record of a TFRecord file; `length` replaces the correct length."""
    header = struct.pack("<Q", len(record) if length is None else length)
    return header + masked_crc(header) + record + masked_crc(record)


def change_record(data: bytes, draw: random.Random) -> bytes:
    """Change a record's bytes or its length; the checksums are correct."""
    records = list(records_of(data))
    number = draw.randrange(len(records))
    record, length = records[number], None
    if draw.random() < 0.3:
        length = draw.choice([size & 2**64 - 1 for size in HUGE] + [2**40, len(record) + 1, len(record) - 1])
    else:
        record = draw.choice((flip_bits, overwrite, _change_feature, _change_feature))(record, draw)
    frames = [frame(other) for other in records]
    frames[number] = frame(record, length)
    return b"".join(frames)


def records_of(data: bytes) -> Iterator[bytes]:
    """The records of an undamaged TFRecord file."""
    position = 0
    while position < len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        yield data[position + 12 : position + 12 + length]
        position += length + 16


def _change_feature(record: bytes, draw: random.Random) -> bytes:
    """Replace a value of a feature by a huge one, or its name by bytes that are not UTF-8."""
    from tensorflow.core.example.example_pb2 import Example

    example = Example.FromString(record)
    name = draw.choice(sorted(example.features.feature))
    if draw.random() < 0.3:
        return record.replace(name.encode(), draw.choice((b"\xff", b"\xc3", b"\0")) * len(name))
    feature = example.features.feature[name]
    values = (
        feature.float_list.value if feature.WhichOneof("kind") == "float_list" else feature.int64_list.value
    )
    if draw.random() < 0.3:
        del values[draw.randrange(len(values)) :]
        values.extend([1] * draw.choice((0, 1, 1000, 100_000)))
    elif values:
        fits = [number for number in HUGE if -(2**63) <= number < 2**63]
        values[draw.randrange(len(values))] = draw.choice(fits)
    return bytes(example.SerializeToString())


def change_index(data: bytes, draw: random.Random) -> bytes:
    """Change an entry of a checkpoint's index, or bytes of its blocks; the checksums are correct."""
    if draw.random() < 0.5:
        return _change_entry(data, draw)
    changed = bytearray(flip_bits(data[:-_TABLE_FOOTER], draw) + data[-_TABLE_FOOTER:])
    for offset, size in _blocks(data):
        end = offset + size + 1
        changed[end : end + 4] = masked_crc(bytes(changed[offset:end]))
    return bytes(changed)


def _change_entry(data: bytes, draw: random.Random) -> bytes:
    """Change fields of a `BundleEntryProto` or of the header; the result is a table of one block."""
    from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto

    entries = dict(entries_of(data))
    key = draw.choice(sorted(entries))
    number = draw.choice([size for size in HUGE if -(2**63) <= size < 2**63])
    small = draw.choice((-1, 0, 2, 7, 100, 1000, 2**31 - 1, -(2**31)))
    if not key:
        header = BundleHeaderProto.FromString(entries[key])
        field, value = draw.choice((("num_shards", small), ("endianness", 1)))
        setattr(header, field, value)
        entries[key] = header.SerializeToString()
    else:
        entry = BundleEntryProto.FromString(entries[key])
        kind = draw.choice(
            ("dtype", "shard_id", "offset", "size", "shape", "shape", "rank", "slices", "name")
        )
        if kind == "shape" and entry.shape.dim:
            entry.shape.dim[draw.randrange(len(entry.shape.dim))].size = number
        elif kind == "rank":
            for _ in range(draw.choice((1, 8, 254, 300))):
                entry.shape.dim.add(size=draw.choice((0, 1, 2, number)))
        elif kind == "slices":
            entry.slices.add().extent.add(start=number, length=number)
        elif kind in ("offset", "size"):
            setattr(entry, kind, number)
        elif kind in ("dtype", "shard_id"):
            setattr(entry, kind, small)
        entries[key] = entry.SerializeToString()
        if kind == "name":
            entries[draw.choice((b"\xff", b"\0", b"x" * 5000, key + b"x"))] = entries.pop(key)
    return make_table(entries)


def make_table(entries: dict[bytes, bytes]) -> bytes:
    """A table of LevelDB with one block of entries."""
    ordered = sorted(entries.items())
    block, restarts = b"", []
    for key, value in ordered:
        restarts.append(len(block))
        block += _varint(0) + _varint(len(key)) + _varint(len(value)) + key + value
    content = _sealed(block, restarts)
    handle = _varint(0) + _varint(len(content) - _TABLE_TRAILER)
    last = ordered[-1][0] + b"\xff"
    index = _sealed(_varint(0) + _varint(len(last)) + _varint(len(handle)) + last + handle, [0])
    unused = _sealed(b"", [0])
    places = _varint(len(content)) + _varint(len(unused) - _TABLE_TRAILER)
    places += _varint(len(content) + len(unused)) + _varint(len(index) - _TABLE_TRAILER)
    return content + unused + index + places.ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little")


def _sealed(block: bytes, restarts: list[int]) -> bytes:
    content = block + struct.pack(f"<{len(restarts)}II", *restarts, len(restarts)) + b"\0"
    return content + masked_crc(content)


def _varint(number: int) -> bytes:
    groups = b""
    while number > 127:
        groups += bytes([number & 127 | 128])
        number >>= 7
    return groups + bytes([number])


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while data[position] > 127:
        number |= (data[position] & 127) << shift
        shift, position = shift + 7, position + 1
    return number | data[position] << shift, position + 1


def _blocks(data: bytes) -> list[tuple[int, int]]:
    """Offset and size of every block of an undamaged table; the index block is last."""
    footer, places, position = data[-_TABLE_FOOTER:], [], 0
    for _ in range(4):
        number, position = _read_varint(footer, position)
        places.append(number)
    index = (places[2], places[3])
    blocks = [(places[0], places[1])]
    for _, handle in _block_entries(data, *index):
        offset, start = _read_varint(handle, 0)
        blocks.append((offset, _read_varint(handle, start)[0]))
    return [*blocks, index]


def entries_of(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of an undamaged table."""
    for offset, size in _blocks(data)[1:-1]:
        yield from _block_entries(data, offset, size)


def _block_entries(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    block = data[offset : offset + size]
    end = size - 4 - 4 * struct.unpack_from("<I", block, size - 4)[0]
    key, position = b"", 0
    while position < end:
        shared, position = _read_varint(block, position)
        unshared, position = _read_varint(block, position)
        length, position = _read_varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared + length
        yield key, block[position - length : position]


def change_header(data: bytes, draw: random.Random) -> bytes:
    """Change a value of a safetensors file's header; its length may be wrong."""
    (length,) = struct.unpack_from("<Q", data)
    header = change_json(data[8 : 8 + length], draw)
    stated = draw.choice((len(header), len(header), len(header), *(size & 2**64 - 1 for size in HUGE)))
    return struct.pack("<Q", stated) + header + data[8 + length :]


def change_archive(data: bytes, draw: random.Random) -> bytes:
    """Add a member with an unusual name, kind, size or compression to a zip archive."""
    name = draw.choice(
        ("../out", "/tmp/out", "a\\b", "x" * 70_000, "a/../../b", "vocab.txt", "", ".", "a/b/")
    )
    packed = io.BytesIO(data)
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "a") as archive:
        warnings.simplefilter("ignore")  # a repeated name
        entry = zipfile.ZipInfo(name[:65_535] or "empty")
        entry.compress_type = draw.choice(
            (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        )
        entry.external_attr = draw.choice((0o644, 0o120777, 0o010644, 0o060644)) << 16
        body = draw.choice((b"text", b"/etc/passwd", bytes(30_000_000)))
        archive.writestr(entry, body)
    changed = bytearray(packed.getvalue())
    if draw.random() < 0.5:  # a field of the directory's last entry: flags, method, checksum or sizes
        start = changed.rfind(b"PK\x01\x02")
        changed[start + draw.randint(4, 45)] = draw.randrange(256)
    return bytes(changed)
