"""Forward passes of a GPT-2-small-shaped model in torch, timed one by one on request.

Prints "ready", then for every line on stdin runs one pass over 512 tokens and prints its seconds, so that the caller can
take turns with another program. Needs torch and transformers.
"""

import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config()).eval()
tokens = torch.randint(0, 50257, (1, 512))

with torch.inference_mode():
    model(tokens)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        model(tokens)
        print(time.perf_counter() - start, flush=True)
