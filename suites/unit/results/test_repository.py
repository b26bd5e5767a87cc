"""Git's output is text in any encoding, and paths are literal."""

import os

import pytest

from bertbench.results.repository import committer, find_root, list_changes, read_subject, resolve_commit
from suites.unit.git_repository import commit, git

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "folder", ["b[1]", "a*", "d?r", "[red]x[/red]", "\\x", ":100:", "ö", os.fsdecode(b"\xff")]
)
def test_changes_next_to_the_baselines_are_excluded_by_the_literal_path(repository, folder):
    baselines = repository / folder
    baselines.mkdir(parents=True)
    (baselines / "accuracy.json").write_text("{}")
    assert list_changes(repository, [baselines]) == []
    (repository / "b1").mkdir()
    (repository / "b1" / "changed").touch()
    (repository / ".gitignore").write_text("/results/\n/new/\n")
    assert list_changes(repository, [baselines]) == [".gitignore", "b1/"]
    assert list_changes(repository, [baselines, repository / "b1", repository.parent]) == [".gitignore"]


@pytest.mark.parametrize("name", [b"repository caf\xe9", "répertoire".encode(), b"[r]"])
def test_repository_root_with_special_name_is_found(repository, name):
    place = repository.with_name(os.fsdecode(name))
    repository.rename(place)
    assert find_root(place) == place


def test_git_names_and_subjects_in_any_encoding_are_read(repository):
    git(repository, "config", "user.name", os.fsdecode(b"Zo\xeb"))
    (repository / "file").touch()
    commit(repository, "café 灯")
    assert committer(repository) == os.fsdecode(b"Zo\xeb")
    assert read_subject(repository, resolve_commit(repository, "HEAD")) == "café 灯"
