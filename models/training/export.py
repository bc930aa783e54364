"""Write a model as a Hugging Face folder with F16 weights."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import PreTrainedModel


def save_tokenizer(tokenizer: Tokenizer, out: Path, specials: dict[str, str], max_length: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
        **specials,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def save_model(model: PreTrainedModel, out: Path) -> None:
    """Tied weights are stored once, under the name of the embedding."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        half = tensor.detach().to(torch.float16).contiguous()
        if not torch.isfinite(half).all():
            raise ValueError(f"{name} does not fit into F16")
        tensors[name] = half
    model.config.architectures = [type(model).__name__]
    model.config.dtype = torch.float16
    model.config.to_json_file(out / "config.json")
    # Written beside and renamed, so that a reader never meets half a file.
    partial = out / "model.safetensors.partial"
    save_file(tensors, partial, metadata={"format": "pt"})
    partial.rename(out / "model.safetensors")
