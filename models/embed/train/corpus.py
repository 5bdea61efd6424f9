"""Training texts for the distillation, and their teacher embeddings.

Texts: definitions and example sentences of WordNet 3.0 (its licence allows use
for any purpose), and the train part of SST-5 (MIT repository). Run:

    python corpus.py WORDNET_DIR SST5_TRAIN_TSV OUT.npz
"""
import pathlib
import random
import re
import sys

import numpy as np

import teacher


def wordnet(folder):
    for part in ("noun", "verb", "adj", "adv"):
        for line in (pathlib.Path(folder) / f"data.{part}").read_text().splitlines():
            if line.startswith("  "):
                continue
            head, gloss = line.split(" | ", 1)
            f = head.split(" ")
            lemmas = [re.sub(r"\([a-z]+\)$", "", f[4 + 2 * i]).replace("_", " ") for i in range(int(f[3], 16))]
            examples = re.findall(r'"([^"]+)"', gloss)
            definition = re.sub(r'[;:,]?\s*"[^"]*"', "", gloss).strip(" ;")
            yield f"{', '.join(lemmas[:3])}: {definition}"
            if random.random() < 0.5:
                yield definition
            yield from examples


def main(folder, sst, out):
    random.seed(0)
    texts = list(wordnet(folder))
    texts += [l.split("\t", 1)[1] for l in pathlib.Path(sst).read_text().splitlines()[1:]]
    texts = sorted({t.strip() for t in texts if len(t.split()) >= 2})
    random.shuffle(texts)
    texts = texts[:160000]
    tok = teacher.tokenizer()
    rows = [e.ids[:128] for e in tok.encode_batch(texts)]
    print(len(rows), "texts", sum(map(len, rows)), "tokens", flush=True)
    e = teacher.encode(teacher.weights(), rows)
    e /= np.linalg.norm(e, axis=1, keepdims=True)
    lengths = np.array([len(r) - 2 for r in rows])
    flat = np.concatenate([r[1:-1] for r in rows]).astype(np.int32)
    np.savez(out, emb=e.astype(np.float16), flat=flat, lengths=lengths)
    pathlib.Path(out).with_suffix(".txt").write_text("\n".join(texts))


if __name__ == "__main__":
    main(*sys.argv[1:])
