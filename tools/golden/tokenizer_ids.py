"""Writes test/golden/tokenizers/*.json: token ids as the reference implementation gives them.

    python tools/golden/tokenizer_ids.py ../shared/data test/golden/tokenizers

Needs the Python packages tokenizers and transformers. The golden files hold texts of our own and ids only; long texts
are named and summed up by a SHA-256 over their ids as little-endian uint32.
"""

import hashlib
import json
import pathlib
import shutil
import struct
import sys
import tempfile

from tokenizers import Tokenizer
from transformers import AutoTokenizer

TEXTS = [
    "",
    " ",
    "a",
    "Once upon a time",
    " Once upon a time",
    "   three leading spaces",
    "trailing spaces   ",
    "two  spaces   three    four",
    "Line one\nLine two\n\nLine four\r\nWindows",
    "tab\tand\u00a0no-break\u2003em\u3000ideographic\u200bzero width",
    "Don't stop; it's they're we've I'd I'm you'll.",
    "DON'T STOP",
    "3.14159 1,000,000 0x1F 2²+½ ①②③ ٣٤٥",
    "naïve café résumé Ångström",
    "nai\u0308ve cafe\u0301",
    "ΟΔΥΣΣΕΥΣ ΟΔΟΣ Σ σς İstanbul ıI ẞß ﬁ",
    "Привет, мир! Як справи?",
    "日本語のテキスト、中文字符。한국어 텍스트",
    "𠀀𠀁x𠮷野家 𝒳𝔸 𐍈",
    "مرحبا بالعالم שלום",
    "हिन्दी ภาษาไทย",
    "😀 👩‍👩‍👧‍👦 🇺🇦 ❤️ 👍🏽",
    "\ufeffbyte order mark \ufeff inside",
    "next\u0085line\u2028separator\u2029paragraph",
    "control \u0000\u0001\u0007\u001b\u007f chars",
    "soft\u00adhyphen \u200e\u202e marks",
    "replacement \ufffd private \ue000 unassigned \u0378",
    "literal ▁ underscore ▁▁ and <0x0A> and <unk>",
    "specials <s> </s> <|endoftext|> [CLS] [SEP][MASK] [PAD] [UNK]",
    "x <|endoftext|> y<|endoftext|>z",
    "$100 $& $1 `code` ~tilde~ ^caret^ |pipe| \\back\\ «quotes» “curly” – — …",
    "!!!??? ... --- ***",
    "def f(x):\n    return x ** 2  # squares\n\n\n\tif True:\n\t\tpass",
    "https://example.org/a_b-c?d=e&f=%20#g user@example.org",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "a" * 50,
    "z" * 101 + " " + "z" * 100,
    " " * 40 + "x",
    "\n" * 9,
    "word " * 30,
]

LONG = [
    "wikitext-2/test.txt",
    "tinystories/train-2316-stories.txt",
]


def digest(ids):
    return hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest()


def from_files(folder, model_type):
    """What transformers makes of the old vocabulary files."""
    with tempfile.TemporaryDirectory() as copy:
        for file in folder.iterdir():
            shutil.copy(file, copy)
        pathlib.Path(copy, "config.json").write_text(json.dumps({"model_type": model_type}))
        return AutoTokenizer.from_pretrained(copy).backend_tokenizer


def main(data, out):
    reference = {
        "stories260K": Tokenizer.from_file(str(data / "models/stories260K/tokenizer.json")),
        "gpt2": from_files(data / "tokenizers/gpt2", "gpt2"),
        "bert-base-uncased": from_files(data / "tokenizers/bert-base-uncased", "bert"),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, tokenizer in reference.items():
        tokenizer.no_truncation()
        tokenizer.no_padding()
        cases = []
        for text in TEXTS:
            ids = tokenizer.encode(text).ids
            plain = tokenizer.encode(text, add_special_tokens=False).ids
            cases.append({"text": text, "ids": ids, "plain": plain, "decoded": tokenizer.decode(ids)})
        long = []
        for path in LONG:
            ids = tokenizer.encode((data / "text" / path).read_bytes().decode("utf-8"), add_special_tokens=False).ids
            long.append({"file": path, "count": len(ids), "sha256": digest(ids)})
        golden = {"vocabularySize": tokenizer.get_vocab_size(), "cases": cases, "long": long}
        (out / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
