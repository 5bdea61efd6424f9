"""Writes forward.json: a network's answer and gradient, computed by PyTorch.

    python reference.py > forward.json          # torch 2.x, CPU
"""
import json, math
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
WINDOW, PATCH, TAIL, HORIZON, HIDDEN, HEAD, Q, STATICS = 6, 2, 3, 2, 4, 5, 9, 6
B, T = 3, WINDOW // PATCH
wide, joint, outputs = 2 * PATCH + 1, 2 * HIDDEN + STATICS + TAIL + HORIZON, HORIZON * Q + 2

def weight(*shape):
    return (torch.randn(*shape) * 0.4).requires_grad_()

# In the order of the file: see Network.Weights.
layers = [(weight(n, 4 * HIDDEN), weight(HIDDEN, 4 * HIDDEN), weight(4 * HIDDEN)) for n in (wide, HIDDEN)]
attention = weight(HIDDEN, HIDDEN)
head, head_bias = weight(joint, HEAD), weight(HEAD)
answer, answer_bias = weight(HEAD, outputs), weight(outputs)
highway = weight(WINDOW, HORIZON)

values, steps = torch.randn(B, WINDOW), torch.randn(B, WINDOW)
bent = torch.asinh(values)
known, static = torch.rand(B, T), torch.randn(B, STATICS)
season, echo, hold = torch.randn(B, HORIZON), torch.randn(B, HORIZON), torch.rand(B)
season_bent = torch.asinh(season)

def lstm(x, w):
    wx, wh, b = w
    h = c = torch.zeros(B, HIDDEN)
    out = []
    for t in range(T):
        i, f, o, g = (x[t] @ wx + h @ wh + b).split(HIDDEN, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        out.append(h)
    return torch.stack(out)

x = torch.stack([torch.cat([bent[:, t * PATCH:(t + 1) * PATCH], steps[:, t * PATCH:(t + 1) * PATCH], known[:, t:t + 1]], 1) for t in range(T)])
first = lstm(x, layers[0])
top = first + lstm(first, layers[1])
query = top[-1] @ attention
share = torch.softmax((query * top).sum(2) / math.sqrt(HIDDEN), 0)
context = (share[:, :, None] * top).sum(0)
hid = F.silu(torch.cat([top[-1], context, static, bent[:, -TAIL:], season_bent], 1) @ head + head_bias)
raw = hid @ answer + answer_bias
gate = 1 + hold * (1.2 * torch.sigmoid(raw[:, -2]) - 1)
median = raw[:, :-2].view(B, HORIZON, Q)[:, :, Q // 2] + values @ highway + gate[:, None] * season + 1.2 * torch.sigmoid(raw[:, -1:]) * echo
away = raw[:, :-2].view(B, HORIZON, Q)
away = (away + torch.sqrt(away ** 2 + 4)) / 2
up = median[:, :, None] + torch.cumsum(away[:, :, Q // 2 + 1:], 2)
down = median[:, :, None] - torch.cumsum(away[:, :, :Q // 2].flip(2), 2).flip(2)
out = torch.cat([down, median[:, :, None], up], 2)
(out ** 2 / 2).sum().backward()

flat = [w for layer in layers for w in layer] + [attention, head, head_bias, answer, answer_bias, highway]
listed = lambda t: [round(v, 9) for v in t.detach().flatten().tolist()]
print(json.dumps({
    "weights": sum((listed(w) for w in flat), []), "gradient": sum((listed(w.grad) for w in flat), []),
    "windows": [{"values": listed(values[b]), "bent": listed(bent[b]), "steps": listed(steps[b]), "known": listed(known[b]), "static": listed(static[b]),
                 "season": listed(season[b]), "seasonBent": listed(season_bent[b]), "echo": listed(echo[b]), "hold": round(hold[b].item(), 9)} for b in range(B)],
    "out": listed(out)}))
