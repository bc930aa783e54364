"""GPTQ in float64, column by column as in the paper's Algorithm 1, without its blocks.

The Hessian is inverted and the inverse factored, Hinv = U^T U; the error of column j, divided by
U[j, j], times row j of U, is subtracted from the columns to come. Formats:

  int4   scale = max|w| / 7 of a row or of 16 columns of a row, codes -7 .. 7, ties to even
  pairs  scale = max|w| / 28 of a row. A pair of columns of which neither exceeds 7.5 scales is two
         codes -7 .. 7; else the larger one (the left one of two equal ones) is a multiple of 4 from
         -28 to 28 and the other is 0. Both columns of a pair are rounded before either error is
         passed on: the error of the left one to the right one is part of the pair's own.

Groups are scaled when their first column comes, from the weights as updated by then; with
`activation` before any column, from the weights as they are, and columns come by falling diagonal
of the Hessian. Weights of a channel that is 0 throughout are set to 0 first.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from common import main

SEED = 20240229
OUT, IN, TOKENS = 24, 80, 200
GROUP = 16
DEAD = 37
DAMPING = 0.01

Quantizer = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def int4(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (values / scale).round().clamp(-7, 7)


def int4_scale(values: torch.Tensor) -> torch.Tensor:
    largest = values.abs().amax(1, keepdim=True)
    return torch.where(largest > 0, largest / 7, 1.0)


def pair(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    numbers = values / scale
    outlier = (numbers / 4).round().clamp(-7, 7) * 4
    left_larger = numbers[:, :1].abs() >= numbers[:, 1:].abs()
    kept = torch.cat([left_larger, ~left_larger], 1)
    victims = (numbers.abs() > 7.5).any(1, keepdim=True)
    return torch.where(victims, torch.where(kept, outlier, 0.0), int4(values, scale))


def damped(hessian: torch.Tensor) -> torch.Tensor:
    diagonal = hessian.diagonal()
    damp = DAMPING * diagonal.mean()
    return hessian + torch.diag(torch.where(diagonal == 0, 1.0, damp))


def upper(hessian: torch.Tensor) -> torch.Tensor:
    return torch.linalg.cholesky(torch.linalg.inv(hessian), upper=True)


def columns(weight: torch.Tensor, hessian: torch.Tensor, group: int, activation: bool):
    """Elements and scales of int4 with one scale a row (group = IN) or a group."""
    w = weight.clone()
    starts = range(0, IN, group)
    fixed = [int4_scale(w[:, s : s + group]) for s in starts]
    order = torch.arange(IN)
    if activation:
        order = torch.argsort(hessian.diagonal(), descending=True, stable=True)
    u = upper(damped(hessian)[order][:, order])
    w = w[:, order]
    elements = torch.zeros(OUT, IN, dtype=torch.float64)
    for j, column in enumerate(order.tolist()):
        if not activation and group < IN and j % group == 0:
            fixed[j // group] = int4_scale(w[:, j : j + group])
        scale = fixed[column // group]
        codes = int4(w[:, j : j + 1], scale)
        elements[:, column] = codes[:, 0]
        error = (w[:, j : j + 1] - codes * scale) / u[j, j]
        w[:, j + 1 :] -= error * u[j, j + 1 :]
    return elements, torch.cat(fixed, 1)


def pairs(weight: torch.Tensor, hessian: torch.Tensor):
    """Two columns at once: delta = -(w_P - q_P) [Hinv_PP]^-1 Hinv_P,rest (OBQ for a pair)."""
    w = weight.clone()
    scale = w.abs().amax(1, keepdim=True) / 28
    inverse = torch.linalg.inv(damped(hessian))
    elements = torch.zeros(OUT, IN, dtype=torch.float64)
    for j in range(0, IN, 2):
        codes = pair(w[:, j : j + 2], scale)
        elements[:, j : j + 2] = codes
        error = (w[:, j : j + 2] - codes * scale) @ torch.linalg.inv(inverse[:2, :2])
        w[:, j + 2 :] -= error @ inverse[:2, 2:]
        # Without the two columns: the inverse of what is left of the Hessian.
        across = torch.linalg.solve(inverse[:2, :2], inverse[:2, 2:])
        inverse = inverse[2:, 2:] - inverse[2:, :2] @ across
    return elements, scale


def build(folder: Path) -> None:
    generator = torch.Generator().manual_seed(SEED)
    mixing = torch.randn(IN, IN, generator=generator) * 0.3 + torch.eye(IN)
    sizes = torch.exp(torch.randn(IN, generator=generator))
    x = torch.randn(TOKENS, IN, generator=generator) @ mixing * sizes
    x[:, DEAD] = 0
    w = torch.randn(OUT, IN, generator=generator)
    w[5, 11] = 9.0
    hessian = (2 / TOKENS * x.double().T @ x.double()).float()

    alive = w.double()
    alive[:, DEAD] = 0
    exact = hessian.double()
    found = {
        "row": columns(alive, exact, IN, False),
        "row.activation": columns(alive, exact, IN, True),
        "group": columns(alive, exact, GROUP, False),
        "group.activation": columns(alive, exact, GROUP, True),
        "pairs": pairs(alive, exact),
    }
    tensors = {"x": x, "w": w, "hessian": hessian}
    for name, (elements, scales) in found.items():
        tensors[f"{name}.elements"] = elements.to(torch.int8)
        tensors[f"{name}.scales"] = scales.float().contiguous()
    save_file(tensors, folder / "expected.safetensors")


if __name__ == "__main__":
    main(build, "gptq")
