"""Figures of the finished models: their stored F16 weights, computed in float32."""

import argparse
import math
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, BertForSequenceClassification, PreTrainedModel

from corpus import load_corpora, load_sst2
from train_bert import accuracy
from train_decoder import perplexity, to_sequences

PROMPTS = ["Once upon a time", "Tom and his dog went to the park.", "The prince looked at"]


def summary(model: PreTrainedModel, folder: Path) -> str:
    largest = max(p.abs().max().item() for p in model.parameters())
    size = (folder / "model.safetensors").stat().st_size
    return f"{folder.name}: {model.num_parameters()} parameters, {size} bytes, largest |w| {largest:.2f}"


def evaluate_decoder(folder: Path, data: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    config = model.config
    print(summary(model, folder))
    for corpus in load_corpora(data):
        sequences = to_sequences(corpus.held_out, tokenizer, config.bos_token_id, config.eos_token_id)
        per_token = perplexity(model, sequences, config.pad_token_id)
        tokens = sum(len(sequence) - 1 for sequence in sequences)
        bytes_ = sum(len(text.encode()) for text in corpus.held_out)
        bits = math.log2(per_token) * tokens / bytes_
        print(f"{corpus.name}: {tokens} tokens, perplexity {per_token:.2f}, {bits:.3f} bits per byte")

    model.eval()
    loaded = AutoTokenizer.from_pretrained(folder)
    for prompt in PROMPTS:
        inputs = loaded(prompt, return_tensors="pt", return_token_type_ids=False)
        output = model.generate(**inputs, max_new_tokens=60, do_sample=False)
        print(repr(loaded.decode(output[0], skip_special_tokens=True)))


def evaluate_bert(folder: Path, data: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    print(summary(model, folder))
    sentences, labels = zip(*load_sst2(data, "dev"))
    sequences = [encoding.ids for encoding in tokenizer.encode_batch(list(sentences))]
    print(f"SST-2 development set: accuracy {accuracy(model, sequences, list(labels)):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = parser.parse_args()
    for name in ("demo-llama", "demo-opt"):
        evaluate_decoder(arguments.models / name, arguments.data)
    evaluate_bert(arguments.models / "demo-bert", arguments.data)


if __name__ == "__main__":
    main()
