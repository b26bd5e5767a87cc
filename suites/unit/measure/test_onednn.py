"""The detected instruction set, compared with what oneDNN and TensorFlow report."""

import os
import subprocess
import sys

import pytest

from bertbench.measure.machine import read_machine
from bertbench.measure.onednn import ProductKernels

pytestmark = pytest.mark.unit

HASWELL = {"sse4_1", "avx", "avx2", "fma"}
ALDER_LAKE = HASWELL | {"avx_vnni"}
LUNAR_LAKE = ALDER_LAKE | {"avx_vnni_int8", "avx_ne_convert"}
SKYLAKE = HASWELL | {"avx512f", "avx512bw", "avx512vl", "avx512dq"}
CASCADE_LAKE = SKYLAKE | {"avx512_vnni"}
ZEN_4 = CASCADE_LAKE | {"avx512_bf16"}
SAPPHIRE_RAPIDS = ZEN_4 | {"avx_vnni", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"}
GRANITE_RAPIDS = SAPPHIRE_RAPIDS | {"amx_fp16"}

# What oneDNN 3.7 prints of itself with ONEDNN_VERBOSE=1 (cpu_isa_traits.cpp, get_isa_info).
_AVX512 = "Intel AVX-512 with"
_FP16 = f"{_AVX512} float16, Intel DL Boost and bfloat16 support"
SAID_BY_ONEDNN = {
    "Intel SSE4.1": "sse41",
    "Intel AVX": "avx",
    "Intel AVX2": "avx2",
    "Intel AVX2 with Intel DL Boost": "avx2_vnni",
    "Intel AVX2 with Intel DL Boost, float16 and bfloat16 support": "avx2_vnni_2",
    f"{_AVX512} AVX512BW, AVX512VL, and AVX512DQ extensions": "avx512_core",
    f"{_AVX512} Intel DL Boost": "avx512_core_vnni",
    f"{_AVX512} Intel DL Boost and bfloat16 support": "avx512_core_bf16",
    _FP16: "avx512_core_fp16",
    f"{_FP16} and Intel AMX with bfloat16 and 8-bit integer support": "avx512_core_amx",
    f"{_FP16} and Intel AMX with bfloat16, float16 and 8-bit integer support": "avx512_core_amx_fp16",
}
PROBE = """
import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port
tf.matmul(tf.ones((256, 256)), tf.ones((256, 256)))
print("on" if _pywrap_util_port.IsMklEnabled() else "off")
"""


@pytest.mark.parametrize(
    ("flags", "isa", "onednn", "native"),
    [
        (HASWELL, "avx2", False, False),
        (ALDER_LAKE, "avx2_vnni", True, False),
        (LUNAR_LAKE, "avx2_vnni_2", True, False),
        (SKYLAKE, "avx512_core", False, False),
        (CASCADE_LAKE, "avx512_core_vnni", True, False),
        (ZEN_4, "avx512_core_bf16", True, True),
        (SAPPHIRE_RAPIDS, "avx512_core_amx", True, True),
        (GRANITE_RAPIDS, "avx512_core_amx_fp16", True, True),
        (SAPPHIRE_RAPIDS - {"amx_tile"}, "avx512_core_fp16", True, True),
        ({"asimd", "bf16"}, "", False, True),
    ],
)
def test_cpu_flags_give_expected_instruction_set(flags, isa, onednn, native):
    assert ProductKernels.of(flags, {}) == ProductKernels(isa, onednn, native)


@pytest.mark.parametrize(
    ("allowed", "isa", "native"),
    [
        ("AVX2", "avx2", False),
        ("avx512_core", "avx512_core", False),
        ("AVX512_CORE_VNNI", "avx512_core_vnni", False),
        ("AVX512_CORE_BF16", "avx512_core_bf16", True),
        ("AVX10_1_512", "avx512_core_fp16", True),
        ("AVX10_1_512_AMX", "avx512_core_amx", True),
        ("ALL", "avx512_core_amx", True),
        ("DEFAULT", "avx512_core_amx", True),
        ("nonsense", "avx512_core_amx", True),
    ],
)
def test_environment_variable_limits_the_instruction_set(allowed, isa, native):
    kernels = ProductKernels.of(SAPPHIRE_RAPIDS, {"ONEDNN_MAX_CPU_ISA": allowed})
    assert (kernels.isa, kernels.bf16_is_native) == (isa, native)


@pytest.mark.parametrize(
    ("flags", "allowed", "possible"),
    [
        (ZEN_4, "", True),
        (ZEN_4, "ALL", True),
        (ZEN_4, "AVX512_CORE_BF16", True),
        (ZEN_4, "AVX512_CORE", True),
        (ZEN_4, "AVX2", False),
        (ZEN_4, "avx2_vnni", False),
        (ZEN_4, "AVX2_VNNI_2", False),
        (ZEN_4, "AVX", False),
        (ZEN_4, "SSE41", False),
        (SAPPHIRE_RAPIDS, "AVX2", False),
        (CASCADE_LAKE, "AVX2", False),
        (LUNAR_LAKE, "", True),
        (LUNAR_LAKE, "AVX2_VNNI_2", True),
        (LUNAR_LAKE, "AVX2_VNNI", False),
        (HASWELL, "AVX2", True),
        (HASWELL, "SSE41", True),
        (HASWELL, "", True),
        (SKYLAKE - {"avx512bw"}, "", False),
        ({"asimd", "bf16"}, "", True),
    ],
)
def test_bf16_is_impossible_if_onednn_may_not_use_its_instructions(flags, allowed, possible):
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        kernels = ProductKernels.of(flags, {name: allowed, "TF_ENABLE_ONEDNN_OPTS": "1"})
        assert kernels.bf16_is_possible == possible
    assert ProductKernels.of(flags, {name: allowed, "TF_ENABLE_ONEDNN_OPTS": "0"}).bf16_is_possible


def test_bf16_is_emulated_without_onednn_operators():
    off = ProductKernels.of(SAPPHIRE_RAPIDS, {"TF_ENABLE_ONEDNN_OPTS": "0"})
    assert not off.bf16_is_native
    assert str(off) == "TensorFlow's own avx512_core_amx"
    assert str(ProductKernels.of(HASWELL, {"TF_ENABLE_ONEDNN_OPTS": "1"})) == "oneDNN avx2"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"ONEDNN_MAX_CPU_ISA": "AVX"},
        {"DNNL_MAX_CPU_ISA": "AVX"},
        {"ONEDNN_MAX_CPU_ISA": "AVX", "DNNL_MAX_CPU_ISA": "SSE41"},
        {"TF_ENABLE_ONEDNN_OPTS": "0"},
        {"TF_ENABLE_ONEDNN_OPTS": "1"},
    ],
)
def test_detected_instruction_set_equals_onednn_verbose_output(variables, monkeypatch):
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", PROBE]
    environment = {**os.environ, "ONEDNN_VERBOSE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    *lines, switch = done.stdout.splitlines()
    reported = [line.partition("isa:")[2] for line in lines if ",cpu,isa:" in line]
    if not reported:
        pytest.skip("this TensorFlow calls no oneDNN here")
    kernels = read_machine().products
    assert kernels.isa == SAID_BY_ONEDNN[reported[0].strip()]
    assert kernels.onednn == (switch == "on")
