"""Fake quantisation of a float32 matrix on one thread: int8 in torch, MX in microxcaling.

Arguments: rows, columns. Prints a line for each, name and best seconds of its core with a tab between, or "left out" and why.
microxcaling is found where PYTHONPATH has a checkout of github.com/microsoft/microxcaling.
"""

import sys
import time
import warnings

ROUNDS = 3
rows, columns = map(int, sys.argv[1:3])

try:
    import torch
except ImportError:
    print("torch int8, a scale a row\tleft out, no torch here")
    sys.exit()

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(rows, columns)


def report(name, run):
    seconds = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        run()
        seconds.append(time.thread_time() - start)
    print(f"{name}\t{min(seconds)}", flush=True)


def int8():
    scale = x.abs().amax(1) / 127
    zero = torch.zeros(rows, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(x, scale, zero, 0, -127, 127)


with torch.inference_mode():
    report("torch int8, a scale a row", int8)
    try:
        from mx.mx_ops import _quantize_mx
    except ImportError:
        print("microxcaling\tleft out, no microxcaling here")
        sys.exit()
    for element in ("fp4_e2m1", "fp6_e2m3", "fp8_e4m3", "int8"):
        report(
            f"microxcaling {element}",
            lambda: _quantize_mx(x, 8, element, axes=[-1], block_size=32, round="even"),
        )
