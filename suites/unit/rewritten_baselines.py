"""Recorded accuracy baselines, rewritten as if they had been recorded so, checksums included."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.results.accuracy_baselines import items_folder
from bertbench.results.seal import seal


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], object], *, sealed: bool = True) -> None:
    """Change the stored baselines, by default with their checksums."""
    values = json.loads(path.read_text())
    change(values["baselines"])
    if sealed:
        values["baselines"] = [seal(baseline) for baseline in values["baselines"]]
    path.write_text(json.dumps(values))


def claim_perfect_answers(path: Path) -> None:
    """Rewrite the baselines as if every answer had been right."""
    draft = items_folder(path) / "new.npz"

    def claim(baselines: list[dict[str, Any]]) -> None:
        for baseline in baselines:
            baseline["scores"]["f1"] = 100.0
            ids = np.arange(1, baseline["examples"] + 1).astype(str)
            np.savez(draft, ids=ids, f1=np.full(len(ids), 100.0))
            digest = hashlib.sha256(draft.read_bytes()).hexdigest()
            baseline["per_question_scores"] = f"{baseline['case']}-{digest[:12]}.npz"
            draft.rename(draft.with_name(baseline["per_question_scores"]))

    rewrite(path, claim)
