"""Scores a table: the retrieval set beside it, WordNet definitions held out of
nothing (the teacher's own score is shown for comparison), agreement with the
teacher on SST-5 test sentences (never trained on).

    python evaluate.py ../table.bin ../testdata/retrieval.tsv SST5_TEST_TSV
"""
import collections
import math
import pathlib
import re
import struct
import sys

import numpy as np
from scipy.stats import spearmanr

import teacher


def read(path):
    raw = pathlib.Path(path).read_bytes()
    _, rows, dim = struct.unpack("<III", raw[4:16])
    scale = np.frombuffer(raw, np.float32, rows, 16)
    return np.frombuffer(raw, np.int8, rows * dim, 16 + 4 * rows).reshape(rows, dim) * scale[:, None]


def bm25(docs, queries):
    docs = [re.findall(r"\w+", d.lower()) for d in docs]
    df = collections.Counter(t for d in docs for t in set(d))
    mean = np.mean([len(d) for d in docs])
    out = np.zeros((len(queries), len(docs)))
    for i, q in enumerate(queries):
        for j, d in enumerate(docs):
            tf = collections.Counter(d)
            for t in set(re.findall(r"\w+", q.lower())):
                if tf[t]:
                    out[i, j] += math.log(1 + (len(docs) - df[t] + 0.5) / (df[t] + 0.5)) * tf[t] * 2.2 / (tf[t] + 1.2 * (0.25 + 0.75 * len(d) / mean))
    return out


def ranks(scores, gold):
    return np.array([1 + (s > s[g]).sum() + (s == s[g]).sum() // 2 for s, g in zip(scores, gold)])


def report(name, r):
    print(f"{name:10} recall@1 {np.mean(r == 1):.3f}  recall@5 {np.mean(r <= 5):.3f}  MRR {np.mean(1 / r):.3f}")


def main(table, pairs, sst):
    t, tok, w = read(table), teacher.tokenizer(), teacher.weights()

    def static(texts):
        v = np.stack([t[tok.encode(s, add_special_tokens=False).ids].sum(0) for s in texts])
        return v / (np.linalg.norm(v, axis=1, keepdims=True) + 1e-9)

    def full(texts):
        v = teacher.encode(w, [tok.encode(s).ids for s in texts])
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    rows = [l.split("\t") for l in pathlib.Path(pairs).read_text().splitlines()]
    docs = sorted({d for d, _ in rows})
    gold, queries = [docs.index(d) for d, _ in rows], [q for _, q in rows]
    report("BM25", ranks(bm25(docs, queries), gold))
    report("static", ranks(static(queries) @ static(docs).T, gold))
    report("fused", ranks(static(queries) @ static(docs).T + 0.03 * bm25(docs, queries), gold))
    report("teacher", ranks(full(queries) @ full(docs).T, gold))
    texts = [l.split("\t", 1)[1] for l in pathlib.Path(sst).read_text().splitlines()[1:601]]
    a, b = static(texts), full(texts)
    i = np.triu_indices(len(texts), 1)
    print(f"similarity on SST-5 test pairs, Spearman with the teacher: {spearmanr((a @ a.T)[i], (b @ b.T)[i])[0]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
