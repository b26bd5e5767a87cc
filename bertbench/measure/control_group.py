"""CPU time limits of this process in Linux's control groups (kernel documentation: cgroup-v2, sched-bwc)."""

from collections.abc import Iterator
from pathlib import Path

NANOSECONDS, MICROSECONDS = 1e-9, 1e-6


def read_quota(root: Path = Path("/")) -> float | None:
    """The lowest limit of CPU time, in cores; None if there is none."""
    limits = [
        _quota(folder, "cpu.max") if version == 2 else _quota(folder, "cpu.cfs_quota_us", "cpu.cfs_period_us")
        for version, folder in _folders(root)
    ]
    return min((limit for limit in limits if limit is not None), default=None)


def read_throttled_seconds(root: Path = Path("/")) -> float:
    """The seconds for which the groups' tasks have been throttled; of nested groups the most."""
    seconds = [0.0]
    for _, folder in _folders(root):
        words = read_text(folder / "cpu.stat").split()
        values = dict(zip(words[::2], words[1::2], strict=False))
        seconds.append(int(values.get("throttled_usec", 0)) * MICROSECONDS)
        seconds.append(int(values.get("throttled_time", 0)) * NANOSECONDS)
    return max(seconds)


def read_text(path: Path) -> str:
    """The text of a kernel file, or an empty text."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _folders(root: Path) -> Iterator[tuple[int, Path]]:
    """The version and folder of this process's control groups for CPU time, and of their parents."""
    mount = root / "sys/fs/cgroup"
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            yield from ((2, folder) for folder in _ancestors(mount, group))
        elif "cpu" in controllers.split(","):
            yield from ((1, folder) for folder in _ancestors(mount / "cpu", group))


def _ancestors(mount: Path, group: str) -> Iterator[Path]:
    """The group's folder and its parents; inside a container only the mount may exist."""
    folder = mount / group.strip("/")
    yield folder
    yield from (parent for parent in folder.parents if parent.is_relative_to(mount))


def _quota(folder: Path, *names: str) -> float | None:
    """Quota / period of one group, from one file or two; None if there is no limit."""
    match " ".join(read_text(folder / name) for name in names).split():
        case [quota, period] if quota.isdecimal() and period.isdecimal():
            return int(quota) / int(period)
    return None
