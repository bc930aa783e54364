"""The training texts, each split into training and held-out documents."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

HELD_OUT_FRACTION = 0.05

# A model this small should not spend vocabulary on typographic variants.
TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "—": "-", "–": "-", "\u00a0": " "})


@dataclass(frozen=True)
class Corpus:
    name: str
    train: list[str]
    held_out: list[str]


def load_corpora(data: Path) -> list[Corpus]:
    """TinyStories, C4 and War and Peace, in this order."""
    return [
        _split("tinystories", _stories(data / "text/tinystories/train-2316-stories.txt")),
        _split("c4", _web_documents(data / "text/c4/train-1000-documents.jsonl")),
        _split("gutenberg", _chapters(data / "text/gutenberg/warandpeace.txt")),
    ]


def load_sst2(data: Path, split: str) -> list[tuple[str, int]]:
    """Sentences with their label (0 negative, 1 positive); split is "train" or "dev"."""
    names = {"train": ["train.tsv", "train-rest.tsv"], "dev": ["dev.tsv"]}[split]
    examples = []
    for name in names:
        lines = (data / "tasks/sst2" / name).read_text(encoding="utf-8").splitlines()
        for line in lines[1:]:
            sentence, label = line.rsplit("\t", 1)
            examples.append((sentence.strip(), int(label)))
    return examples


def _split(name: str, documents: list[str]) -> Corpus:
    """Hold out the last documents, and drop their copies from the training part."""
    count = round(len(documents) * HELD_OUT_FRACTION)
    held_out = documents[-count:]
    seen = set(held_out)
    return Corpus(name, [text for text in documents[:-count] if text not in seen], held_out)


def _clean(text: str) -> str:
    return text.translate(TYPOGRAPHY).strip()


def _stories(path: Path) -> list[str]:
    stories = (_clean(story) for story in path.read_text(encoding="utf-8").split("<|endoftext|>"))
    return [story for story in stories if story]


def _web_documents(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return [_clean(json.loads(line)["text"]) for line in lines]


def _chapters(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8-sig")
    body = re.split(r"\*\*\* ?(?:START|END) OF TH[^*]*\*\*\*", text)[1]
    # Chapter headings in the table of contents are indented; those of the text are not.
    chapters = re.split(r"^CHAPTER [IVXL]+\s*$", body, flags=re.MULTILINE)[1:]
    return [_unwrap(_clean(chapter)) for chapter in chapters]


def _unwrap(text: str) -> str:
    """One line per paragraph, as in the other corpora."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
