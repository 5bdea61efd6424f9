"""Distils the static embedding from the teacher.

    python corpus.py WORDNET_DIR SST5_TRAIN_TSV corpus.npz
    python distill.py corpus.npz tokens.npy ../table.bin

1. Each vocabulary entry goes through the teacher as [CLS] entry [SEP]; the mean
   of the hidden states is its vector (Model2Vec; van Dongen & Tulkens, 2024).
2. Principal components of these, centred; a token's weight is a/(a+p), p its
   share in the corpus (SIF; Arora et al., 2017).
3. The vectors, weights folded in, are trained so that the normalised sum over
   a text's tokens points where the teacher's (projected) embedding points:
   loss = 1 - cosine, plus the in-batch similarity error (as "tokenlearn").
4. int8 with one scale a row.
"""
import pathlib
import struct
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

import teacher

DIM, SIF, EPOCHS, BATCH, LENGTH = 192, 1e-3, 6, 1024, 48


def base(tok384, counts, dim):
    """Steps 1 and 2. Returns table [V, dim] and the projection (mean, axes)."""
    t = tok384 / np.linalg.norm(tok384, axis=1, keepdims=True)
    used = np.ones(len(t), bool)
    used[:999] = False  # [PAD], [unused…], [CLS], …
    mean = t[used].mean(0)
    _, _, axes = np.linalg.svd(t[used] - mean, full_matrices=False)
    p = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    table = (t - mean) @ axes[:dim].T * (SIF / (SIF + p))[:, None]
    table[~used] = 0
    return table.astype(np.float32), mean, axes[:dim]


def pad(flat, lengths):
    at = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.zeros((len(lengths), LENGTH), np.int32)
    for i in range(len(lengths)):
        r = flat[at[i] : at[i + 1]][:LENGTH]
        ids[i, : len(r)] = r
    return ids


def embed(table, ids):
    v = table[ids].sum(1)
    return v / (jnp.linalg.norm(v, axis=1, keepdims=True) + 1e-6)


def train(table, ids, target, epochs=EPOCHS, seed=0, rate=2e-3):
    steps = epochs * (len(ids) // BATCH)
    opt = optax.adam(optax.cosine_decay_schedule(rate, steps))
    live = jnp.asarray((np.abs(table).sum(1) > 0)[:, None].astype(np.float32))

    @jax.jit
    def step(table, s, ids, y):
        def loss(table):
            e = embed(table * live, ids)
            cosine = 1 - (e * y).sum(1).mean()
            pairs = ((e @ e.T - y @ y.T) ** 2).mean()
            return cosine + 10 * pairs

        v, g = jax.value_and_grad(loss)(table)
        u, s = opt.update(g, s)
        return optax.apply_updates(table, u), s, v

    table, s, rng, total = jnp.asarray(table), None, np.random.default_rng(seed), 0.0
    s = opt.init(table)
    for epoch in range(epochs):
        order, total = rng.permutation(len(ids)), 0.0
        n = len(ids) // BATCH
        for k in range(n):
            pick = order[k * BATCH : (k + 1) * BATCH]
            table, s, v = step(table, s, ids[pick], target[pick])
            total += float(v)
        print("epoch", epoch, "loss", total / n, flush=True)
    return np.asarray(table * live)


def quantise(table):
    scale = np.abs(table).max(1) / 127
    q = np.round(table / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8)
    return q, scale.astype(np.float32)


def write(path, table):
    """Magic, version, rows, dim (uint32); scales (float32); rows (int8)."""
    q, scale = quantise(table)
    with open(path, "wb") as f:
        f.write(b"OMNE" + struct.pack("<III", 1, *table.shape) + scale.tobytes() + q.tobytes())


def main(corpus, tokens, out):
    w = teacher.weights()
    if not pathlib.Path(tokens).exists():
        v = w["embeddings.word_embeddings.weight"].shape[0]
        np.save(tokens, teacher.encode(w, [[101, i, 102] for i in range(v)], batch=2048))
    tok384 = np.load(tokens)
    if corpus == "-":
        rank = np.arange(len(tok384))
        counts = 1e6 / (rank + 2.7)
        write(out, base(tok384, counts, DIM)[0])
        return
    c = np.load(corpus)
    counts = np.bincount(c["flat"], minlength=len(tok384)).astype(float)
    table, mean, axes = base(tok384, counts, DIM)
    # The teacher's sentence vectors have their own mean and axes.
    emb = c["emb"].astype(np.float32)
    _, _, axes = np.linalg.svd(emb[:40000], full_matrices=False)
    y = emb @ axes[:DIM].T
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    ids = pad(c["flat"], c["lengths"])
    # Rotate the start to the same axes.
    sif = (SIF / (SIF + (counts + 0.5) / (counts.sum() + 0.5 * len(counts))))[:, None]
    unit = tok384 / np.linalg.norm(tok384, axis=1, keepdims=True)
    start = ((unit - unit[999:].mean(0)) @ axes[:DIM].T * sif).astype(np.float32)
    start[:999] = 0
    write(out, train(start, ids, y))


if __name__ == "__main__":
    main(*sys.argv[1:])
