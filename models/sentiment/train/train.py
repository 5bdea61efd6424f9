"""Trains the sentiment network and writes ../weights.bin.

    python train.py DATA_DIR OWN_TSV TOKENS_COMMAND EMBED_TABLE OUT

DATA_DIR holds sst2_glue, sst2_sentence, sst5_sentence, mpqa and subj (the
sets trained on; see the model card) and those only scored. TOKENS_COMMAND is
the built ./tokens. Seeded.
"""
import gzip
import pathlib
import struct
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

OWN_WEIGHT = 0.5  # our own sentences are many and easy; the written ones shall not drown in them
DIM, FILTERS, WIDTHS, EPOCHS, BATCH = 64, 96, (1, 2, 3, 4), 4, 512
NEG, NEU, POS = 0, 1, 2
jax.config.update("jax_default_prng_impl", "rbg")  # several times quicker than the default on a CPU


def lines(path):
    raw = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path)
    return [l.rstrip("\n").split("\t") for l in raw][1:]


def tokens(command, texts):
    clean = [t.replace("\n", " ").replace("\r", " ") for t in texts]
    out = subprocess.run([command], input="\n".join(clean) + "\n", capture_output=True, text=True, check=True).stdout.split("\n")
    return [np.array(l.split(), np.int32) for l in out[: len(texts)]]


def hard(y, smooth=0.02):
    p = np.full(3, smooth)
    p[y] = 1 - 2 * smooth
    return p


def training(data, own):
    """Texts, target distributions, weights."""
    out = []
    for y, t in lines(data / "sst2_glue/train_phrases.tsv.gz"):
        out.append((t, hard(2 * int(y)), 1.0))
    for y, t in lines(data / "sst2_sentence/train.tsv"):
        out.append((t, hard(2 * int(y)), 1.5))
    fine = {0: hard(NEG), 1: (0.80, 0.17, 0.03), 2: hard(NEU, 0.15), 3: (0.03, 0.17, 0.80), 4: hard(POS)}
    for y, t in lines(data / "sst5_sentence/train.tsv"):
        out.append((t, np.array(fine[int(y)]), 1.0))
    mpqa = lines(data / "mpqa/all.tsv.gz")
    order = np.random.default_rng(0).permutation(len(mpqa))
    for i in order[len(mpqa) // 10 :]:
        out.append((mpqa[i][1], hard(2 * int(mpqa[i][0]), 0.05), 1.0))
    subj = [t for y, t in lines(data / "subj/all.tsv.gz") if y == "0"]
    order = np.random.default_rng(0).permutation(len(subj))
    for i in order[len(subj) // 10 :]:
        out.append((subj[i], hard(NEU, 0.05), 1.0))
    for p, t in (l.rstrip("\n").split("\t") for l in open(own)):
        out.append((t, np.array(p.split(), float), OWN_WEIGHT))
    held = {"mpqa_held": [mpqa[i] for i in np.random.default_rng(0).permutation(len(mpqa))[: len(mpqa) // 10]]}
    held["subj_held"] = [("1", subj[i]) for i in order[: len(subj) // 10]]
    return out, held


def init(rng, table):
    """Token vectors start as the first principal axes of the static embedding."""
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6)
    unit[1], unit[2] = rng.normal(0, 0.07, unit.shape[1]), rng.normal(0, 0.07, unit.shape[1])
    _, _, axes = np.linalg.svd(unit[999:20000], full_matrices=False)
    e = unit @ axes[:DIM].T
    e = e / e[999:].std() * 0.5
    p = {"e": e}
    for w in WIDTHS:
        p[f"w{w}"] = rng.normal(0, np.sqrt(2 / (w * DIM)), (w * DIM, FILTERS))
        p[f"b{w}"] = np.zeros(FILTERS)
    p["a"] = np.zeros(DIM)
    p["o"] = rng.normal(0, 0.05, (len(WIDTHS) * FILTERS + DIM, 3))
    p["c"] = np.zeros(3)
    return {k: jnp.asarray(v, jnp.float32) for k, v in p.items()}


def logits(p, ids, key=None, drop=0.0, word_drop=0.0):
    real = (ids > 0).astype(jnp.float32)
    if key is not None:
        k1, k2, k3 = jax.random.split(key, 3)
        keep = jax.random.bernoulli(k1, 1 - word_drop, ids.shape)
        x = p["e"][ids] * (real * keep)[..., None]
        x = x * jax.random.bernoulli(k3, 1 - drop / 2, x.shape) / (1 - drop / 2)
    else:
        x = p["e"][ids] * real[..., None]
    n, t, _ = x.shape
    parts = []
    for w in WIDTHS:
        # Windows over the text padded by w-1 zero tokens on both sides.
        y = jnp.pad(x, ((0, 0), (w - 1, w - 1), (0, 0)))
        windows = jnp.concatenate([y[:, i : i + t + w - 1] for i in range(w)], -1)
        h = jax.nn.relu(windows @ p[f"w{w}"] + p[f"b{w}"])
        # A window counts if it touches a real token.
        r = jnp.pad(real, ((0, 0), (w - 1, w - 1)))
        touch = sum(r[:, i : i + t + w - 1] for i in range(w)) > 0
        parts.append((h * touch[..., None]).max(1))
    a = jnp.where(real > 0, x @ p["a"], -1e9)
    parts.append((jax.nn.softmax(a, -1)[..., None] * x).sum(1))
    h = jnp.concatenate(parts, -1)
    if key is not None:
        h = h * jax.random.bernoulli(k2, 1 - drop, h.shape) / (1 - drop)
    return h @ p["o"] + p["c"]


def batches(rows, order, rng):
    """Batches of like lengths, padded to 8, 16, 32 or 64."""
    sizes = [8, 16, 32, 64]
    bucket = {s: [] for s in sizes}
    for i in order:
        s = next((s for s in sizes if len(rows[i]) <= s), 64)
        bucket[s].append(i)
    out = []
    for s, idx in bucket.items():
        for at in range(0, len(idx), BATCH):
            out.append((s, idx[at : at + BATCH]))
    rng.shuffle(out)
    return out


def pad(rows, idx, size, count):
    ids = np.zeros((count, size), np.int32)
    for j, i in enumerate(idx):
        r = rows[i][:size]
        ids[j, : len(r)] = r
    return ids


def fit(p, rows, target, weight, epochs, seed, after):
    rng, key = np.random.default_rng(seed), jax.random.PRNGKey(seed)
    total = epochs * len(batches(rows, range(len(rows)), rng))
    opt = optax.multi_transform(
        {"e": optax.adam(optax.cosine_decay_schedule(4e-3, total)), "n": optax.adamw(optax.cosine_decay_schedule(2e-3, total), weight_decay=1e-3)},
        {k: "e" if k == "e" else "n" for k in p},
    )
    s = opt.init(p)
    start = p["e"]

    @jax.jit
    def step(p, s, avg, ids, y, w, key):
        def loss(p):
            l = optax.softmax_cross_entropy(logits(p, ids, key, 0.5, 0.1), y)
            return (l * w).sum() / w.sum() + 2e-5 * ((p["e"][ids[:, :8]] - start[ids[:, :8]]) ** 2).sum(-1).mean()

        v, g = jax.value_and_grad(loss)(p)
        u, s = opt.update(g, s, p)
        p = optax.apply_updates(p, u)
        return p, s, jax.tree.map(lambda a, b: 0.985 * a + 0.015 * b, avg, p), v

    avg = p
    for epoch in range(epochs):
        losses = []
        for size, idx in batches(rows, rng.permutation(len(rows)), rng):
            key, k = jax.random.split(key)
            y, w = np.full((BATCH, 3), 1 / 3, np.float32), np.zeros(BATCH, np.float32)
            y[: len(idx)], w[: len(idx)] = target[idx], weight[idx]
            p, s, avg, v = step(p, s, avg, pad(rows, idx, size, BATCH), y, w, k)
            losses.append(float(v))
        print("epoch", epoch, "loss %.4f" % np.mean(losses), flush=True)
        after(avg)
    return avg


forward = jax.jit(logits)


def predict(p, rows):
    out = np.zeros((len(rows), 3), np.float32)
    for size, idx in batches(rows, range(len(rows)), np.random.default_rng(0)):
        out[idx] = np.asarray(forward(p, pad(rows, idx, size, BATCH)))[: len(idx)]
    return out


def write(path, p):
    """Magic, version, rows, dim, filters, widths; scales and int8 rows; float32 rest."""
    e = np.asarray(p["e"])
    scale = np.abs(e).max(1) / 127
    q = np.round(e / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8)
    with open(path, "wb") as f:
        f.write(b"OMNT" + struct.pack("<IIIII", 1, *e.shape, FILTERS, len(WIDTHS)) + struct.pack(f"<{len(WIDTHS)}I", *WIDTHS))
        f.write(scale.astype("<f4").tobytes())
        for w in WIDTHS:
            f.write(np.asarray(p[f"w{w}"], "<f4").tobytes() + np.asarray(p[f"b{w}"], "<f4").tobytes())
        f.write(b"".join(np.asarray(p[k], "<f4").tobytes() for k in ("a", "o", "c")))
        f.write(q.tobytes())


def table(path):
    raw = pathlib.Path(path).read_bytes()
    _, rows, dim = struct.unpack("<III", raw[4:16])
    return np.frombuffer(raw, np.int8, rows * dim, 16 + 4 * rows).reshape(rows, dim) * np.frombuffer(raw, np.float32, rows, 16)[:, None]


def main(data, own, command, embed, out):
    data = pathlib.Path(data)
    train, held = training(data, own)
    rows = tokens(command, [t for t, _, _ in train])
    target, weight = np.stack([y for _, y, _ in train]).astype(np.float32), np.array([w for *_, w in train], np.float32)
    print(len(rows), "texts,", sum(map(len, rows)), "tokens", flush=True)
    tests = {
        "sst2_dev": (lines(data / "sst2_glue/dev.tsv"), {"0": NEG, "1": POS}),
        "sst2_test": (lines(data / "sst2_sentence/test.tsv"), {"0": NEG, "1": POS}),
        "sst5_dev": (lines(data / "sst5_sentence/dev.tsv"), {"0": NEG, "1": NEG, "2": NEU, "3": POS, "4": POS}),
        "phrasebank": (lines(data / "financial_phrasebank/all_50agree.tsv"), {"0": NEG, "1": NEU, "2": POS}),
        "tweets": (lines(data / "tweet_sentiment_extraction/test.tsv.gz"), {"0": NEG, "1": NEU, "2": POS}),
        "mpqa_held": (held["mpqa_held"], {"0": NEG, "1": POS}),
        "subj_held": (held["subj_held"], {"1": NEU}),
    }
    tests = {k: (tokens(command, [l[-1] for l in ls]), np.array([m[l[0]] for l in ls])) for k, (ls, m) in tests.items()}

    # Only rows that the training texts reach are trained; the others keep
    # their start.
    used = np.unique(np.concatenate([[0, 1, 2]] + rows))
    place = np.zeros(30522, np.int32)
    place[used] = np.arange(len(used))
    rows = [place[r] for r in rows]

    def full(p):
        e = np.array(whole["e"])
        e[used] = np.asarray(p["e"])
        return {**p, "e": jnp.asarray(e)}

    def score(p):
        p = full(p)
        write(out, p)
        for name, (r, y) in tests.items():
            o = predict(p, r)
            polar = y != NEU
            sign = (o[polar, POS] > o[polar, NEG]) == (y[polar] == POS)
            print(f"  {name}: label {np.mean(o.argmax(1) == y):.4f}" + (f" sign {np.mean(sign):.4f}" if polar.any() else ""), end="")
        print(flush=True)

    whole = init(np.random.default_rng(1), table(embed))
    fit({**whole, "e": whole["e"][used]}, rows, target, weight, EPOCHS, 1, score)


if __name__ == "__main__":
    main(*sys.argv[1:])
