"""Small random checkpoints of every architecture, and what transformers computes from them.

Each folder of test/golden/models holds a checkpoint as a user would have it (config.json and
safetensors weights) and expected.safetensors, computed in float32 from the stored weights.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    BloomConfig,
    GenerationConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from common import COMPUTED_FILE, main

# One with which every model below generates varied tokens, see MIN_DISTINCT.
SEED = 1
BATCH, LENGTH = 2, 24
PROMPT, GENERATED = 8, 12

# The library's own 0.02 leaves every layer so close to the identity that a wrong one hardly shows
# in the logits. Gains spread around 1 and non-zero biases make a forgotten one visible.
MATRIX_STD = 0.25
GAIN_STD = 0.25
BIAS_STD = 0.25

# Generated tokens are only a fair expectation if rounding cannot change them (the best logit leads
# the second by at least this share of the largest), and only a telling one if they vary. Input ids
# are drawn until both hold.
MIN_MARGIN = 2e-3
MIN_DISTINCT = 5
MAX_DRAWS = 200

Tensors = dict[str, torch.Tensor]

# Kept tiny, and not powers of two wherever the architecture allows, to exercise remainders.
SIZES = {"vocab_size": 97, "num_hidden_layers": 2, "num_attention_heads": 4}
GPT2_SIZES = {
    "vocab_size": 97, "n_layer": 2, "n_head": 4, "n_embd": 40, "n_positions": 40,
    "bos_token_id": 96, "eos_token_id": 96,
}  # fmt: skip
OPT_SIZES = {**SIZES, "hidden_size": 40, "ffn_dim": 96, "max_position_embeddings": 64}
BERT_SIZES = {
    **SIZES, "hidden_size": 40, "intermediate_size": 96, "max_position_embeddings": 64,
    "num_labels": 3,
}  # fmt: skip


def older_gpt2_names(tensors: Tensors) -> Tensors:
    """The names of openai-community/gpt2: no `transformer.`, and each layer's causal mask.

    The masks were saved as uint8 or bool, depending on the release, and later ones had a scalar
    `masked_bias` beside them. None of the three is a weight.
    """
    renamed = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    positions = len(renamed["wpe.weight"])
    mask = torch.ones(1, 1, positions, positions).tril()
    renamed["h.0.attn.bias"] = mask.to(torch.uint8)
    renamed["h.1.attn.bias"] = mask.to(torch.bool)
    renamed["h.1.attn.masked_bias"] = torch.tensor(-1e4)
    return renamed


def older_opt_names(tensors: Tensors) -> Tensors:
    """OPT as saved from the model without its head: `decoder.` in place of `model.decoder.`."""
    return {name.removeprefix("model."): tensor for name, tensor in tensors.items()}


def older_bloom_names(tensors: Tensors) -> Tensors:
    """The names of bigscience/bloom-7b1: no `transformer.`."""
    return {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}


def older_bert_names(tensors: Tensors) -> Tensors:
    """The names of google-bert/bert-base-uncased: TensorFlow's `gamma` and `beta`, and the buffer
    of positions that earlier versions of transformers saved."""
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors.items()
    }
    positions = len(renamed["bert.embeddings.position_embeddings.weight"])
    renamed["bert.embeddings.position_ids"] = torch.arange(positions)[None]
    return renamed


@dataclass
class Variant:
    config: PreTrainedConfig
    dtype: torch.dtype = torch.float32
    # Splits the weights into several files of at most this size.
    shard_size: str | None = None
    # Writes the weights under the names of older checkpoints.
    older_names: Callable[[Tensors], Tensors] | None = None
    # Writes config.json as transformers 4 did, as most published checkpoints have it, with these
    # keys renamed.
    older_config: dict[str, str] | None = None


VARIANTS = {
    "llama": Variant(LlamaConfig(**SIZES, hidden_size=40, intermediate_size=88)),
    # With these numbers the frequencies of a head fall in all three bands of the scaling: kept,
    # blended, divided by the factor.
    "llama-gqa-rope3": Variant(
        LlamaConfig(
            **SIZES, hidden_size=64, intermediate_size=128, num_key_value_heads=2,
            max_position_embeddings=512, rms_norm_eps=1e-5, tie_word_embeddings=False,
            rope_parameters={
                "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0,
                "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        ),
        dtype=torch.bfloat16,
        shard_size="75KB",
        older_config={},
    ),
    "llama-linear-rope": Variant(
        LlamaConfig(
            **SIZES, hidden_size=48, intermediate_size=104,
            rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
        ),
        dtype=torch.float16,
    ),
    # An epsilon large enough to be missed if the default is used in its place.
    "llama-biases": Variant(
        LlamaConfig(
            **SIZES, hidden_size=40, intermediate_size=72, num_key_value_heads=2, head_dim=14,
            attention_bias=True, mlp_bias=True, rms_norm_eps=1e-3,
        ),
    ),
    "mistral-window": Variant(
        MistralConfig(
            **SIZES, hidden_size=48, intermediate_size=104, num_key_value_heads=2,
            sliding_window=6, max_position_embeddings=512,
        ),
        dtype=torch.bfloat16,
        older_config={},
    ),
    "qwen2": Variant(
        Qwen2Config(
            **SIZES, hidden_size=40, intermediate_size=88, num_key_value_heads=2,
            tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        ),
        older_config={},
    ),
    "qwen3": Variant(
        Qwen3Config(
            **SIZES, hidden_size=48, intermediate_size=104, num_key_value_heads=2, head_dim=16,
        ),
        dtype=torch.bfloat16,
    ),
    "opt": Variant(OPTConfig(**OPT_SIZES)),
    "opt-350m-like": Variant(
        OPTConfig(**OPT_SIZES, do_layer_norm_before=False, word_embed_proj_dim=24),
        dtype=torch.float16,
        older_names=older_opt_names,
        older_config={},
    ),
    "gpt2": Variant(GPT2Config(**GPT2_SIZES, layer_norm_epsilon=1e-3)),
    "gpt2-older-names": Variant(
        GPT2Config(**GPT2_SIZES), older_names=older_gpt2_names, older_config={}
    ),
    # Six heads: the slopes of ALiBi have a second formula where heads are no power of two.
    "bloom-6-heads": Variant(
        BloomConfig(vocab_size=97, n_layer=2, n_head=6, hidden_size=36, layer_norm_epsilon=1e-3)
    ),
    "bloom-8-heads": Variant(
        BloomConfig(vocab_size=97, n_layer=2, n_head=8, hidden_size=48),
        dtype=torch.float16,
        older_names=older_bloom_names,
        older_config={"hidden_size": "n_embed", "n_head": "num_attention_heads"},
    ),
    "bert-classification": Variant(BertConfig(**BERT_SIZES, layer_norm_eps=1e-3)),
    "bert-classification-older-names": Variant(
        BertConfig(**BERT_SIZES), older_names=older_bert_names, older_config={}
    ),
}  # fmt: skip


def auto_class(config: PreTrainedConfig) -> type:
    is_bert = isinstance(config, BertConfig)
    return AutoModelForSequenceClassification if is_bert else AutoModelForCausalLM


def random_model(variant: Variant, rng: np.random.Generator) -> PreTrainedModel:
    model = auto_class(variant.config).from_config(variant.config, attn_implementation="eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.from_numpy(rng.standard_normal(parameter.shape, np.float32))
            if parameter.dim() > 1:
                parameter.copy_(noise * MATRIX_STD)
            elif name.endswith("bias"):
                parameter.copy_(noise * BIAS_STD)
            else:
                parameter.copy_(1 + noise * GAIN_STD)
    return model.to(variant.dtype)


def write_checkpoint(model: PreTrainedModel, variant: Variant, folder: Path) -> None:
    model.save_pretrained(folder, max_shard_size=variant.shard_size or "1GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    if variant.older_names:
        weights = folder / "model.safetensors"
        save_file(variant.older_names(load_file(weights)), weights, metadata={"format": "pt"})
    if variant.older_config is not None:
        path = folder / "config.json"
        config = older_config(json.loads(path.read_text()), variant.older_config)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def older_config(config: dict, renamed: dict[str, str]) -> dict:
    """The same configuration as transformers 4 wrote it."""
    config = {renamed.get(key, key): value for key, value in config.items()}
    config["transformers_version"] = "4.43.0"
    config["torch_dtype"] = config.pop("dtype")
    config.pop("layer_types", None)
    if rope := config.pop("rope_parameters", None):
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    # Most configurations left it to be the hidden size divided among the heads.
    config.pop("head_dim", None)
    return config


def load_checkpoint(folder: Path, written: PreTrainedModel) -> PreTrainedModel:
    """Loads a checkpoint for float32 computation, sure that it means what was written."""
    config = AutoConfig.from_pretrained(folder)
    ignored = {"dtype", "transformers_version", "_name_or_path"}
    for key, value in written.config.to_dict().items():
        assert key in ignored or config.to_dict()[key] == value, f"{folder.name}: {key}"

    model, report = auto_class(config).from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["mismatched_keys"], report
    buffers = (".attn.bias", ".attn.masked_bias", ".position_ids")
    assert all(key.endswith(buffers) for key in report["unexpected_keys"]), report
    loaded = model.state_dict()
    for name, tensor in written.state_dict().items():
        assert torch.equal(loaded[name], tensor.float()), f"{folder.name}: {name}"
    return model.eval()


def decoder_reference(model: PreTrainedModel, rng: np.random.Generator) -> Tensors:
    input_ids, greedy = telling_generation(model, rng)
    return {
        "input_ids": input_ids,
        "logits": model(input_ids).logits,
        "hidden": model.base_model(input_ids).last_hidden_state,
        "greedy": greedy,
    }


def telling_generation(
    model: PreTrainedModel, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws input ids until the tokens generated after the first of them are clear and varied."""
    # A fresh configuration has no end-of-sequence token, so generation does not stop early.
    model.generation_config = GenerationConfig()
    for _ in range(MAX_DRAWS):
        input_ids = torch.from_numpy(rng.integers(0, model.config.vocab_size, (BATCH, LENGTH)))
        prompt = input_ids[:1, :PROMPT]
        sequence = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=GENERATED,
        )
        greedy = sequence[0, PROMPT:]
        assert len(greedy) == GENERATED
        logits = model(sequence[:, :-1]).logits[0, PROMPT - 1 :]
        best, second = logits.topk(2).values.T
        margin = ((best - second) / logits.abs().amax(-1)).min()
        if margin >= MIN_MARGIN and len(greedy.unique()) >= MIN_DISTINCT:
            # One pass over all of it, without a cache, must agree with the cached generation.
            assert torch.equal(logits.argmax(-1), greedy)
            return input_ids, greedy
    raise RuntimeError(f"no telling prompt found for {model.config.model_type}; change SEED")


def bert_reference(model: PreTrainedModel, rng: np.random.Generator) -> Tensors:
    """One batch of single sentences, and one of pairs that divide at different places."""
    single = torch.from_numpy(rng.integers(0, model.config.vocab_size, (BATCH, LENGTH)))
    pair = torch.from_numpy(rng.integers(0, model.config.vocab_size, (BATCH, LENGTH)))
    single_types = torch.zeros_like(single)
    pair_types = (torch.arange(LENGTH) >= torch.tensor([[9], [15]])).long()

    def logits(input_ids: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        return model(input_ids, token_type_ids=token_type_ids).logits

    return {
        "input_ids": single,
        "token_type_ids": single_types,
        "logits": logits(single, single_types),
        "hidden": model.base_model(single, token_type_ids=single_types).last_hidden_state,
        "pair_input_ids": pair,
        "pair_token_type_ids": pair_types,
        "pair_logits": logits(pair, pair_types),
    }


@torch.no_grad()
def build(folder: Path) -> None:
    for name, variant in VARIANTS.items():
        # Seeded by name, so that adding a variant changes no other.
        rng = np.random.default_rng([SEED, *name.encode()])
        written = random_model(variant, rng)
        write_checkpoint(written, variant, folder / name)
        model = load_checkpoint(folder / name, written)
        reference = bert_reference if isinstance(model.config, BertConfig) else decoder_reference
        tensors = {key: value.contiguous() for key, value in reference(model, rng).items()}
        save_file(tensors, folder / name / COMPUTED_FILE)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    main(build, "models")
