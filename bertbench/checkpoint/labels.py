"""The outputs of a classifier in a configuration file: `id2label`, `label2id` and their number.

The keys are those of Hugging Face's `config.json`
(https://huggingface.co/docs/transformers/main_classes/configuration). If none of them is
written, transformers assumes two outputs with the names LABEL_0 and LABEL_1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError

LABEL_KEYS = frozenset({"_num_labels", "id2label", "label2id", "num_labels", "problem_type"})
NUMBERED_NAME = re.compile(r"(?:LABEL_)?(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class OutputLabels:
    """The names of a classifier's outputs, read only for a classifier.

    Attributes:
      file: the configuration file.
      values: the whole contents of the file.
      has_default_names: whether a file without names means LABEL_0, LABEL_1 and so on.
    """

    file: Path
    values: Mapping[str, Any]
    has_default_names: bool

    @property
    def problem_type(self) -> str | None:
        """Hugging Face's name for the kind of task, if the file has one."""
        return self.values.get("problem_type")

    @property
    def architectures(self) -> tuple[str, ...]:
        """The names of the model's classes in transformers, if the file has any."""
        stated = self.values.get("architectures")
        return tuple(map(str, stated)) if isinstance(stated, list) else ()

    @property
    def are_default(self) -> bool:
        """Whether the file has neither names nor a number of outputs."""
        return self._count() is None and not self._has_names

    @property
    def _has_names(self) -> bool:
        return any(self.values.get(key) for key in ("id2label", "label2id"))

    def names(self) -> tuple[str, ...] | None:
        """The name of each output, in order; None if the file has none.

        Raises:
          InputError: names are not text or not distinct, ids are not 0, 1, 2 and so on, or two keys
            contradict each other; the message names file and key.
        """
        names = self._agreed(self._read_id2label(), self._read_label2id())
        count = self._count()
        if names and count is not None and count != len(names):
            raise self._error(f"num_labels is {count}, but there are {len(names)} names: {', '.join(names)}")
        if names is None and (self.has_default_names or count is not None):
            return _default_names(count or 2)
        return names

    def _agreed(
        self, by_id: tuple[str, ...] | None, by_label: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        """The names of the two keys; the default names of transformers have lower priority."""
        if by_id is None or by_label is None:
            return by_id or by_label
        default = _default_names(len(by_id))
        if by_label in (by_id, default):
            return by_id
        if by_id == default:
            return by_label
        raise self._error(
            f"id2label ({', '.join(by_id)}) and label2id ({', '.join(by_label)}) contradict each other"
        )

    def _read_id2label(self) -> tuple[str, ...] | None:
        pairs = self._object("id2label")
        return self._order([(index, name) for index, name in pairs.items()], "id2label") if pairs else None

    def _read_label2id(self) -> tuple[str, ...] | None:
        pairs = self._object("label2id")
        return self._order([(index, name) for name, index in pairs.items()], "label2id") if pairs else None

    def _object(self, key: str) -> dict[str, Any]:
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            raise self._error(f"{key} must be an object of ids and names")
        return value or {}

    def _order(self, pairs: list[tuple[Any, Any]], key: str) -> tuple[str, ...]:
        names: dict[int, str] = {}
        for index, name in pairs:
            if isinstance(name, bool) or not isinstance(name, (str, int)):
                raise self._error(f"{key} contains the name {name!r}, which is not a text")
            if isinstance(index, bool) or not re.fullmatch(r"\d{1,9}", str(index)):
                raise self._error(
                    f"{key} contains the id {index!r}, which is not a whole number of at least 0"
                )
            names[int(index)] = str(name)
        if sorted(names) != list(range(len(pairs))):
            ids = ", ".join(str(index) for index, _ in pairs)
            raise self._error(f"{key} contains the ids {ids}; they must be 0 to {len(pairs) - 1}, each once")
        if len(set(names.values())) != len(names):
            raise self._error(f"{key} gives one name to several ids")
        return tuple(names[index] for index in range(len(names)))

    def _count(self) -> int | None:
        # transformers stopped to maintain `_num_labels`, but keeps the one that it finds beside new names.
        keys = ("num_labels",) if self._has_names else ("num_labels", "_num_labels")
        stated = {key: self.values[key] for key in keys if self.values.get(key)}
        for key, value in stated.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise self._error(f"{key} is {value!r}; it must be a positive whole number")
        return next(iter(stated.values()), None)

    def _error(self, trouble: str) -> InputError:
        return InputError(f"{self.file}: {trouble}; correct the file.")


def _default_names(count: int) -> tuple[str, ...]:
    return tuple(f"LABEL_{index}" for index in range(count))
