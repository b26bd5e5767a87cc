"""bertbench: is BERT in this precision, on this machine, in this version, still accurate and still fast?

The names below are the Python interface, `bertbench.api`. They are imported when first used, so that
importing `bertbench` costs nothing.
"""

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is; typing itself takes milliseconds to import
if TYPE_CHECKING:
    from bertbench.api import (
        Answer,
        BertbenchError,
        CannotJudge,
        Comparison,
        InputError,
        Model,
        Predictions,
        ThroughputCase,
        Verdict,
        benchmark,
        compare,
        judge,
        load,
    )

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "BertbenchError",
    "CannotJudge",
    "Comparison",
    "InputError",
    "Model",
    "Predictions",
    "ThroughputCase",
    "Verdict",
    "__version__",
    "benchmark",
    "compare",
    "judge",
    "load",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bertbench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted(__all__)
