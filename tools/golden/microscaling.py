"""Small floats by ml_dtypes; MX formats by microxcaling and torchao; NVFP4 by torchao.

microxcaling is not on a package index: put a checkout of github.com/microsoft/microxcaling (commit 7bc4195) on PYTHONPATH.

It runs in float64 here, because the logarithm of a float32 just below a power of two rounds to that power. What no library
has (`ceil` and `even` of MXINT8; `ceil` with an exact quotient) is worked out with exact fractions.
"""

from fractions import Fraction
from pathlib import Path

import ml_dtypes
import numpy as np
import torch
from mx.mx_ops import _quantize_mx
from safetensors.torch import save_file
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.constants import DTYPE_FP6_E2M3, DTYPE_FP6_E3M2
from torchao.prototype.mx_formats.kernels import f4_unpacked_to_f32, unpack_uint4
from torchao.prototype.mx_formats.mx_tensor import to_mx
from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize, per_tensor_amax_to_scale

from common import main
from formats import float32_edges, random_values, with_neighbours

SEED = 20240531
BLOCK = 32

FLOATS = {
    "float8-e4m3": ml_dtypes.float8_e4m3fn,
    "float8-e5m2": ml_dtypes.float8_e5m2,
    "float6-e2m3": ml_dtypes.float6_e2m3fn,
    "float6-e3m2": ml_dtypes.float6_e3m2fn,
    "float4-e2m1": ml_dtypes.float4_e2m1fn,
}

# For each MX format: the float of its elements, microxcaling's name, torchao's type.
MX = {
    "mxfp8-e4m3": ("float8-e4m3", "fp8_e4m3", torch.float8_e4m3fn),
    "mxfp8-e5m2": ("float8-e5m2", "fp8_e5m2", torch.float8_e5m2),
    "mxfp6-e2m3": ("float6-e2m3", "fp6_e2m3", DTYPE_FP6_E2M3),
    "mxfp6-e3m2": ("float6-e3m2", "fp6_e3m2", DTYPE_FP6_E3M2),
    "mxfp4": ("float4-e2m1", "fp4_e2m1", torch.float4_e2m1fn_x2),
    "mxint8": (None, "int8", None),
}


def largest(name: str | None) -> float:
    return float(ml_dtypes.finfo(FLOATS[name]).max) if name else 127 / 64


def element_ties(name: str) -> np.ndarray:
    """The numbers of a float, the middles between them, where overflow begins, and the neighbours of all these."""
    kind = FLOATS[name]
    bits = ml_dtypes.finfo(kind).bits
    values = np.arange(1 << (bits - 1), dtype=np.uint8).view(kind).astype(np.float32)
    values = values[np.isfinite(values)]
    top = values[-1] + (values[-1] - values[-2])
    grid = np.append(values, top)
    points = np.concatenate([grid[1:], (grid[1:] + grid[:-1]) / 2])
    return with_neighbours(points.astype(np.float32).view(np.uint32))


def elements(name: str, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    kind = FLOATS[name]
    common = np.concatenate([float32_edges(rng), random_values(rng), element_ties(name)])
    if not name.startswith("float8"):
        # A float without NaN turns one into anything.
        common = common[~np.isnan(common)]
    top = np.float32(largest(name))
    special = common.astype(kind)
    saturate = np.clip(common, -top, top).astype(kind)
    out = {"input": common, "saturate": saturate.view(np.int8)}
    if name.startswith("float8"):
        out["special"] = special.view(np.int8)
    return {key: torch.from_numpy(value) for key, value in out.items()}


def blocks(name: str | None, rng: np.random.Generator) -> np.ndarray:
    """Rows of 80 values: two blocks and half of one."""
    rows = [rng.standard_normal(80) * 2.0**e for e in (-130, -126, -40, -3, 0, 1, 5, 90, 118)]
    # Ties of elements, under a maximum that fixes the scale.
    if name:
        ties = element_ties(name)
        for _ in range(4):
            row = rng.choice(ties, 80)
            row[[0, 32, 64]] = largest(name)
            rows.append(row * 2.0 ** rng.integers(-30, 30))
    else:
        halves = rng.integers(-255, 256, (4, 80)) / 128
        halves[:, [0, 32, 64]] = 127 / 64
        rows.extend(halves)
    # Maxima where a rule changes its mind: powers of two, the largest element, the middle above it; and neighbours.
    for mantissa in (1.0, largest(name) / 2 ** np.floor(np.log2(largest(name))), 1.75, 1.875, 1.9375, 1.96875, 1.9921875):
        for step in (-1, 0, 1):
            row = rng.uniform(-1, 1, 80)
            edge = np.array([mantissa], np.float32).view(np.int32) + np.int32(step)
            row[[5, 37, 69]] = edge.view(np.float32)[0] * np.array([1, -(2.0**7), 2.0**-9])
            rows.append(row)
    sparse = np.zeros(80)
    sparse[40] = -0.0
    sparse[70] = 1e-30
    rows.append(sparse)
    # Float32 subnormals, and numbers near the end of its range.
    rows.append(rng.uniform(-1, 1, 80) * 2.0**-127)
    rows.append(rng.uniform(-1, 1, 80) * 2.0**-140)
    rows.append(np.append(rng.uniform(-1, 1, 79) * 1.5 * 2.0**127, 2.0**127))
    return np.stack(rows).astype(np.float32)


def exact_scale(max_abs: np.float32, rule: str, top: Fraction, emax: int, mantissa: int) -> int:
    """Exponent of a block, by the definition of its rule, in exact arithmetic."""
    if max_abs == 0:
        return -127
    value = Fraction(float(max_abs))

    def floor_log2(x: Fraction) -> int:
        e = x.numerator.bit_length() - x.denominator.bit_length()
        return e if x >= Fraction(2) ** e else e - 1

    if rule == "ceil":
        quotient = value / top
        e = floor_log2(quotient)
        exponent = e if quotient == Fraction(2) ** e else e + 1
    else:
        if rule == "even":
            step = Fraction(2) ** (floor_log2(value) - mantissa)
            value = round(value / step) * step
        exponent = floor_log2(value) - emax
    return min(max(exponent, -127), 127)


def padded(x: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.pad(torch.from_numpy(x), (0, -x.shape[1] % BLOCK))


def microscaling(name: str, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    float_name, xcaling, ao = MX[name]
    x = blocks(float_name, rng)
    top = Fraction(largest(float_name))
    emax = int(np.floor(np.log2(float(top))))
    kept = {"float8-e4m3": 3, "float8-e5m2": 2, "float6-e2m3": 3, "float6-e3m2": 2, "float4-e2m1": 1, None: 6}[float_name]
    wide = padded(x)
    maxima = wide.abs().reshape(len(x), -1, BLOCK).amax(-1).numpy()
    out = {"input": torch.from_numpy(x)}
    for rule in ("floor", "ceil", "even"):
        exponents = np.vectorize(lambda m: exact_scale(np.float32(m), rule, top, emax, kept))(maxima)
        out[f"{rule}.exponents"] = torch.from_numpy(exponents.astype(np.int32))
        scales = np.repeat(2.0**exponents, BLOCK, axis=1)[:, : x.shape[1]]
        quotients = (x.astype(np.float64) / scales).astype(np.float32)
        if float_name:
            cut = np.clip(quotients, -np.float32(top), np.float32(top))
            values = cut.astype(FLOATS[float_name]).astype(np.float64) * scales
        else:
            values = np.clip(np.rint(quotients * np.float32(64)), -127, 127) / 64 * scales + 0.0
        with np.errstate(over="ignore"):
            out[f"{rule}.values"] = torch.from_numpy(values.astype(np.float32))

    # The libraries agree with this wherever they have the rule.
    theirs = _quantize_mx(
        torch.from_numpy(x).double(),
        8,
        xcaling,
        shared_exp_method="max",
        axes=[-1],
        block_size=BLOCK,
        round="even",
    )
    assert torch.equal(theirs.float(), out["floor.values"]), f"{name}: microxcaling differs"
    if ao is not None:
        for rule, mode in (("floor", "FLOOR"), ("ceil", "RCEIL"), ("even", "EVEN")):
            codes = to_mx(wide, ao, BLOCK, ScaleCalculationMode[mode])[0].view(torch.uint8)
            different = (codes.int() - 127 != out[f"{rule}.exponents"]).numpy()
            assert rule == "ceil" or not different.any(), f"{name}: torchao differs in {rule}"
            # RCEIL multiplies by a rounded reciprocal: it may take a neighbour of the edge for the edge.
            quotients = maxima[different].astype(np.float64) / float(top)
            nearest = 2.0 ** np.rint(np.log2(quotients))
            assert (np.abs(quotients / nearest - 1) < 2.0**-22).all(), f"{name}: torchao differs"
    return out


def nvfp4(rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Blocks whose scales are normal E4M3 numbers: where they are not, torchao lifts them to 2^-6."""
    x = rng.standard_normal((24, 80)) * 2.0 ** rng.integers(-5, 3, (24, 80 // 16)).repeat(16, 1)
    x = torch.from_numpy((x * 0.037).astype(np.float32))
    tensor_scale = per_tensor_amax_to_scale(x.abs().max())
    block_scales, packed = nvfp4_quantize(x, 16, tensor_scale)
    scales = (tensor_scale * block_scales.float()).reshape(24, -1)
    elements = f4_unpacked_to_f32(unpack_uint4(packed)).reshape(24, 80)
    return {
        "input": x,
        "tensor_scale": tensor_scale.reshape(1),
        "block_scales": block_scales.reshape(24, -1).view(torch.int8),
        "elements": elements,
        "values": elements * scales.repeat_interleave(16, dim=1),
    }


def build(folder: Path) -> None:
    rng = np.random.default_rng(SEED)
    with np.errstate(over="ignore", invalid="ignore"):
        for name in FLOATS:
            save_file(elements(name, rng), folder / f"{name}.safetensors")
        for name in MX:
            save_file(microscaling(name, rng), folder / f"{name}.safetensors")
        save_file(nvfp4(rng), folder / "nvfp4.safetensors")


if __name__ == "__main__":
    main(build, "microscaling")
