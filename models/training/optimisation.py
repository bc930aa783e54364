"""AdamW whose rate warms up linearly and then falls to zero over a given wall time."""

import time

import torch
from torch import nn


class Optimisation:
    """The machine's speed decides how many steps fit into `minutes`; the rate reaches zero at the end."""

    def __init__(self, model: nn.Module, peak_rate: float, weight_decay: float, warmup: int, minutes: float):
        self.model = model
        self.peak_rate = peak_rate
        self.warmup = warmup
        self.seconds = 60 * minutes
        self.start = time.monotonic()
        self.step = 0
        parameters = list(model.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
            # Biases and normalisation gains are not decayed.
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=peak_rate, betas=(0.9, 0.98), fused=True)

    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def finished(self) -> bool:
        return self.elapsed() >= self.seconds

    def update(self) -> None:
        """One step with the gradients at hand, clipped to norm 1."""
        self.step += 1
        remaining = max(0.0, 1 - self.elapsed() / self.seconds)
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak_rate * min(self.step / self.warmup, remaining)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
