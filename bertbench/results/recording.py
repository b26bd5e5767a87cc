"""Who records a baseline, when, and from which commit."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import InputError
from bertbench.results.provenance import now
from bertbench.results.repository import committer, find_root, has_commit, list_changes, resolve_commit


@dataclass(frozen=True)
class Recording:
    """Who recorded a baseline, when (ISO 8601, UTC), and at which commit; `dirty`: with changes."""

    who: str
    when: str
    commit: str
    dirty: bool

    @property
    def since(self) -> str:
        """The date and the commit as text."""
        return f"{self.when[:10]} (commit {self.commit})"


def describe_recording(baselines: Path, *, allow_dirty: bool, outputs: Collection[Path] = ()) -> Recording:
    """A recording with the current user, time and commit, for the folder `baselines`.

    Args:
      outputs: as in `require_clean_tree`.

    Raises:
      InputError: as `require_clean_tree`.
    """
    dirty = require_clean_tree(baselines, allow_dirty=allow_dirty, outputs=outputs)
    root = find_root(baselines)
    return Recording(
        who=committer(root),
        when=now(),
        commit=resolve_commit(root, "HEAD"),
        dirty=dirty,
    )


def require_clean_tree(baselines: Path, *, allow_dirty: bool, outputs: Collection[Path] = ()) -> bool:
    """Whether the work tree has changes apart from the folder `baselines`.

    Args:
      outputs: other folders whose files the same session writes.

    Raises:
      InputError: it has, and `allow_dirty` is false; or the folder is not in a work tree with a commit.
    """
    root = find_root(baselines)
    if not has_commit(root):
        raise InputError(f"{root}: has no commit yet; commit first, so that a baseline names its commit.")
    changes = list_changes(root, apart_from=(baselines, *outputs))
    if changes and not allow_dirty:
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise InputError(
            f"{root}: the work tree has uncommitted changes ({changes[0]}{more}), so a baseline would name "
            "the wrong commit; commit them, list them in .gitignore, or record with --allow-dirty."
        )
    return bool(changes)
