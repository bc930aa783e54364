"""Weights in NF4, ANT's types, AdaptivFloat, after GOBO and OLAccel, and in clipped integers.

NF4 is bitsandbytes' own. The others are written here from the papers (and, where those leave it open,
from what the authors' code does), with plain loops over candidates and all distances computed, in
NumPy: float32 where a machine would divide, float64 for errors.
"""

from pathlib import Path

import bitsandbytes.functional
import numpy as np
import torch
from safetensors.torch import save_file

from common import main

SEED = 20200518
ROWS, COLUMNS = 48, 128


def weights(rng: np.random.Generator) -> np.ndarray:
    """Rows of different sizes and shapes, a few outliers, one row of zeros."""
    x = rng.standard_normal((ROWS, COLUMNS)) * 0.04 * 2.0 ** rng.uniform(-2, 2, (ROWS, 1))
    x[:8] = rng.uniform(-0.1, 0.1, (8, COLUMNS))
    x[8:16] = rng.laplace(0, 0.03, (8, COLUMNS))
    x[rng.random((ROWS, COLUMNS)) < 0.003] *= 12
    x[20] = 0
    return x.astype(np.float32)


def nf4(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed, state = bitsandbytes.functional.quantize_4bit(
        torch.from_numpy(x), blocksize=64, quant_type="nf4"
    )
    values = bitsandbytes.functional.dequantize_4bit(packed, state).numpy()
    high_first = packed.numpy().reshape(-1)
    codes = np.stack([high_first >> 4, high_first & 15], 1).reshape(x.shape)
    return codes.astype(np.int32), state.absmax.numpy(), values


def flint(bits: int) -> list[float]:
    """First-one coding: 2^k has a mantissa that is the shorter the further k is from the middle."""
    field = bits - 1
    values = [0.0, 2.0 ** (2 * field - 2)]
    for exponent in range(2 * field - 2):
        length = exponent if exponent < field - 1 else 2 * field - 3 - exponent
        values += [2.0**exponent * (1 + m / 2**length) for m in range(2**length)]
    return values


def small_float(bits: int, exponent: int) -> list[float]:
    mantissa = bits - 1 - min(exponent, bits - 1)
    steps = np.arange(2**mantissa) / 2**mantissa
    values = list(steps)
    for e in range(1, 2 ** (bits - 1 - mantissa)):
        values += list(2.0 ** (e - 1) * (1 + steps))
    return [value * 2**mantissa for value in values]


def magnitudes(kind: str, bits: int, exponent: int = 3) -> np.ndarray:
    field = bits - 1
    values = {
        "int": lambda: list(range(2**field)),
        "flint": lambda: flint(bits),
        "pot": lambda: [0.0] + [2.0**e for e in range(2**field - 1)],
        "float": lambda: small_float(bits, exponent),
    }[kind]()
    assert len(set(values)) == 2**field
    return np.sort(np.array(values, np.float64))


def nearest(x: np.ndarray, scale: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Signed elements; a tie goes to the larger magnitude. `scale` [rows, 1] float32."""
    size = np.abs(x / scale).astype(np.float64)
    distance = np.abs(size[..., None] - grid)
    index = len(grid) - 1 - np.argmin(distance[..., ::-1], axis=-1)
    return (np.copysign(grid[index], x) + 0.0).astype(np.float32)


def squared_error(x: np.ndarray, elements: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.sum((x - elements * scale).astype(np.float64) ** 2, axis=1)


def row_scale(x: np.ndarray, largest: float) -> np.ndarray:
    most = np.abs(x).max(axis=1, keepdims=True)
    return np.where(most > 0, most / np.float32(largest), np.float32(1))


def best_scales(x: np.ndarray, base: np.ndarray, factors: list[int], encode) -> tuple:
    """The factor in hundredths with the least error of each row, the first of equals."""
    best, scales = np.full(len(x), np.inf), base.copy()
    for i in factors:
        scale = base * np.float32(i / 100)
        error = squared_error(x, encode(x, scale), scale)
        better = error < best
        best[better], scales[better] = error[better], scale[better]
    zero = ~x.any(axis=1)
    scales[zero] = base[zero]
    return scales, best


def ant(x: np.ndarray, bits: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Type with the least error, its scales and elements."""
    found = []
    for k, kind in enumerate(["int", "flint", "pot", "float"]):
        grid = magnitudes(kind, bits)
        scales, errors = best_scales(
            x, row_scale(x, grid[-1]), list(range(75, 150)), lambda x, s: nearest(x, s, grid)
        )
        found.append((errors.sum(), k, scales, nearest(x, scales, grid)))
    return min(found, key=lambda entry: entry[:2])[1:]


def clipped_int4(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def encode(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(x / scale), -7, 7) + np.float32(0)

    scales, _ = best_scales(x, row_scale(x, 7), list(range(100, 0, -1)), encode)
    return scales, encode(x, scales)


def adaptivfloat(x: np.ndarray, bits: int, exponent: int) -> np.ndarray:
    """As the authors' code has it: two exponents are not used."""
    mantissa = bits - 1 - exponent
    size = np.abs(x.astype(np.float64))
    bias = 2 ** (exponent - 1) - 1 - (np.frexp(size.max())[1] - 1)
    smallest = 2.0 ** (-(2 ** (exponent - 1)) + 2 - bias)
    largest = 2.0 ** (2 ** (exponent - 1) - 1 - bias) * (2 - 2.0**-mantissa)
    size = np.where(size < smallest, 0, np.minimum(size, largest))
    fraction, power = np.frexp(size)
    fraction = np.rint(fraction * 2 * 2**mantissa) / 2**mantissa
    return (np.sign(x) * fraction * 2.0 ** (power - 1)).astype(np.float32)


def adaptivfloat_paper(x: np.ndarray, bits: int, exponent: int) -> np.ndarray:
    """Algorithm 1: every exponent, the smallest power of two given up for zero."""
    mantissa = bits - 1 - exponent
    top = np.frexp(np.abs(x).max())[1] - 1
    lowest = top - (2**exponent - 1)
    values = [0.0]
    for e in range(lowest, top + 1):
        values += [2.0**e * (1 + m / 2**mantissa) for m in range(2**mantissa)]
    values.remove(2.0**lowest)
    # Weights drawn at random do not fall on ties.
    index = np.abs(np.abs(x.astype(np.float64))[..., None] - np.array(values)).argmin(axis=-1)
    return (np.sign(x) * np.array(values)[index]).astype(np.float32)


def gobo(x: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centroids, which values are outliers, and the values that result."""
    flat = x.reshape(-1).astype(np.float64)
    mean, deviation = flat.mean(), flat.std()
    log_density = -0.5 * ((flat - mean) / deviation) ** 2 - np.log(deviation * np.sqrt(2 * np.pi))
    outlier = log_density < -4
    normal = np.sort(flat[~outlier])
    edges = [len(normal) * k // 2**bits for k in range(2**bits + 1)]
    centroids = np.array([normal[a:b].mean() for a, b in zip(edges, edges[1:])])
    least = np.inf
    while True:
        nearest = np.abs(normal[:, None] - centroids).argmin(axis=1)
        error = np.abs(normal - centroids[nearest]).sum()
        if not error < least:
            break
        least, kept = error, centroids
        centroids = np.array([normal[nearest == k].mean() for k in range(2**bits)])
    values = kept[np.abs(flat[:, None] - kept).argmin(axis=1)]
    values = np.where(outlier, flat, values).reshape(x.shape).astype(np.float32)
    return kept.astype(np.float32), outlier.reshape(x.shape), values


def olaccel(x: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """One scale for the tensor, and integers of which those beyond 7 are the outliers."""
    size = np.sort(np.abs(x.reshape(-1)))
    threshold = size[len(size) - 1 - int(share * len(size))]
    scale = max(threshold / np.float32(7), size[-1] / np.float32(32767))
    return np.array([scale]), np.clip(np.rint(x / scale), -32767, 32767).astype(np.int32)


def build(folder: Path) -> None:
    x = weights(np.random.default_rng(SEED))

    def save(name: str, **arrays: np.ndarray) -> None:
        tensors = {key: torch.from_numpy(np.ascontiguousarray(a)) for key, a in arrays.items()}
        save_file(tensors, folder / f"{name}.safetensors")

    save("weights", input=x)
    codes, scales, values = nf4(x)
    save("nf4", codes=codes.astype(np.int8), scales=scales, values=values)

    arrays = {}
    for bits in (3, 4, 5):
        kind, scales, elements = ant(x, bits)
        arrays |= {f"{bits}.type": np.array([kind], np.int32), f"{bits}.scales": scales}
        arrays[f"{bits}.elements"] = elements.astype(np.int32)
    # Rows of one shape, so that another type wins.
    for name, part in (("uniform", x[:8]), ("laplace", x[8:16])):
        kind, scales, elements = ant(part, 4)
        arrays |= {f"{name}.type": np.array([kind], np.int32), f"{name}.scales": scales}
    for bits in range(3, 9):
        for kind in ("flint", "float"):
            arrays[f"{kind}{bits}"] = magnitudes(kind, bits).astype(np.int32)
    arrays["e2m1"] = magnitudes("float", 4, 2).astype(np.int32)
    save("ant", **arrays)

    scales, elements = clipped_int4(x)
    save("int4-clipped", scales=scales, elements=elements.astype(np.int8))

    settings = ((4, 2), (4, 3), (6, 3), (8, 3), (8, 4), (16, 5))
    some = x[16:32]
    code = {f"reference-code.{n}.{e}": adaptivfloat(some, n, e) for n, e in settings}
    paper = {f"paper.{n}.{e}": adaptivfloat_paper(some, n, e) for n, e in settings[:-1]}
    save("adaptivfloat", input=some, **code, **paper)

    arrays = {}
    for bits in (3, 4):
        centroids, outlier, values = gobo(x, bits)
        arrays |= {f"{bits}.centroids": centroids, f"{bits}.values": values}
        arrays[f"{bits}.outliers"] = outlier.astype(np.int8)
    save("gobo", **arrays)

    scale, elements = olaccel(x, 0.03)
    save("olaccel", scale=scale, elements=elements)


if __name__ == "__main__":
    main(build, "codebooks")
