"""Usual archives, and archives that try to write outside the folder."""

import stat
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.fetch import unpack
from bertbench.fetch.unpack import DamagedError, unpack_zip

pytestmark = pytest.mark.unit


def make_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def refused(archive, folder, reason):
    with pytest.raises(DamagedError, match=reason):
        unpack_zip(archive, folder)
    assert not folder.exists() or not any(folder.iterdir())


def test_common_top_folder_is_removed_from_paths(tmp_path):
    members = {"uncased/": b"", "uncased/vocab.txt": b"[PAD]\n", "uncased/sub/a": b"1"}
    unpack_zip(make_zip(tmp_path / "a.zip", members), tmp_path / "out")
    assert tree(tmp_path / "out") == {"vocab.txt": b"[PAD]\n", "sub/a": b"1"}


def test_files_at_root_of_archive_keep_their_paths(tmp_path):
    members = {"vocab.txt": b"v", "sub/a": b"1"}
    unpack_zip(make_zip(tmp_path / "a.zip", members), tmp_path / "out")
    assert tree(tmp_path / "out") == members


def test_macos_metadata_files_are_skipped(tmp_path):
    members = {
        "MNLI/dev.tsv": b"1",
        "__MACOSX/MNLI/._dev.tsv": b"2",
        "MNLI/.DS_Store": b"3",
        "MNLI/Icon\r": b"",
    }
    unpack_zip(make_zip(tmp_path / "a.zip", members), tmp_path / "out")
    assert tree(tmp_path / "out") == {"dev.tsv": b"1"}


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "a/../../outside",
        "..",
        "/etc/outside",
        "//outside",
        "C:/outside",
        "..\\outside",
        "a\\b",
        "a:b",
    ],
)
def test_member_outside_the_folder_is_rejected(tmp_path, name):
    archive = make_zip(tmp_path / "a.zip", {"fine": b"1", name: b"2"})
    refused(archive, tmp_path / "deep" / "out", "is outside the folder; the archive is not unpacked")
    assert not (tmp_path / "deep" / "outside").exists()
    assert not (tmp_path / "outside").exists()


def test_member_name_with_nul_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"fine": b"1", "hiddenX../outside": b"2"})
    archive.write_bytes(archive.read_bytes().replace(b"hiddenX", b"hidden\0"))
    refused(archive, tmp_path / "out", "is outside the folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_special_files_are_rejected(tmp_path, kind):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("model/vocab.txt")
        member.create_system = 3
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    refused(tmp_path / "a.zip", tmp_path / "out", "is a link or special file")


def test_member_inside_another_file_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"top": b"1", "a": b"2", "a/b": b"3"})
    refused(archive, tmp_path / "out", "is inside another file")


def test_repeated_member_name_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a": b"1", "b": b"2"}, zipfile.ZIP_STORED)
    data = archive.read_bytes()
    second = data.rindex(b"PK\x01\x02")
    archive.write_bytes(data[:second] + data[second:].replace(b"b", b"a"))
    refused(archive, tmp_path / "out", "twice")


def test_archive_with_extreme_compression_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(unpack.MAX_GROWTH * 2**20 + 1)})
    refused(archive, tmp_path / "out", "unreasonable")


def test_member_larger_than_its_declared_size_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(10**6)})
    archive.write_bytes(archive.read_bytes().replace(struct.pack("<I", 10**6), struct.pack("<I", 10)))
    with pytest.raises(DamagedError, match="damaged"):
        unpack_zip(archive, tmp_path / "out")
    assert all(len(body) <= 10 for body in tree(tmp_path / "out").values())


def test_archive_with_too_many_members_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "MAX_MEMBERS", 3)
    refused(make_zip(tmp_path / "a.zip", dict.fromkeys("abcd", b"")), tmp_path / "out", "more than 3 members")


def test_encrypted_member_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a": b"1"})
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    refused(archive, tmp_path / "out", "encrypted")


def test_truncated_archive_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a": b"1" * 1000})
    archive.write_bytes(archive.read_bytes()[:-10])
    refused(archive, tmp_path / "out", "damaged or not a zip archive")


def test_damaged_member_is_rejected(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a": b"one byte of this"}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(b"one byte", b"two byte"))
    with pytest.raises(DamagedError, match="damaged"):
        unpack_zip(archive, tmp_path / "out")


def test_html_page_instead_of_archive_is_rejected(tmp_path):
    (tmp_path / "a.zip").write_text("<html>log in first</html>")
    refused(tmp_path / "a.zip", tmp_path / "out", "damaged or not a zip archive")


NAMES = st.text(alphabet="a./\\:\0 ", min_size=1, max_size=12)


@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_arbitrary_member_names_never_write_outside_the_folder(tmp_path_factory, names):
    top = tmp_path_factory.mktemp("names")
    inside = top / "a" / "a" / "a" / "a" / "a" / "a" / "a"
    archive = top / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name in names:
            member = zipfile.ZipInfo("x")
            member.filename = name
            opened.writestr(member, b"1")
    try:
        unpack_zip(archive, inside)
    except DamagedError:
        assert not inside.exists()
    files = [path for path in top.rglob("*") if path.is_file() and path != archive]
    assert all(path.is_relative_to(inside) for path in files)
