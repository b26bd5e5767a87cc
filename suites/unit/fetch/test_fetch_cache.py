"""The whole cache: verified, resumed and never damaged; and the output of the command."""

import hashlib
import io
import json
import re
import zipfile
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner

from bertbench.commands.fetch import command
from bertbench.errors import InputError
from bertbench.fetch import cache as cache_module
from bertbench.fetch import catalog
from bertbench.fetch.cache import CHECKSUMS, RECORD, fetch
from bertbench.fetch.catalog import ITEMS, find_item
from bertbench.fetch.download import Retries
from bertbench.fetch.item import Item, Source
from bertbench.fetch.mrpc import DEV_IDS, TEST, TRAIN, split_mrpc
from bertbench.fetch.unpack import DamagedError
from suites.unit.fetch.publisher import run_publisher

pytestmark = pytest.mark.unit

QUICK = Retries(count=2, backoff_seconds=0.001)
TEXT = b"some text\n" * 50_000


@pytest.fixture
def publisher():
    with run_publisher() as running:
        yield running


def item_of(*sources, folder="data", split_mrpc=False):
    return Item("item", folder, sources, "SQUAD_DIR", folder, 500_000, "CC0", split_mrpc)


def source_of(address, body=None, name="f", mirrors=()):
    known = (len(body), hashlib.sha256(body).hexdigest()) if body is not None else (None, None)
    return Source((address, *mirrors), name, *known)


def zip_bytes(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return stream.getvalue()


def test_verified_file_is_installed_without_leftovers(publisher, tmp_path):
    item = item_of(source_of(publisher.publish("f", TEXT), TEXT))
    assert fetch(item, tmp_path, QUICK) == tmp_path / "data"
    assert (tmp_path / "data" / "f").read_bytes() == TEXT
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [RECORD, "f"]
    assert [path.name for path in (tmp_path / ".downloads").iterdir()] == ["lock"]


def test_existing_file_is_verified_and_not_downloaded_again(publisher, tmp_path, capsys):
    item = item_of(source_of(publisher.publish("f", TEXT), TEXT))
    fetch(item, tmp_path, QUICK)
    fetch(item, tmp_path, QUICK)
    assert len(publisher.requests) == 1
    assert "verified" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [TEXT[:-1], b"S" + TEXT[1:], None])
def test_damaged_or_missing_file_is_downloaded_again(publisher, tmp_path, damage):
    item = item_of(source_of(publisher.publish("f", TEXT), TEXT))
    fetch(item, tmp_path, QUICK)
    (tmp_path / "data" / "mine").write_text("left alone")
    (tmp_path / "data" / "f").unlink()
    if damage is not None:
        (tmp_path / "data" / "f").write_bytes(damage)
    fetch(item, tmp_path, QUICK)
    assert (tmp_path / "data" / "f").read_bytes() == TEXT
    assert (tmp_path / "data" / "mine").read_text() == "left alone"


def test_file_with_wrong_checksum_is_not_installed(publisher, tmp_path):
    wrong = b"S" + TEXT[1:]
    item = item_of(source_of(publisher.publish("f", wrong), TEXT))
    with pytest.raises(InputError, match=rf"sha256 is {hashlib.sha256(wrong).hexdigest()}, not "):
        fetch(item, tmp_path, QUICK)
    assert not (tmp_path / "data").exists()
    assert len(publisher.requests) == 2


def test_file_of_wrong_size_is_rejected(publisher, tmp_path):
    address = publisher.publish("f", TEXT, with_length=False)
    item = item_of(Source((address,), "f", len(TEXT) + 1, None))
    with pytest.raises(InputError, match=f"size is {len(TEXT)}, not {len(TEXT) + 1}"):
        fetch(item, tmp_path, QUICK)


def test_mirror_is_used_if_first_address_fails(publisher, tmp_path):
    mirror = publisher.publish("mirror", TEXT)
    item = item_of(source_of(f"{publisher.address}/gone", TEXT, mirrors=(mirror,)))
    fetch(item, tmp_path, QUICK)
    assert (tmp_path / "data" / "f").read_bytes() == TEXT
    assert [path for path, _, _ in publisher.requests] == ["/gone", "/mirror"]


def test_all_failing_addresses_are_reported(publisher, tmp_path):
    mirror = publisher.publish("mirror", TEXT[::-1])
    item = item_of(source_of(f"{publisher.address}/gone", TEXT, mirrors=(mirror,)))
    with pytest.raises(InputError, match=r"/gone: the server answered 404 .*/gone: sha256 is "):
        fetch(item, tmp_path, QUICK)
    assert [path for path, _, _ in publisher.requests] == ["/gone", "/mirror", "/mirror"]


def test_unpublished_checksum_is_recorded_and_required_afterwards(publisher, tmp_path, capsys):
    address = publisher.publish("f", TEXT)
    fetch(item_of(source_of(address)), tmp_path, QUICK)
    recorded = {"size": len(TEXT), "sha256": hashlib.sha256(TEXT).hexdigest()}
    assert json.loads((tmp_path / CHECKSUMS).read_text()) == {address: recorded}
    assert "has no published checksum; recorded sha256" in capsys.readouterr().err

    publisher.publish("f", TEXT[::-1])
    (tmp_path / "data" / "f").unlink()
    with pytest.raises(InputError, match=rf"delete its entry in {re.escape(str(tmp_path / CHECKSUMS))}"):
        fetch(item_of(source_of(address)), tmp_path, QUICK)

    publisher.publish("f", TEXT)
    fetch(item_of(source_of(address)), tmp_path, QUICK)
    assert (tmp_path / "data" / "f").read_bytes() == TEXT


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


STATES = [
    *(b"", b"{", b"\xff", b"null", b"[]", b'{"files": 7}'),
    *(b'{"files": {"f": 7}}', b'{"f": {"size": "1", "sha256": "0"}}'),
]


@pytest.mark.parametrize("state", STATES)
def test_damaged_record_is_rebuilt(publisher, tmp_path, state):
    item = item_of(source_of(publisher.publish("f", TEXT), TEXT))
    fetch(item, tmp_path, QUICK)
    (tmp_path / "data" / RECORD).write_bytes(state)
    fetch(item, tmp_path, QUICK)
    assert json.loads((tmp_path / "data" / RECORD).read_text())["files"]["f"]["size"] == len(TEXT)


@pytest.mark.parametrize("state", STATES)
def test_damaged_checksums_file_is_rejected(publisher, tmp_path, state):
    """They cannot be rebuilt: later downloads are compared with them."""
    (tmp_path / CHECKSUMS).write_bytes(state)
    with pytest.raises(InputError, match=CHECKSUMS):
        fetch(item_of(source_of(publisher.publish("f", TEXT))), tmp_path, QUICK)


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


def test_interrupted_fetch_continues_without_new_download(publisher, tmp_path, monkeypatch):
    item = item_of(source_of(publisher.publish("f", TEXT), TEXT))

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "_install", stop)
        with pytest.raises(KeyboardInterrupt):
            fetch(item, tmp_path, QUICK)
    fetch(item, tmp_path, QUICK)
    assert (tmp_path / "data" / "f").read_bytes() == TEXT
    assert len(publisher.requests) == 1


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


def test_catalog_contains_only_official_https_addresses():
    official = {
        "rajpurkar.github.io",
        "worksheets.codalab.org",
        "raw.githubusercontent.com",
        "dl.fbaipublicfiles.com",
        "storage.googleapis.com",
    }
    for item in ITEMS.values():
        for source in item.sources:
            for address in source.addresses:
                assert urlsplit(address).scheme == "https"
                assert urlsplit(address).hostname in official
            assert source.sha256 is None or re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert item.variable_folder in (item.folder, "glue")
    assert len({(item.folder) for item in ITEMS.values()}) == len(ITEMS)


def test_item_names_ignore_case_and_nearest_name_is_suggested():
    assert find_item("glue/mrpc").name == "glue/MRPC"
    with pytest.raises(InputError, match="did you mean bert-base-uncased"):
        find_item("bert-base-uncase")


def test_fetch_command_prints_export_line(publisher, tmp_path, monkeypatch):
    item = item_of(source_of(publisher.publish("f", TEXT), TEXT), folder="SQuAD")
    monkeypatch.setitem(catalog.ITEMS, "item", item)
    place = tmp_path / "a place"
    result = CliRunner().invoke(command, ["ITEM"], env={"BERTBENCH_CACHE": str(place)})
    assert result.exit_code == 0
    assert result.stdout == f"export SQUAD_DIR='{place}/SQuAD'\n"
    assert "CC0" in result.stderr
    result = CliRunner().invoke(command, ["item", "--to", str(tmp_path)], env={"BERTBENCH_CACHE": "/nowhere"})
    assert result.stdout == f"export SQUAD_DIR={tmp_path}/SQuAD\n"


def test_fetch_list_shows_name_size_and_license_of_every_item():
    result = CliRunner().invoke(command, ["--list"])
    for item in ITEMS.values():
        line = next(line for line in result.stdout.splitlines() if f" {item.name} " in line)
        assert item.license in line
        assert re.search(r"\d+\.\d\d [MG]B", line)
