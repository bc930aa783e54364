"""OliVe's outlier-victim pairs in NumPy, written from the paper and, for the variant, from the
published search (88 scales around 3 sigma) and grid of the public code.

`values` is a matrix; `edges` are quotients around every tie and cut, coded with scale 1. Files are
`{int4,flint4,int8}-{paper,paper-nearest,reference-code}`, each with `row.scales`, `row.elements`,
`tensor.scale`, `tensor.elements` and `edges.elements`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from common import main

SEED = 20230617
ROWS, COLUMNS = 12, 96

INT4 = np.arange(8.0)
FLINT4 = np.array([0.0, 1, 2, 3, 4, 6, 8, 16])
INT8 = np.arange(128.0)

PERCENT = np.arange(75, 250, 2)

Coder = Callable[[np.ndarray], np.ndarray]


def abfloat(exponent_bits: int, mantissa_bits: int, bias: int, clip: float = np.inf) -> np.ndarray:
    """Every magnitude but that of code 0, ascending."""
    mantissas = 2**mantissa_bits + np.arange(2**mantissa_bits)
    shifts = 2.0 ** (bias + np.arange(2**exponent_bits))
    magnitudes = np.outer(shifts, mantissas).ravel()[1:]
    return magnitudes[magnitudes <= clip]


def nearest_even(magnitudes: np.ndarray, rank: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The nearest of ascending magnitudes, of two as near the one of even rank."""
    high = np.clip(np.searchsorted(magnitudes, x), 1, len(magnitudes) - 1)
    low = high - 1
    to_low, to_high = x - magnitudes[low], magnitudes[high] - x
    up = (to_high < to_low) | ((to_high == to_low) & (rank[high] % 2 == 0))
    return np.where(up, magnitudes[high], magnitudes[low])


def paper(normal: np.ndarray, outliers: np.ndarray, nearest_cut: bool) -> Coder:
    """Elements of pairs of quotients. The larger of two outliers stays."""
    cut = (normal[-1] + outliers[0]) / 2 if nearest_cut else normal[-1] + 0.5

    def code(q: np.ndarray) -> np.ndarray:
        magnitude = np.abs(q.astype(np.float64))
        outlier = magnitude >= cut
        # Ranks of abfloats are counted with code 0, so that even ranks are even mantissas.
        far = nearest_even(outliers, 1 + np.arange(len(outliers)), magnitude)
        near = nearest_even(normal, np.arange(len(normal)), magnitude)
        elements = np.where(outlier, far, near)
        left, right = magnitude[..., 0::2], magnitude[..., 1::2]
        left_out, right_out = outlier[..., 0::2], outlier[..., 1::2]
        elements[..., 0::2][right_out & (left < right)] = 0
        elements[..., 1::2][left_out & (left >= right)] = 0
        return elements * np.sign(q) + 0.0

    return code


def reference_code(normal: np.ndarray, outliers: np.ndarray) -> Coder:
    """One grid of normal values and then outliers, each ascending; the later of two as near."""
    grid = np.concatenate([-normal[:0:-1], normal, -outliers[::-1], outliers])

    def code(q: np.ndarray) -> np.ndarray:
        distance = np.abs(q.astype(np.float64)[..., None] - grid)
        last = len(grid) - 1 - np.argmin(distance[..., ::-1], axis=-1)
        elements = grid[last]
        outlier = np.abs(elements) > normal[-1]
        left, right = outlier[..., 0::2].copy(), outlier[..., 1::2].copy()
        elements[..., 1::2][left] = 0
        elements[..., 0::2][right & ~left] = 0
        return elements + 0.0

    return code


def search(code: Coder, largest: float, x: np.ndarray) -> np.float32:
    """The scale of the least squared error, the first of equals, over all of x."""
    wide = x.astype(np.float64)
    mean, deviation = wide.mean(), wide.std(ddof=1)
    base = np.float32(max(abs(mean + 3 * deviation), abs(mean - 3 * deviation)))
    scales = base * (PERCENT * 0.01).astype(np.float32) / np.float32(largest)
    errors = [np.square((fake(code, x, scale) - x).astype(np.float64)).sum() for scale in scales]
    return scales[int(np.argmin(errors))]


def fake(code: Coder, x: np.ndarray, scale: np.float32) -> np.ndarray:
    return code(x / scale).astype(np.float32) * scale


def matrix(rng: np.random.Generator) -> np.ndarray:
    """Rows with few and many outliers, of several sizes, one of them off centre, one constant."""
    x = rng.standard_t(np.linspace(2, 12, ROWS)[:, None], (ROWS, COLUMNS))
    x *= 2.0 ** rng.integers(-6, 3, (ROWS, 1))
    x[4] += 3
    x[5] = 0.25
    x[6, ::7] *= 40
    return x.astype(np.float32)


def edges(normal: np.ndarray, outliers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every value, every middle and its float32 neighbours, beside small values and one another.

    Of 128 normal values the first and the last eight.
    """
    if len(normal) > 16:
        normal = np.concatenate([normal[:8], normal[-8:]])
    values = np.concatenate([normal, outliers, [normal[-1] + 0.5, 2 * outliers[-1], 2e4]])
    values = np.unique(np.concatenate([values, (values[1:] + values[:-1]) / 2])).astype(np.float32)
    neighbours = [np.nextafter(values, np.float32(end)) for end in (0, 3e38)]
    values = np.concatenate([values, *neighbours])
    values = np.concatenate([values, -values])
    small = rng.uniform(-normal[-1], normal[-1], len(values)).astype(np.float32)
    pairs = [(values, small), (small, values), (values, rng.permutation(values)), (values, -values)]
    return np.concatenate([np.stack(pair, -1) for pair in pairs]).ravel()


def build(folder: Path) -> None:
    rng = np.random.default_rng(SEED)
    x = matrix(rng)
    small = {"int4": (INT4, abfloat(2, 1, 2)), "flint4": (FLINT4, abfloat(2, 1, 3))}
    printed = {**small, "int8": (INT8, abfloat(4, 3, 4, clip=2.0**15))}
    public = {**small, "int8": (INT8, abfloat(2, 5, 2))}

    for name, (normal, outliers) in printed.items():
        variants = {
            "paper": (outliers, paper(normal, outliers, nearest_cut=False)),
            "paper-nearest": (outliers, paper(normal, outliers, nearest_cut=True)),
            "reference-code": (public[name][1], reference_code(normal, public[name][1])),
        }
        for variant, (grid, code) in variants.items():
            scales = np.array([search(code, normal[-1], row) for row in x], np.float32)
            scale = np.array([search(code, normal[-1], x)], np.float32)
            q = edges(normal, grid, rng)
            tensors = {
                "values": x,
                "row.scales": scales,
                "row.elements": code(x / scales[:, None]).astype(np.int32),
                "tensor.scale": scale,
                "tensor.elements": code(x / scale).astype(np.int32),
                "edges": q,
                "edges.elements": code(q).astype(np.int32),
            }
            save_file(
                {key: torch.from_numpy(array.copy()) for key, array in tensors.items()},
                folder / f"{name}-{variant}.safetensors",
            )


if __name__ == "__main__":
    main(build, "olive")
