"""Files are read once and completely, and their contents are checked."""

import gzip
import hashlib
import json
import os
import re
import threading

import pytest

from bertbench.errors import InputError
from bertbench.files import atomic_path, read_content, read_json, require_plain_file

pytestmark = pytest.mark.unit

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9876543\n"


def write(tmp_path, data):
    path = tmp_path / "data.json"
    path.write_bytes(data)
    return path


def test_checksum_belongs_to_bytes_read_not_to_later_file_content(tmp_path):
    path = write(tmp_path, b'{"a": 1}')
    content = read_content(path)
    path.write_bytes(b"other")
    assert content.json() == {"a": 1}
    assert content.file.path == path
    assert content.file.sha256 == hashlib.sha256(b'{"a": 1}').hexdigest()
    assert read_content(content) is content


def test_pipe_is_read_completely_with_its_checksum(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = b"[" + b"1," * 200_000 + b"2]"  # more than a pipe holds
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    content = read_content(path)
    writer.join()
    assert len(content.json()) == 200_001
    assert content.file.sha256 == hashlib.sha256(data).hexdigest()
    with pytest.raises(InputError, match="pipe: is not a regular file; give a regular file"):
        require_plain_file(path)


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2, "a": 1}', '[{"x": {"a": 1, "a": {}}}]'])
def test_repeated_key_is_rejected(tmp_path, text):
    path = write(tmp_path, text.encode())
    with pytest.raises(InputError, match=r"data\.json: an object has the key 'a' more than once; remove one"):
        read_json(path)
    values, seen = read_content(path).parsed_json
    assert values == json.loads(text)
    assert seen == ["a"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; give the file (a pipe can be read only once)"),
        (b" \n", "is empty"),
        (POINTER, "is a Git LFS pointer, not the file itself; run `git lfs pull`"),
        (gzip.compress(b"{}", mtime=0), "is compressed with gzip; decompress it"),
        (b"PK\x03\x04 and so on", "is compressed with zip"),
        (b"\xfd7zXZ\x00 and so on", "is compressed with xz"),
        (b"\x28\xb5\x2f\xfd and so on", "is compressed with zstd"),
        (b'{"a": \xff}', "byte 6 is not UTF-8"),
        (b"{\n]", "line 2, column 1: not valid JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_invalid_json_is_rejected_with_file_name_and_cause(tmp_path, data, message):
    with pytest.raises(InputError, match=re.escape(f"data.json: {message}")):
        read_json(write(tmp_path, data))


@pytest.mark.parametrize(("name", "message"), [("none.json", "No such file"), ("", "Is a directory")])
def test_unreadable_path_is_rejected_with_cause(tmp_path, name, message):
    with pytest.raises(InputError, match=rf"cannot be read \({message}"):
        read_content(tmp_path / name)


def test_missing_file_and_git_lfs_pointer_are_rejected(tmp_path):
    require_plain_file(write(tmp_path, gzip.compress(b"weights may begin with any bytes", mtime=0)))
    with pytest.raises(InputError, match="is a Git LFS pointer"):
        require_plain_file(write(tmp_path, POINTER))
    with pytest.raises(InputError, match=r"none: cannot be read \(No such file"):
        require_plain_file(tmp_path / "none")


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_output_never_replaces_a_special_file(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")  # a device such as /dev/null is the same to it
    (tmp_path / "link").symlink_to("pipe")
    message = f"{name}: is not a regular file; choose another output"
    with pytest.raises(InputError, match=message), atomic_path(tmp_path / name):
        raise AssertionError("must not be written")
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link", "pipe"]
