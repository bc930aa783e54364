"""float32 values and their rounding to the number formats of the datapath.

Every file has `input` (float32) and `output` in the format itself: F16, BF16 and I8 as safetensors
has them, TF32 as the float32 that it is a subset of. The codes of a NaN are not part of the
expectation: a NaN in is some NaN out.
"""

from pathlib import Path

import ml_dtypes
import numpy as np
import torch
from safetensors.torch import save_file

from common import main

SEED = 20240229

# Bits of a float32: 1 sign, 8 exponent, 23 mantissa. TF32 keeps 10 of the mantissa, bfloat16 7.
MANTISSA = 23
SIGN = np.uint32(0x8000_0000)
INFINITY = np.uint32(0x7F80_0000)

# One scale that is a power of two, so that ties occur, an ordinary one, the smallest one that a
# tensor of zeros is given, and one that takes large inputs into range.
INT8_SCALES = np.array([2**-4, 0.0371, 1e-5 / 127, 3e30], np.float32)


def with_signs(bits: np.ndarray) -> np.ndarray:
    return np.concatenate([bits, bits | SIGN]).astype(np.uint32).view(np.float32)


def with_neighbours(bits: np.ndarray) -> np.ndarray:
    """The positive float32 of these bits, those just below and just above them, and all negated."""
    bits = np.asarray(bits, np.uint32)
    return with_signs(np.concatenate([bits, bits - 1, bits + 1]))


def float32_edges(rng: np.random.Generator) -> np.ndarray:
    """Zeros, subnormals, every exponent, the largest values, infinities and NaNs."""
    exponents = np.arange(1, 255, dtype=np.uint32) << MANTISSA
    mantissas = rng.integers(0, 1 << MANTISSA, 254, np.uint32)
    subnormals = np.uint32(1) << np.arange(MANTISSA, dtype=np.uint32)
    special = np.array([0, INFINITY - 1, INFINITY, 0x7FC0_0000, 0x7F80_0001, 0x7FFF_FFFF])
    return np.concatenate(
        [
            with_signs(special),
            with_signs(exponents | mantissas),
            with_neighbours(subnormals),
            with_signs(rng.integers(1, 1 << MANTISSA, 64, np.uint32)),
        ]
    )


def random_values(rng: np.random.Generator) -> np.ndarray:
    """Of ordinary size, and of sizes around the range of float16."""
    wide = rng.standard_normal(800) * 2.0 ** rng.integers(-27, 18, 800)
    return np.concatenate([rng.standard_normal(800), wide]).astype(np.float32)


def mantissa_ties(kept: int, rng: np.random.Generator) -> np.ndarray:
    """Halfway between neighbours of a format that is float32 with a shorter mantissa.

    For each exponent, an even and an odd lower neighbour, so that ties go down and up; the largest
    mantissa, whose tie goes up to the next exponent; and subnormals. The last one is halfway from
    the largest finite value to infinity.
    """
    dropped = MANTISSA - kept
    exponents = np.repeat(np.arange(0, 255, 3), 4)
    lower = rng.integers(0, 1 << kept, exponents.shape)
    lower[0::4] &= ~1
    lower[1::4] |= 1
    lower[2::4] = (1 << kept) - 1
    codes = np.append((exponents << kept) | lower, (255 << kept) - 1)
    return with_neighbours((codes << dropped) | (1 << (dropped - 1)))


def float16_ties(rng: np.random.Generator) -> np.ndarray:
    """Halfway between neighbours of float16, as in `mantissa_ties`, from zero to infinity."""
    exponents = np.repeat(np.arange(31), 8)
    lower = rng.integers(0, 1 << 10, exponents.shape)
    lower[0::4] &= ~1
    lower[1::4] |= 1
    lower[2::4] = (1 << 10) - 1
    codes = np.concatenate([[0, 1, 2, 0x7BFF], (exponents << 10) | lower])
    # float16 would next be 65536, were that not infinity.
    values = np.append(np.arange(0x7C00, dtype=np.uint16).view(np.float16), 65536.0)
    middles = (values[codes] + values[codes + 1]) / 2
    return with_neighbours(middles.astype(np.float32).view(np.uint32))


def int8_ties() -> np.ndarray:
    """Halfway between codes, and beyond the clamp, for the scale that is a power of two."""
    ties = (np.arange(0, 131) + 0.5) * INT8_SCALES[0]
    return with_neighbours(ties.astype(np.float32).view(np.uint32))


def to_tf32(values: np.ndarray) -> np.ndarray:
    """Rounds to ten bits of mantissa, ties to even, keeping the exponent of float32.

    On the bits of a float32 this is integer arithmetic: adding half of the dropped part less one,
    and the lowest kept bit, carries into the kept part exactly where rounding goes up. The carry
    runs on into the exponent, from a subnormal to the least normal value and from the largest
    finite value to infinity, as it should.
    """
    dropped = MANTISSA - 10
    bits = values.view(np.uint32)
    lowest_kept = (bits >> np.uint32(dropped)) & np.uint32(1)
    rounded = bits + np.uint32((1 << (dropped - 1)) - 1) + lowest_kept
    rounded &= ~np.uint32((1 << dropped) - 1)
    return np.where(np.isnan(values), values, rounded.view(np.float32))


def to_int8(values: np.ndarray, scale: np.float32) -> np.ndarray:
    """The float32 quotient by the scale, rounded half to even, clamped to the symmetric range."""
    return np.clip(np.rint(values / scale), -127, 127).astype(np.int8)


def as_torch(array: np.ndarray) -> torch.Tensor:
    # torch cannot take ml_dtypes' bfloat16, but can take its bits.
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def build(folder: Path) -> None:
    rng = np.random.default_rng(SEED)
    common = np.concatenate([float32_edges(rng), random_values(rng)])

    def save(name: str, **arrays: np.ndarray) -> None:
        tensors = {key: as_torch(array) for key, array in arrays.items()}
        save_file(tensors, folder / f"{name}.safetensors")

    # Overflow to infinity, here and in the quotient by a small scale, is meant.
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.concatenate([common, float16_ties(rng)])
        save("float16", input=values, output=values.astype(np.float16))

        values = np.concatenate([common, mantissa_ties(7, rng)])
        save("bfloat16", input=values, output=values.astype(ml_dtypes.bfloat16))

        values = np.concatenate([common, mantissa_ties(10, rng)])
        save("tf32", input=values, output=to_tf32(values))

        # A NaN has no int8. There is a row of outputs for each scale.
        values = np.concatenate([common[~np.isnan(common)], int8_ties()])
        codes = np.stack([to_int8(values, scale) for scale in INT8_SCALES])
        save("int8", input=values, scales=INT8_SCALES, output=codes)


if __name__ == "__main__":
    main(build, "formats")
