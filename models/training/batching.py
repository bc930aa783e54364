"""Batches of sequences of similar length, padded on the right."""

import random
from collections.abc import Iterator, Sequence

import torch

# Sequences are sorted by length within pools of this size: little padding, still well mixed.
POOL = 2048


def group_by_length(lengths: Sequence[int], tokens_per_batch: int, rng: random.Random) -> list[list[int]]:
    """Indices of the sequences, grouped so that a padded batch has at most `tokens_per_batch` tokens."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), POOL):
        batch: list[int] = []
        for index in sorted(order[start : start + POOL], key=lambda i: lengths[i]):
            if batch and (len(batch) + 1) * lengths[index] > tokens_per_batch:
                batches.append(batch)
                batch = []
            batch.append(index)
        if batch:
            batches.append(batch)
    rng.shuffle(batches)
    return batches


def pad(sequences: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    width = max(len(sequence) for sequence in sequences)
    return torch.tensor([[*sequence, *([value] * (width - len(sequence)))] for sequence in sequences])


def endless_batches(
    sequences: Sequence[Sequence[int]], tokens_per_batch: int, rng: random.Random
) -> Iterator[list[int]]:
    """Batches of indices, epoch after epoch, each epoch in a new order."""
    lengths = [len(sequence) for sequence in sequences]
    while True:
        yield from group_by_length(lengths, tokens_per_batch, rng)
