"""Formats with a shared exponent or integer scales, written from the papers' formulas: Anda, FIGNA, MSFP, VS-Quant.

Each file has `input` (float32 [rows, columns]) whose last group of a row is shorter than the others, and for each
variant its codes or elements and its scales. Where a paper leaves something open, the TypeScript file of the format says
what is chosen; it is the same here.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from common import main

SEED = 20250305
HALF_MAX = np.float32(65504)


def groups_of(x: np.ndarray, size: int) -> list[list[np.ndarray]]:
    """Rows of groups; the last group of a row may be shorter."""
    return [[row[i : i + size] for i in range(0, len(row), size)] for row in x]


def matrix(rng: np.random.Generator, columns: int) -> np.ndarray:
    """Rows of ordinary size, with outliers, of mixed exponents, over float16's range at both ends, and zeros."""
    ordinary = rng.standard_normal(columns)
    outliers = np.where(rng.random(columns) < 0.03, 40, 1) * rng.standard_normal(columns)
    mixed = rng.standard_normal(columns) * 2.0 ** rng.integers(-12, 3, columns)
    small = rng.standard_normal(columns) * 2.0 ** rng.integers(-26, -13, columns)
    large = rng.standard_normal(columns) * 2.0 ** rng.integers(8, 17, columns)
    halves = rng.integers(-40, 41, columns) / 8
    rows = np.stack([ordinary, outliers, mixed, small, large, halves, np.zeros(columns)]).astype(np.float32)
    rows[5, :3] = [-0.0, 0.0, -1e-9]
    rows[6, 0] = -0.0
    rows[6, -1] = 2.0**-24
    return rows


def half_fields(group: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sign, exponent field (at least 1) and significand of the float16 bits, saturated."""
    bits = np.clip(group, -HALF_MAX, HALF_MAX).astype(np.float16).view(np.uint16).astype(np.int64)
    field, fraction = (bits >> 10) & 31, bits & 1023
    return bits >> 15, np.maximum(field, 1), np.where(field == 0, fraction, fraction + 1024)


def align(group: np.ndarray, mantissa: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Signs, magnitudes and shared exponent: m = floor(sig11 * 2^(M - 11 - dE)), in integer shifts."""
    sign, exponent, significand = half_fields(group)
    shared = int(exponent.max())
    return sign, (significand << mantissa) >> (11 + shared - exponent), shared


def anda(x: np.ndarray, mantissa: int) -> tuple[np.ndarray, np.ndarray]:
    codes, scales = [], []
    for row in groups_of(x, 64):
        for group in row:
            sign, magnitude, shared = align(group, mantissa)
            codes.append((sign << mantissa) | magnitude)
            scales.append(2.0 ** (shared - 15 - (mantissa - 1)))
    return np.concatenate(codes).astype(np.int32), np.array(scales, np.float32)


def figna(x: np.ndarray, mantissa: int) -> tuple[np.ndarray, np.ndarray]:
    elements, scales = [], []
    for row in groups_of(x, 64):
        for group in row:
            sign, magnitude, shared = align(group, mantissa)
            elements.append(np.where(sign == 1, -magnitude, magnitude))
            scales.append(2.0 ** (shared - 15 - (mantissa - 1)))
    return np.concatenate(elements).astype(np.int32), np.array(scales, np.float32)


def msfp(x: np.ndarray, bits: int, nearest: bool) -> tuple[np.ndarray, np.ndarray]:
    """The exponent is that of the largest value, the mantissa has no hidden bit."""
    mantissa = bits - 9
    codes, scales = [], []
    for row in groups_of(x.astype(np.float64), 16):
        for box in row:
            largest = np.abs(box).max()
            # frexp's fraction is in [0.5, 1).
            exponent = max(np.frexp(largest)[1] - 1, -126) if largest > 0 else 0
            steps = np.ldexp(np.abs(box), mantissa - 1 - exponent)
            magnitude = np.minimum(np.rint(steps) if nearest else np.trunc(steps), 2**mantissa - 1)
            codes.append((np.signbit(box).astype(np.int64) << mantissa) | magnitude.astype(np.int64))
            scales.append(np.ldexp(1.0, exponent - (mantissa - 1)))
    return np.concatenate(codes).astype(np.int32), np.array(scales, np.float32)


def vs_quant(
    x: np.ndarray, bits: int, scale_bits: int, whole_tensor: bool, by_scale: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dai et al.: float scales of vectors, then these scales as integers of a coarse one. Elements, scales, coarse."""
    largest, largest_scale = np.float32(2 ** (bits - 1) - 1), np.float32(2**scale_bits - 1)
    rows = groups_of(x, 16)
    fine = np.array([[np.abs(vector).max() / largest for vector in row] for row in rows], np.float32)
    coarse = fine.max(axis=None if whole_tensor else 1, keepdims=True) / largest_scale
    coarse = np.where(coarse == 0, np.float32(1), coarse).astype(np.float32)
    scales = np.rint(fine / coarse) * coarse
    elements = []
    for row, fine_row, scale_row in zip(rows, fine, scales):
        for vector, step, scale in zip(row, fine_row, scale_row):
            divisor = scale if by_scale else step
            if divisor == 0:
                elements.append(np.zeros(len(vector)))
            else:
                elements.append(np.clip(np.rint(vector / divisor), -largest, largest))
    return np.concatenate(elements).astype(np.int8), scales.ravel(), coarse.ravel()


def build(folder: Path) -> None:
    rng = np.random.default_rng(SEED)

    def save(name: str, arrays: dict[str, np.ndarray]) -> None:
        save_file({key: torch.from_numpy(array.copy()) for key, array in arrays.items()}, folder / f"{name}.safetensors")

    x = matrix(rng, 150)
    tensors = {"input": x}
    for mantissa in range(1, 17):
        tensors[f"{mantissa}.codes"], tensors[f"{mantissa}.scales"] = anda(x, mantissa)
    save("anda", tensors)

    tensors = {"input": x}
    for mantissa in (8, 11, 13):
        tensors[f"{mantissa}.elements"], tensors[f"{mantissa}.scales"] = figna(x, mantissa)
    save("figna", tensors)

    # Float32 values that float16 does not have, subnormals too.
    x = np.concatenate([matrix(rng, 150), matrix(rng, 150) * np.float32(2.0**-110), matrix(rng, 150) * np.float32(1e30)])
    tensors = {"input": x}
    for bits in range(12, 17):
        for rounding in ("nearest", "truncate"):
            key = f"{bits}.{rounding}"
            tensors[f"{key}.codes"], tensors[f"{key}.scales"] = msfp(x, bits, rounding == "nearest")
    save("msfp", tensors)

    x = matrix(rng, 150)
    tensors = {"input": x}
    for bits, scale_bits in ((3, 4), (4, 4), (4, 6), (6, 6), (8, 10)):
        for coarse in ("row", "tensor"):
            for divisor in ("fine", "scale"):
                key = f"{bits}.{scale_bits}.{coarse}.{divisor}"
                results = vs_quant(x, bits, scale_bits, coarse == "tensor", divisor == "scale")
                for part, array in zip(("elements", "scales", "coarse"), results):
                    tensors[f"{key}.{part}"] = array
    save("vs-quant", tensors)


if __name__ == "__main__":
    main(build, "shared-exponent")
