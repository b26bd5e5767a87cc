"""The whole cache: verified, resumed and never damaged; and the output of the command."""

import hashlib
import json
import re
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from bertbench.commands.fetch import command
from bertbench.errors import InputError
from bertbench.fetch import cache as cache_module
from bertbench.fetch import catalog
from bertbench.fetch.cache import CHECKSUMS, RECORD, fetch
from bertbench.fetch.catalog import ITEMS, find_item
from bertbench.fetch.item import Source
from suites.unit.fetch.items import QUICK, TEXT, item_of, source_of

pytestmark = pytest.mark.unit


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
