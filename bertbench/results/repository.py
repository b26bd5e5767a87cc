"""Queries to git for the gate and the baselines."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from bertbench.errors import InputError

ABBREVIATION = 12


def find_root(inside: Path) -> Path:
    """The top folder of the work tree that contains `inside`.

    Raises:
      InputError: git is missing or `inside` is not a work tree.
    """
    done = _run(inside, "rev-parse", "--show-toplevel")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["git failed"])[0].removeprefix("fatal: ")
        raise InputError(
            f"{inside}: is not in the work tree of a git repository ({reason}); results are stored with "
            "their commit: run `git init` and commit, or change to the repository."
        )
    shown = done.stdout.rstrip("\n")
    return Path(os.fsdecode(shown.encode(errors="surrogateescape")))  # in any locale


def resolve_commit(root: Path, revision: str) -> str:
    """The abbreviated commit of a revision, at least 12 digits.

    Raises:
      InputError: the revision does not exist.
    """
    name = f"{revision}^{{commit}}"
    done = _run(root, "rev-parse", f"--short={ABBREVIATION}", "--verify", "--quiet", name)
    if done.returncode:
        raise InputError(
            f"{revision}: is neither a results folder, a pytest-benchmark file nor a git revision; "
            "check its name."
        )
    return done.stdout.strip()


def has_commit(root: Path) -> bool:
    """Whether the current branch has a commit."""
    return _run(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode == 0


def list_ancestors(root: Path, commit: str) -> list[str]:
    """The full ids of a commit and its ancestors, nearest first."""
    return run_git(root, "rev-list", "--topo-order", commit).splitlines()


def read_subject(root: Path, commit: str) -> str | None:
    """The first line of a commit's message, or None if the repository does not contain it."""
    done = _run(root, "show", "--no-patch", "--format=%s", commit)
    return done.stdout.strip() if done.returncode == 0 else None


def list_changes(root: Path, apart_from: Iterable[Path]) -> list[str]:
    """The changed and untracked files of the work tree outside the folders `apart_from`.

    An untracked folder is listed by its name alone, which then ends with a slash.
    """
    folders = [folder.resolve() for folder in apart_from]
    inside = [folder.relative_to(root).as_posix() for folder in folders if root in folder.parents]
    excluded = [f":(exclude,top,literal){folder}" for folder in inside]
    changes = run_git(root, "status", "--porcelain", "--", ".", *excluded)
    return [line[len("XY ") :] for line in changes.splitlines()]


def committer(root: Path) -> str:
    """The user, as git's user.name says."""
    try:
        return run_git(root, "config", "user.name")
    except InputError:
        return "unknown"


def run_git(root: Path, *arguments: str) -> str:
    """Run git in `root` and return its output without the last newline.

    Raises:
      InputError: git is missing or fails; the message is that of git.
    """
    done = _run(root, *arguments)
    if done.returncode:
        message = done.stderr.strip() or f"exit status {done.returncode}"
        raise InputError(f"git {' '.join(arguments)}: {message}")
    return done.stdout.rstrip("\n")


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        raise InputError("git is not installed; install it to name revisions.") from None
