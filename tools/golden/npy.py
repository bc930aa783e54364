"""Arrays as np.save writes them, in every type and version that is read and in every kind that is refused.

`expected.json` has, for each file, either `shape` and `values` (the float32 that `astype('<f4')` makes), or `refused`.
"""

import json
from pathlib import Path

import ml_dtypes
import numpy as np

from common import main

READ = ["<f2", "<f4", "<f8", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8"]


def build(folder: Path) -> None:
    rng = np.random.default_rng(3)
    expected: dict[str, dict] = {}

    def save(name: str, array: np.ndarray, refused: str = "", version: tuple[int, int] | None = None) -> None:
        with open(folder / f"{name}.npy", "wb") as file:
            np.lib.format.write_array(file, array, version=version)
        if refused:
            expected[name] = {"refused": refused}
        else:
            values = array.astype("<f4").ravel().tolist()
            expected[name] = {"shape": list(array.shape), "values": values}

    for dtype in READ:
        if dtype[-2] == "f":
            # Ties of the narrower type, and a value below the least normal float32.
            array = np.append(rng.standard_normal(5), [1 + 2**-24, 1 + 3 * 2**-24, 1e-40, 65504, -0.0, 0.1, 3])
        else:
            limits = np.iinfo(dtype)
            # Not all of the range: int64 goes through float64, exact up to 2^53.
            low, high = max(limits.min, -(2**53)), min(limits.max, 2**53)
            array = np.append(rng.integers(low, high, 9, np.int64), [low, high, 1])
        save(dtype.strip("<"), array.astype(dtype).reshape(3, 4))

    ordinary = rng.standard_normal((2, 3, 2)).astype("<f4")
    save("version1", ordinary, version=(1, 0))
    save("version2", ordinary, version=(2, 0))
    save("version3", ordinary, version=(3, 0))
    save("scalar", np.array(2.5, "<f4"))
    save("vector", ordinary.ravel())
    save("empty", np.zeros((0, 5), "<f4"))

    save("fortran", np.asfortranarray(ordinary[0]), "ascontiguousarray")
    save("big-endian", ordinary.astype(">f4"), "astype('<f4')")
    save("complex", ordinary.astype("<c8"), "x.real")
    save("bool", ordinary > 0, "booleans")
    save("object", np.array([1, "two", None], dtype=object), "pickles")
    save("structured", np.array([(1, 2.0)], dtype=[("id", "<i4"), ("value", "<f4")]), "structured")
    save("bfloat16", ordinary.astype(ml_dtypes.bfloat16), "ml_dtypes")
    save("text", np.array(["a", "b"]), "astype('<f4')")
    np.savez(folder / "archive.npy.npz", x=ordinary)
    (folder / "archive.npy.npz").rename(folder / "archive.npy")
    expected["archive"] = {"refused": ".npz"}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(build, "npy")
