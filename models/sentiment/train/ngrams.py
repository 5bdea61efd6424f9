"""Trains the linear half of the classifier, and blends it with the network:
multinomial logistic regression over hashed runs of one to three token ids
(present or not), as NB-SVM (Wang & Manning, 2012) showed to rival networks.

    python ngrams.py DATA_DIR OWN_TSV EXTRA_TSV TOKENS_COMMAND WEIGHTS OUT

WEIGHTS is what train.py wrote; OUT is the table of int8 weights.
"""
import pathlib
import struct
import sys

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

import train

BITS, C = 19, 9


def mix(h):
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    return (h ^ (h >> np.uint32(12))) >> np.uint32(32 - BITS)


def buckets(r):
    """The distinct buckets of a text; must agree with internal/ml/textnet."""
    r = r[:256].astype(np.uint32) + np.uint32(1)
    one = r * np.uint32(0x9E3779B1)
    two = one[:-1] ^ (r[1:] * np.uint32(0x85EBCA77) + np.uint32(0x165667B1))
    three = two[:-1] ^ (r[2:] * np.uint32(0xC2B2AE3D) + np.uint32(0x27D4EB2F))
    return np.unique(mix(np.concatenate([one, two, three])))


def matrix(rows):
    cols = [buckets(r) for r in rows]
    at = np.concatenate([[0], np.cumsum([len(c) for c in cols])])
    flat = np.concatenate(cols).astype(np.int64)
    value = np.concatenate([np.full(len(c), 1 / np.sqrt(max(1, len(c)))) for c in cols])
    return csr_matrix((value, flat, at), (len(rows), 1 << BITS))


def load(path):
    """The parameters as train.write left them, for predict."""
    raw = pathlib.Path(path).read_bytes()
    _, rows, dim, filters, n = struct.unpack("<IIIII", raw[4:24])
    widths = struct.unpack(f"<{n}I", raw[24 : 24 + 4 * n])
    at = 24 + 4 * n

    def floats(*shape):
        nonlocal at
        k = int(np.prod(shape))
        v = np.frombuffer(raw, "<f4", k, at).reshape(shape)
        at += 4 * k
        return v

    p, scale = {}, floats(rows)
    for w in widths:
        p[f"w{w}"], p[f"b{w}"] = floats(w * dim, filters), floats(filters)
    p["a"], p["o"], p["c"] = floats(dim), floats(n * filters + dim, 3), floats(3)
    p["e"] = np.frombuffer(raw, np.int8, rows * dim, at).reshape(rows, dim) * scale[:, None]
    return p


def main(data, own, extra, command, weights, out):
    data = pathlib.Path(data)
    texts, held = train.training(data, own)
    for p, t in (l.rstrip("\n").split("\t") for l in open(extra)):
        texts.append((t, np.array(p.split(), float), 1.0))
    rows = train.tokens(command, [t for t, _, _ in texts])
    y = np.array([np.argmax(p) for _, p, _ in texts])
    w = np.array([w for *_, w in texts])
    model = LogisticRegression(C=C, max_iter=60, tol=1e-3).fit(matrix(rows), y, w)
    scale = np.abs(model.coef_).max() / 127
    q = np.round(model.coef_ / scale).astype(np.int8)
    with open(out, "wb") as f:
        f.write(b"OMNG" + struct.pack("<IIf", 1, BITS, scale) + model.intercept_.astype("<f4").tobytes() + np.ascontiguousarray(q.T).tobytes())
    p = load(weights)
    for name, (ls, m) in {
        "sst2_dev": (train.lines(data / "sst2_glue/dev.tsv"), {"0": 0, "1": 2}),
        "sst5_dev": (train.lines(data / "sst5_sentence/dev.tsv"), {"0": 0, "1": 0, "2": 1, "3": 2, "4": 2}),
        "sst2_test": (train.lines(data / "sst2_sentence/test.tsv"), {"0": 0, "1": 2}),
        "mpqa_held": (held["mpqa_held"], {"0": 0, "1": 2}),
        "tweets": (train.lines(data / "tweet_sentiment_extraction/test.tsv.gz"), {"0": 0, "1": 1, "2": 2}),
        "phrasebank": (train.lines(data / "financial_phrasebank/all_50agree.tsv"), {"0": 0, "1": 1, "2": 2}),
    }.items():
        r, gold = train.tokens(command, [l[-1] for l in ls]), np.array([m[l[0]] for l in ls])
        net, lin = train.predict(p, r), matrix(r) @ (q.T * scale) + model.intercept_
        for share in (0, 0.3, 0.4, 0.5, 1):
            o = (1 - share) * net + share * lin
            polar = gold != 1
            print(f"{name} linear {share}: label {np.mean(o.argmax(1) == gold):.4f} sign {np.mean((o[polar, 2] > o[polar, 0]) == (gold[polar] == 2)):.4f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
