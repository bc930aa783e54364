"""8-bit matrix products as SmoothQuant simulates them, in exact integer arithmetic.

y = x @ w.T + bias, with x [tokens, in] and w [out, in] as in a linear layer. Every step is a
single float32 or integer operation, in this order:

  scale = max(max|v|, 1e-5) / 127        over the tensor, or over each row of x or of w
  code  = clamp(round_half_even(v / scale), -127, 127)
  acc   = sum of products of the codes, in int32
  y     = float32(acc) * (x_scale * w_scale) + bias

plain.safetensors has all of them for both kinds of scale of both operands; smoothed.safetensors
has the same for x / s and w * s, where s shifts the outliers of x into w:

  s[j] = max(max|x[:, j]|^alpha / max(max|w[:, j]|, 1e-5)^(1 - alpha), 1e-5)
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from common import main

SEED = 20240229
TOKENS, IN, OUT = 32, 96, 48
ALPHA = 0.5
LEAST = 1e-5
MAX_CODE = 127

# A few channels of activations much larger than the others, as large language models have them.
OUTLIERS = {5: 40.0, 41: 25.0, 70: 60.0}

# The dimensions that share a scale: all, or those within a row.
TENSOR, ROW = (0, 1), (1,)


def scales(values: torch.Tensor, shared: tuple[int, ...]) -> torch.Tensor:
    return values.abs().amax(shared, keepdim=True).clamp(min=LEAST) / MAX_CODE


def quantize(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (values / scale).round().clamp(-MAX_CODE, MAX_CODE).to(torch.int8)


def products(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> dict[str, torch.Tensor]:
    tensors = {"x": x, "w": w, "bias": bias}
    for x_kind, x_shared in (("tensor", TENSOR), ("token", ROW)):
        x_scale = scales(x, x_shared)
        x_codes = quantize(x, x_scale)
        tensors[f"x.{x_kind}.scale"] = x_scale
        tensors[f"x.{x_kind}.codes"] = x_codes
        for w_kind, w_shared in (("tensor", TENSOR), ("channel", ROW)):
            w_scale = scales(w, w_shared)
            w_codes = quantize(w, w_scale)
            tensors[f"w.{w_kind}.scale"] = w_scale
            tensors[f"w.{w_kind}.codes"] = w_codes

            acc = x_codes.int() @ w_codes.int().T
            y = acc.float() * (x_scale * w_scale.T) + bias
            tensors[f"y.{x_kind}.{w_kind}.acc"] = acc
            tensors[f"y.{x_kind}.{w_kind}"] = y
    return tensors


def smoothing(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    x_max = x.abs().amax(0)
    w_max = w.abs().amax(0).clamp(min=LEAST)
    return (x_max.pow(ALPHA) / w_max.pow(1 - ALPHA)).clamp(min=LEAST)


def build(folder: Path) -> None:
    rng = np.random.default_rng(SEED)

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape, np.float32))

    x = normal(TOKENS, IN)
    w = normal(OUT, IN) * 0.1
    bias = normal(OUT)
    for channel, gain in OUTLIERS.items():
        x[:, channel] *= gain
    # A row and a column of zeros, whose scales are the least there are.
    w[7] = 0
    x[:, 11] = 0

    save_file(products(x, w, bias), folder / "plain.safetensors")
    s = smoothing(x, w)
    save_file({"s": s, **products(x / s, w * s, bias)}, folder / "smoothed.safetensors")


if __name__ == "__main__":
    main(build, "int8")
