"""Train the demo encoder: masked-language-model pre-training, then SST-2. python train_bert.py --out ../demo-bert"""

import argparse
import itertools
import random
from pathlib import Path

import torch
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

from batching import endless_batches, pad
from corpus import load_corpora, load_sst2
from export import save_model, save_tokenizer
from optimisation import Optimisation
from vocabulary import train_bert_tokenizer

CONTEXT = 128
WEIGHT_DECAY = 0.05
WARMUP = 100

PRETRAINING_LENGTH = 64
PRETRAINING_BATCH = 64
PRETRAINING_RATE = 1.5e-3
MASKED_PER_SEQUENCE = 10

TUNING_TOKENS_PER_BATCH = 1024
TUNING_RATE = 5e-4

SPECIALS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def make_config(tokenizer) -> BertConfig:
    return BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.0,
        classifier_dropout=0.2,
        pad_token_id=tokenizer.token_to_id("[PAD]"),
        id2label={0: "negative", 1: "positive"},
        label2id={"negative": 0, "positive": 1},
    )


def pretraining_sequences(texts: list[str], tokenizer) -> torch.Tensor:
    """All texts in one stream, [SEP] between them, cut into sequences of equal length."""
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    stream: list[int] = []
    for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
        stream += [*encoding.ids, sep]
    body = PRETRAINING_LENGTH - 2
    rows = torch.tensor(stream[: len(stream) // body * body]).view(-1, body)
    return functional.pad(functional.pad(rows, (1, 0), value=cls), (0, 1), value=sep)


def mask(inputs: torch.Tensor, mask_id: int, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Masked inputs, the chosen positions and their tokens: 80 % [MASK], 10 % another token, 10 % unchanged."""
    scores = torch.rand(inputs.shape)
    scores[:, [0, -1]] = 0.0
    positions = scores.topk(MASKED_PER_SEQUENCE, dim=1).indices
    targets = inputs.gather(1, positions)
    kind = torch.rand(targets.shape)
    replacement = torch.where(kind < 0.8, mask_id, torch.randint(vocabulary, targets.shape))
    replacement = torch.where(kind < 0.9, replacement, targets)
    return inputs.scatter(1, positions, replacement), positions, targets


def masked_loss(model: BertForMaskedLM, inputs, positions, targets) -> torch.Tensor:
    hidden = model.bert(input_ids=inputs).last_hidden_state
    # The output layer is the dearest part: it sees the masked positions alone.
    chosen = hidden.gather(1, positions[..., None].expand(-1, -1, hidden.shape[-1]))
    return functional.cross_entropy(model.cls(chosen).flatten(0, 1).float(), targets.flatten())


def pretrain(config: BertConfig, texts: list[str], tokenizer, minutes: float) -> BertForMaskedLM:
    model = BertForMaskedLM(config)
    rows = pretraining_sequences(texts, tokenizer)
    print(f"pre-training on {rows.numel()} tokens", flush=True)
    compiled_loss = torch.compile(masked_loss)
    optimisation = Optimisation(model, PRETRAINING_RATE, WEIGHT_DECAY, WARMUP, minutes)
    model.train()
    while not optimisation.finished():
        inputs = rows[torch.randint(len(rows), (PRETRAINING_BATCH,))]
        with torch.autocast("cpu", torch.bfloat16):
            loss = compiled_loss(model, *mask(inputs, tokenizer.token_to_id("[MASK]"), config.vocab_size))
        loss.backward()
        optimisation.update()
        if optimisation.step % 50 == 0:
            print(f"step {optimisation.step} {optimisation.elapsed():.0f} s loss {loss.item():.3f}", flush=True)
    return model


def class_logits(model: BertForSequenceClassification, inputs: torch.Tensor) -> torch.Tensor:
    real = (inputs != model.config.pad_token_id).long()
    return model(input_ids=inputs, attention_mask=real).logits


@torch.no_grad()
def accuracy(model: BertForSequenceClassification, sequences: list[list[int]], labels: list[int]) -> float:
    model.eval()
    right = 0
    for start in range(0, len(sequences), 32):
        inputs = pad(sequences[start : start + 32], model.config.pad_token_id)
        predicted = class_logits(model, inputs).argmax(1)
        right += (predicted == torch.tensor(labels[start : start + 32])).sum().item()
    model.train()
    return right / len(sequences)


def tune(model: BertForSequenceClassification, data: Path, tokenizer, minutes: float) -> None:
    def load(split: str) -> tuple[list[list[int]], list[int]]:
        sentences, labels = zip(*load_sst2(data, split))
        return [encoding.ids for encoding in tokenizer.encode_batch(list(sentences))], list(labels)

    sequences, labels = load("train")
    compiled_logits = torch.compile(class_logits, dynamic=True)
    optimisation = Optimisation(model, TUNING_RATE, WEIGHT_DECAY, WARMUP, minutes)
    batches = endless_batches(sequences, TUNING_TOKENS_PER_BATCH, random.Random(1))
    seen = 0
    model.train()
    while not optimisation.finished():
        batch = next(batches)
        seen += len(batch)
        inputs = pad([sequences[i] for i in batch], model.config.pad_token_id)
        with torch.autocast("cpu", torch.bfloat16):
            logits = compiled_logits(model, inputs)
        loss = functional.cross_entropy(logits.float(), torch.tensor([labels[i] for i in batch]))
        loss.backward()
        optimisation.update()
        if optimisation.step % 250 == 0 or optimisation.finished():
            # The development set is watched, never chosen by: the last weights are the model.
            figure = accuracy(model, *load("dev"))
            epochs = seen / len(sequences)
            print(
                f"step {optimisation.step} epoch {epochs:.2f} {optimisation.elapsed():.0f} s"
                f" loss {loss.item():.3f} dev accuracy {figure:.4f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pretraining-minutes", type=float, default=8)
    parser.add_argument("--tuning-minutes", type=float, default=7)
    arguments = parser.parse_args()

    torch.manual_seed(1)
    texts = list(itertools.chain.from_iterable(corpus.train for corpus in load_corpora(arguments.data)))
    texts += [sentence for sentence, _ in load_sst2(arguments.data, "train")]
    tokenizer = train_bert_tokenizer(texts)
    save_tokenizer(tokenizer, arguments.out, SPECIALS, CONTEXT)

    config = make_config(tokenizer)
    pretrained = pretrain(config, texts, tokenizer, arguments.pretraining_minutes)
    model = BertForSequenceClassification(config)
    # All but the pooler, which masked-language modelling does not train.
    model.bert.load_state_dict(pretrained.bert.state_dict(), strict=False)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    tune(model, arguments.data, tokenizer, arguments.tuning_minutes)
    save_model(model, arguments.out)


if __name__ == "__main__":
    main()
