"""The instruction set of TensorFlow's matrix products, determined without starting TensorFlow.

On x86 they run in oneDNN's operators if TensorFlow uses these, otherwise in TensorFlow's own operators, which
call oneDNN only for float32 blocks. oneDNN uses the highest instruction set that the CPU has and that the
environment variable ONEDNN_MAX_CPU_ISA, formerly DNNL_MAX_CPU_ISA, allows (oneDNN: "CPU Dispatcher Control");
with ONEDNN_VERBOSE=1 it prints which.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from bertbench.precision import BF16, FP32, Precision

LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # the first one that is set is used
ALLOW_BF16 = f"unset {' and '.join(LIMITS)}, or set TF_ENABLE_ONEDNN_OPTS=0 (slow)"

# oneDNN's names, lowest first, with the flags of /proc/cpuinfo that each needs (oneDNN, cpu_isa_traits.hpp).
_AVX512 = frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"})
_AVX512_VNNI = _AVX512 | {"avx512_vnni"}
_AVX512_BF16 = _AVX512_VNNI | {"avx512_bf16"}
_AVX512_FP16 = _AVX512_BF16 | {"avx512_fp16", "avx_vnni"}
_AMX = _AVX512_FP16 | {"amx_tile", "amx_int8", "amx_bf16"}
_NEEDED_FLAGS: dict[str, Set[str]] = {
    "sse41": {"sse4_1"},
    "avx": {"avx"},
    "avx2": {"avx2"},
    "avx2_vnni": {"avx2", "avx_vnni"},
    "avx2_vnni_2": {"avx2", "avx_vnni", "avx_vnni_int8", "avx_ne_convert"},
    "avx512_core": _AVX512,
    "avx512_core_vnni": _AVX512_VNNI,
    "avx512_core_bf16": _AVX512_BF16,
    "avx512_core_fp16": _AVX512_FP16,
    "avx512_core_amx": _AMX,
    "avx512_core_amx_fp16": _AMX | {"amx_fp16"},
}
ISAS = tuple(_NEEDED_FLAGS)
_ALIASES = {
    "avx10_1_512": "avx512_core_fp16",
    "avx10_1_512_amx": "avx512_core_amx",
    "avx10_1_512_amx_fp16": "avx512_core_amx_fp16",
}
# By default TensorFlow uses oneDNN's operators on CPUs with one of these (DefaultOneDnnPolicy).
_ON_BY_DEFAULT = frozenset({"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
# CPUs whose bfloat16 products TensorFlow leaves to oneDNN, and the instruction sets in which it has them.
_BF16_BY_ONEDNN = frozenset({"avx512f", "avx_ne_convert"})
_WITH_BF16 = frozenset(name for name in _NEEDED_FLAGS if name.startswith("avx512")) | {"avx2_vnni_2"}
_ARM_BF16 = "bf16"  # the flag's name on Arm


@dataclass(frozen=True)
class ProductKernels:
    """What computes TensorFlow's matrix products.

    Attributes:
      isa: the instruction set, oneDNN's name in lower case; "" if it is not one of x86.
      onednn: whether oneDNN's operators compute them, instead of TensorFlow's own.
      bf16_is_native: whether bfloat16 products use bfloat16 instructions; otherwise they are emulated.
      bf16_is_possible: whether there are bfloat16 products. TensorFlow leaves them to oneDNN depending on
        what the CPU has (tensorflow/core/util/util.cc, IsDataTypeSupportedByOneDNNOnThisCPU), even if oneDNN
        is not allowed the instruction sets for them; TensorFlow then raises an error or ends the process.
    """

    isa: str = ""
    onednn: bool = False
    bf16_is_native: bool = False
    bf16_is_possible: bool = True

    @classmethod
    def of(cls, flags: Set[str], environment: Mapping[str, str]) -> "ProductKernels":
        """For a CPU with these flags of /proc/cpuinfo and these environment variables."""
        isa, onednn = _onednn_isa(flags, environment), _onednn_is_on(flags, environment)
        on_x86 = onednn and _AVX512_BF16.issubset(_NEEDED_FLAGS.get(isa, ()))
        left_to_onednn = onednn and bool(_BF16_BY_ONEDNN.intersection(flags))
        return cls(isa, onednn, on_x86 or _ARM_BF16 in flags, not left_to_onednn or isa in _WITH_BF16)

    @property
    def amx(self) -> bool:
        """Whether bfloat16 and int8 products run in AMX's tiles."""
        return self.onednn and "amx" in self.isa

    @property
    def around_int8(self) -> Precision:
        """The precision of everything between int8 products: bfloat16 where that is native, else float32."""
        return BF16 if self.bf16_is_native else FP32

    def __str__(self) -> str:
        return f"oneDNN {self.isa}".rstrip() if self.onednn else f"TensorFlow's own {self.isa}".rstrip()


def isa_named(word: str) -> str:
    """The name of an instruction set in `ISAS` ("amx" is an alias), or the word itself if it is unknown."""
    word = word.strip().lower()
    return (_ALIASES | {"amx": "avx512_core_amx"}).get(word, word)


def _onednn_is_on(flags: Set[str], environment: Mapping[str, str]) -> bool:
    asked = environment.get("TF_ENABLE_ONEDNN_OPTS", "").lower()
    if asked in ("0", "false", "1", "true"):
        return asked in ("1", "true")
    return bool(_ON_BY_DEFAULT.intersection(flags))


def _onednn_isa(flags: Set[str], environment: Mapping[str, str]) -> str:
    allowed = next((environment[name].lower() for name in LIMITS if environment.get(name)), "")
    allowed = _ALIASES.get(allowed, allowed)
    names = list(_NEEDED_FLAGS)
    if allowed in _NEEDED_FLAGS:
        names = names[: names.index(allowed) + 1]
    return next((name for name in reversed(names) if _NEEDED_FLAGS[name] <= flags), "")
