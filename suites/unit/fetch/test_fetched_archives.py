"""Archives are unpacked safely and completely, or downloaded again; MRPC is split into GLUE's files."""

import zipfile

import numpy as np
import pytest

from bertbench.errors import InputError
from bertbench.fetch.cache import CHECKSUMS, fetch
from bertbench.fetch.mrpc import DEV_IDS, TEST, TRAIN, split_mrpc
from bertbench.fetch.unpack import DamagedError
from suites.unit.fetch.items import QUICK, TEXT, item_of, source_of, zip_bytes

pytestmark = pytest.mark.unit


def test_truncated_archive_records_no_checksum(publisher, tmp_path):
    body = zip_bytes({"model/vocab.txt": TEXT})
    address = publisher.publish("m.zip", body, length_lie=-100)
    item = item_of(source_of(address, name="m.zip"))
    with pytest.raises(DamagedError, match="damaged"):
        fetch(item, tmp_path, QUICK)
    assert not (tmp_path / CHECKSUMS).exists()
    publisher.publish("m.zip", body)
    fetch(item, tmp_path, QUICK)
    assert (tmp_path / "data" / "vocab.txt").read_bytes() == TEXT


def test_damaged_archive_without_checksum_is_downloaded_again(publisher, tmp_path):
    """Damage raises many kinds of errors in zipfile and its decompressors."""
    whole = zip_bytes({"model/vocab.txt": TEXT}, zipfile.ZIP_DEFLATED)
    random = np.random.default_rng(3)
    refused = 0
    for number in range(40):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            damaged[place] ^= 1 << random.integers(8)
        address = publisher.publish("m.zip", bytes(damaged))
        item, cache = item_of(source_of(address, name="m.zip")), tmp_path / str(number)
        try:
            fetch(item, cache, QUICK)
        except DamagedError:
            refused += 1
            publisher.publish("m.zip", whole)
            fetch(item, cache, QUICK)
            assert (cache / "data" / "vocab.txt").read_bytes() == TEXT
    assert refused > 20


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"one column\n"])
def test_damaged_mrpc_files_are_downloaded_again(publisher, tmp_path, damage):
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    bodies = {
        TRAIN: f"{header}1\t7\t8\ta\tb\n0\t9\t10\tc\td\n".encode(),
        TEST: f"{header}1\t1\t2\te\tf\n".encode(),
        DEV_IDS: b"9\t10\n",
    }

    def item(bodies):
        sources = [source_of(publisher.publish(name, body), name=name) for name, body in bodies.items()]
        return item_of(*sources, split_mrpc=True)

    for name in (TRAIN, TEST):
        with pytest.raises(DamagedError, match=name):
            fetch(item({**bodies, name: damage}), tmp_path / name, QUICK)
        folder = fetch(item(bodies), tmp_path / name, QUICK)
        assert (folder / "dev.tsv").read_text() == f"{header}0\t9\t10\tc\td\n"


def test_archive_with_outside_path_is_not_installed(publisher, tmp_path):
    body = zip_bytes({"model/vocab.txt": TEXT, "../../escaped": b"1"})
    item = item_of(source_of(publisher.publish("m.zip", body), body, name="m.zip"))
    with pytest.raises(DamagedError, match="is outside the folder"):
        fetch(item, tmp_path, QUICK)
    assert not (tmp_path / "data").exists()
    assert not list(tmp_path.rglob("escaped"))


def test_archives_and_files_of_one_item_are_installed_in_one_folder(publisher, tmp_path):
    one, two = zip_bytes({"XNLI-1.0/xnli.dev.tsv": b"1"}), zip_bytes({"XNLI-MT-1.0/multinli/x.tsv": b"2"})
    item = item_of(
        source_of(publisher.publish("1.zip", one), one, name="1.zip"),
        source_of(publisher.publish("2.zip", two), two, name="2.zip"),
        source_of(publisher.publish("f", TEXT), TEXT),
    )
    folder = fetch(item, tmp_path, QUICK)
    assert (folder / "xnli.dev.tsv").read_bytes() == b"1"
    assert (folder / "multinli" / "x.tsv").read_bytes() == b"2"
    assert (folder / "f").read_bytes() == TEXT
    assert not list(folder.glob("*.zip"))


def test_mrpc_is_split_into_glue_files(tmp_path):
    header = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    rows = ['1\t10\t11\tHe said " yes .\tYes .\n', "0\t20\t21\tA é\tB\n", "1\t30\t31\tC\tD\n"]
    (tmp_path / TRAIN).write_text(header + "".join(rows), encoding="utf-8")
    (tmp_path / TEST).write_text(header + "1\t40\t41\tE\tF\n0\t50\t51\tG\tH\n", encoding="utf-8")
    (tmp_path / DEV_IDS).write_text("20\t21\n10\t31\n", encoding="utf-8")
    split_mrpc(tmp_path)
    assert (tmp_path / "train.tsv").read_text(encoding="utf-8") == header + rows[0] + rows[2]
    assert (tmp_path / "dev.tsv").read_text(encoding="utf-8") == header + rows[1]
    assert (tmp_path / "test.tsv").read_text(encoding="utf-8") == (
        "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t40\t41\tE\tF\n1\t50\t51\tG\tH\n"
    )


def test_mrpc_row_with_missing_columns_is_rejected(tmp_path):
    (tmp_path / DEV_IDS).write_text("20\t21\n")
    (tmp_path / TRAIN).write_text("a\tb\tc\td\te\n1\t2\t3\n")
    with pytest.raises(InputError, match=r"train\.txt: line 2: 3 columns, not 5"):
        split_mrpc(tmp_path)
