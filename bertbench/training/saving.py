"""A training run on disk: checkpoints, the settings of the run, and the step at which to resume.

The output folder is a model folder (`bert_config.json`, `vocab.txt`, `tokenizer_config.json`,
`model.ckpt-N`). Checkpoints are in Google's format and include the optimizer's moments of each variable, as
in the original.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from bertbench.checkpoint.loading import save_weights
from bertbench.checkpoint.readers import open_checkpoint
from bertbench.checkpoint.source import ModelSource
from bertbench.console import notice
from bertbench.data.tokenizer_files import write_tokenizer
from bertbench.errors import InputError
from bertbench.files import write_json, write_text
from bertbench.parsing import read_state

SETTINGS_FILE = "training.json"
_CHECKPOINT_FILE = re.compile(r"model\.ckpt-(\d+)\.(?:index|data-\d{5}-of-\d{5})")


class TrainingFolder:
    """The output folder of one training run."""

    def __init__(self, path: Path | str, *, keep_checkpoints: int) -> None:
        if keep_checkpoints < 1:
            raise InputError(f"keep_checkpoints is {keep_checkpoints}; keep at least 1.")
        self.path = Path(path)
        self._keep = keep_checkpoints

    def require_same(self, settings: Mapping[str, Any]) -> None:
        """Check that a run to be resumed has these settings; nothing is written.

        Raises:
          InputError: the folder contains a run with other settings; the message names them.
        """
        written = self.path / SETTINGS_FILE
        if self.latest_step() is None or not written.exists():
            return
        former = read_state(dict[str, Any], written, "choose another --output-dir")
        different = sorted(name for name in {*former, *settings} if former.get(name) != settings.get(name))
        if different:
            changes = ", ".join(f"{n} ({former.get(n)} -> {settings.get(n)})" for n in different)
            raise InputError(
                f"{self.path}: contains a run with other settings: {changes}; "
                "use its settings to resume it, or choose another --output-dir."
            )

    def begin(self, settings: Mapping[str, Any], source: ModelSource) -> None:
        """Create the folder if necessary, and write the settings of the run.

        Raises:
          InputError: the folder cannot be written.
        """
        write_json(self.path / SETTINGS_FILE, dict(settings))
        write_text(self.path / "bert_config.json", source.config.to_json())
        files = source.tokenizer_files
        if files is not None and files.vocab_file.parent.resolve() != self.path.resolve():
            write_tokenizer(files.tokenizer, self.path)

    def latest_step(self) -> int | None:
        """The step of the newest checkpoint, or None."""
        return max(self._steps(), default=None)

    def prefix(self, step: int) -> Path:
        """The checkpoint prefix of a step."""
        return self.path / f"model.ckpt-{step}"

    def save(self, variables: Mapping[str, tf.Variable], step: int) -> Path:
        """Save all variables as the checkpoint of `step`, then delete the oldest beyond `keep_checkpoints`.

        Raises:
          InputError: the checkpoint cannot be written; earlier ones are kept.
        """
        prefix = self.prefix(step)
        save_weights(variables, prefix, global_step=step)
        write_text(self.path / "checkpoint", f'model_checkpoint_path: "{prefix.name}"\n')
        self._tidy()
        return prefix

    def restore(self, variables: Mapping[str, tf.Variable], step: int) -> None:
        """Load every variable from the checkpoint of `step`.

        Raises:
          InputError: the checkpoint lacks a variable or is damaged.
        """
        prefix = self.prefix(step)
        source = open_checkpoint(prefix)
        tensors = {tensor.name: tensor for tensor in source.list_tensors()}
        missing = sorted(set(variables) - set(tensors))
        if missing:
            raise InputError(
                f"{prefix}: cannot be resumed, it lacks {', '.join(missing)}; choose another --output-dir."
            )
        for name, variable in variables.items():
            variable.assign(source.read([tensors[name]])[0])
        notice(f"resuming from {prefix}")

    def _tidy(self) -> None:
        """Delete the oldest checkpoints beyond `keep_checkpoints`."""
        kept = sorted(self._steps())[-self._keep :]
        # The index first: without it the rest is not a checkpoint, if this is interrupted.
        for file in sorted(self.path.glob("model.ckpt-*"), reverse=True):
            match = _CHECKPOINT_FILE.fullmatch(file.name)
            if match and int(match[1]) not in kept:
                file.unlink()

    def _steps(self) -> list[int]:
        names = (file.name for file in self.path.glob("model.ckpt-*.index"))
        return [int(match[1]) for match in map(_CHECKPOINT_FILE.fullmatch, names) if match]
