"""What the golden-file scripts share: writing a folder, or checking the committed one."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file

GOLDEN = Path(__file__).resolve().parents[2] / "test" / "golden"

# The files are committed, so none of them may be large.
MAX_FILE_BYTES = 200_000

# Matrix products may round differently on another processor, so the computed floats of the model
# references are compared with this tolerance, relative to the largest magnitude in the tensor.
# It is a tenth of what the TypeScript implementation is held to.
COMPUTED_TOLERANCE = 1e-5
COMPUTED_FILE = "expected.safetensors"


def main(build: Callable[[Path], None], folder: str) -> None:
    """Runs `build` into test/golden/<folder>, or with --check compares its output with it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    target = GOLDEN / folder

    with tempfile.TemporaryDirectory() as temporary:
        built = Path(temporary) / folder
        built.mkdir()
        build(built)
        problems = list(_oversized(built))
        if arguments.check:
            problems += _differences(built, target)
        elif not problems:
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(built, target)

    if problems:
        sys.exit("\n".join(problems))
    outcome = "unchanged" if arguments.check else "written"
    print(f"{target.relative_to(GOLDEN.parents[1])}: {outcome}")


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _oversized(folder: Path) -> Iterator[str]:
    for path in sorted(_files(folder)):
        size = (folder / path).stat().st_size
        if size >= MAX_FILE_BYTES:
            yield f"{path}: {size} bytes, the limit is {MAX_FILE_BYTES}"


def _differences(built: Path, committed: Path) -> Iterator[str]:
    for path in sorted(_files(built) ^ _files(committed)):
        yield f"{path}: only in the {'new' if (built / path).exists() else 'committed'} files"
    for path in sorted(_files(built) & _files(committed)):
        if (built / path).read_bytes() == (committed / path).read_bytes():
            continue
        if path.name != COMPUTED_FILE:
            yield f"{path}: differs"
        elif not _close(load_file(built / path), load_file(committed / path)):
            yield f"{path}: differs by more than {COMPUTED_TOLERANCE}"


def _close(new: dict[str, torch.Tensor], old: dict[str, torch.Tensor]) -> bool:
    if new.keys() != old.keys():
        return False
    for name, tensor in new.items():
        if (tensor.dtype, tensor.shape) != (old[name].dtype, old[name].shape):
            return False
        tolerance = COMPUTED_TOLERANCE if tensor.is_floating_point() else 0
        if (tensor - old[name]).abs().max() > tolerance * tensor.abs().max():
            return False
    return True
