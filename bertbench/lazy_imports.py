"""Postpones the import of packages until they are used, so that a wrong argument is reported at once.

`importlib.util.LazyLoader` does not help: with it, the second `import name` already reads the module's
`__spec__`, which loads it.
"""

import importlib.util
import sys
import types
from typing import Any

PACKAGES = ("cpuinfo", "jinja2", "numpy", "psutil", "scipy", "tokenizers")


def postpone_imports() -> None:
    """Make `import name` of each of the `PACKAGES` take no time until an attribute of it is read.

    Modules whose annotations name a package need `from __future__ import annotations`; otherwise their
    definitions read it. A package that is imported already, or is not installed, stays as it is.
    """
    for name in PACKAGES:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if spec is not None:
            module = importlib.util.module_from_spec(spec)
            vars(module).pop("__path__", None)  # so that importing a submodule loads the package first
            module.__class__ = _Postponed
            sys.modules[name] = module


class _Postponed(types.ModuleType):
    """A package that loads itself when an attribute is read that it does not have yet."""

    def __getattr__(self, attribute: str) -> Any:
        spec: Any = self.__spec__
        self.__class__ = types.ModuleType  # type: ignore[assignment]
        self.__path__ = spec.submodule_search_locations
        try:
            spec.loader.exec_module(self)
        except BaseException:
            sys.modules.pop(self.__name__, None)
            raise
        return getattr(self, attribute)
