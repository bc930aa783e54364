"""Train a demo decoder: python train_decoder.py llama --out ../demo-llama"""

import argparse
import math
import random
from pathlib import Path

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, OPTConfig, OPTForCausalLM, PreTrainedModel

from batching import endless_batches, pad
from corpus import Corpus, load_corpora
from export import save_model, save_tokenizer
from optimisation import Optimisation
from vocabulary import train_decoder_tokenizer, weighted_texts

CONTEXT = 512
DROPOUT = 0.1
TOKENS_PER_BATCH = 2048
PEAK_RATE = 1.5e-3
WEIGHT_DECAY = 0.1
WARMUP = 60
EVALUATE_EVERY = 200
IGNORED = -100
BOS = {"llama": "<s>", "opt": "</s>"}
EOS = "</s>"


def make_model(family: str, shared: dict[str, int]) -> PreTrainedModel:
    """`shared` holds the vocabulary size and the ids of the special tokens."""
    if family == "opt":
        config = OPTConfig(
            hidden_size=256,
            word_embed_proj_dim=256,
            ffn_dim=1024,
            num_hidden_layers=5,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT,
            do_layer_norm_before=True,
            activation_function="relu",
            dropout=DROPOUT,
            tie_word_embeddings=True,
            **shared,
        )
        return OPTForCausalLM(config)
    config = LlamaConfig(
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        **shared,
    )
    model = LlamaForCausalLM(config)
    # OPT has dropout on both residual branches of a layer; LLaMA's code has none, so it is hooked in.
    for layer in model.model.layers:
        for last in (layer.self_attn.o_proj, layer.mlp.down_proj):
            last.register_forward_hook(
                lambda module, _inputs, output: functional.dropout(output, DROPOUT, module.training)
            )
    return model


def to_sequences(texts, tokenizer, bos: int, eos: int) -> list[list[int]]:
    """Documents cut to the context; every piece starts with BOS, the last one ends with EOS."""
    sequences = []
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        ids = [*encoding.ids, eos]
        sequences += [[bos, *ids[at : at + CONTEXT - 1]] for at in range(0, len(ids), CONTEXT - 1)]
    return sequences


def token_loss(model: PreTrainedModel, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    # Padding is on the right, where a causal model's other positions cannot see it: no mask is needed.
    logits = model(input_ids=inputs, use_cache=False).logits
    return functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED)


def make_batch(sequences: list[list[int]], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = pad([sequence[:-1] for sequence in sequences], padding)
    targets = pad([sequence[1:] for sequence in sequences], IGNORED)
    return inputs, targets


@torch.no_grad()
def perplexity(model: PreTrainedModel, sequences: list[list[int]], padding: int) -> float:
    """Per token, BOS given and EOS predicted, in float32."""
    model.eval()
    total = count = 0.0
    ordered = sorted(sequences, key=len)
    for start in range(0, len(ordered), 8):
        inputs, targets = make_batch(ordered[start : start + 8], padding)
        tokens = (targets != IGNORED).sum().item()
        total += token_loss(model, inputs, targets).item() * tokens
        count += tokens
    model.train()
    return math.exp(total / count)


def train(model: PreTrainedModel, corpora: list[Corpus], tokenizer, minutes: float, out: Path) -> None:
    ids = (model.config.bos_token_id, model.config.eos_token_id)
    padding = model.config.pad_token_id
    sequences = to_sequences(weighted_texts(corpora), tokenizer, *ids)
    held_out_stories = to_sequences(corpora[0].held_out, tokenizer, *ids)
    print(f"{sum(map(len, sequences))} tokens in a round of the weighted texts", flush=True)

    compiled_loss = torch.compile(token_loss, dynamic=True)
    optimisation = Optimisation(model, PEAK_RATE, WEIGHT_DECAY, WARMUP, minutes)
    batches = endless_batches(sequences, TOKENS_PER_BATCH, random.Random(1))
    best = math.inf
    seen = 0
    model.train()
    while not optimisation.finished():
        inputs, targets = make_batch([sequences[i] for i in next(batches)], padding)
        seen += inputs.numel()
        with torch.autocast("cpu", torch.bfloat16):
            loss = compiled_loss(model, inputs, targets)
        loss.backward()
        optimisation.update()
        progress = f"step {optimisation.step} tokens {seen} {optimisation.elapsed():.0f} s"
        if optimisation.step % 25 == 0:
            print(f"{progress} loss {loss.item():.3f}", flush=True)
        if optimisation.step % EVALUATE_EVERY == 0 or optimisation.finished():
            figure = perplexity(model, held_out_stories, padding)
            print(f"{progress} perplexity on held-out stories {figure:.3f}", flush=True)
            if figure < best:
                best = figure
                save_model(model, out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("family", choices=["llama", "opt"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=33)
    arguments = parser.parse_args()

    torch.manual_seed(1)
    corpora = load_corpora(arguments.data)
    bos = BOS[arguments.family]
    tokenizer = train_decoder_tokenizer(corpora, bos)
    specials = {"bos_token": bos, "eos_token": EOS, "pad_token": "<pad>"}
    save_tokenizer(tokenizer, arguments.out, specials, CONTEXT)
    shared = {name + "_id": tokenizer.token_to_id(token) for name, token in specials.items()}
    model = make_model(arguments.family, {"vocab_size": tokenizer.get_vocab_size(), **shared})
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, corpora, tokenizer, arguments.minutes, arguments.out)


if __name__ == "__main__":
    main()
