# Trains the network of internal/ml/lstm in PyTorch: one LSTM layer, attention
# over its states, a linear head and a linear highway from the inputs; Huber
# loss, Adam, a cosine rate, clipping, batches of 32. One experiment a line:
# points sequence hidden epochs steps. Answers seconds of the processor and of the
# clock.
import math
import os
import sys
import time

import torch

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
print("PyTorch", torch.__version__, "on", torch.get_num_threads(), "thread(s)", flush=True)


class Network(torch.nn.Module):
    def __init__(self, hidden, sequence):
        super().__init__()
        self.lags = min(sequence, 32)
        self.lstm = torch.nn.LSTM(2, hidden, batch_first=True)
        self.attention = torch.nn.Linear(hidden, hidden, bias=False)
        self.head = torch.nn.Linear(2 * hidden, 1)
        self.highway = torch.nn.Linear(2 * self.lags, 1, bias=False)
        self.scale = 1 / math.sqrt(hidden)

    def forward(self, x):
        states, _ = self.lstm(x)
        last = states[:, -1]
        score = torch.bmm(states, self.attention(last).unsqueeze(2)) * self.scale
        context = torch.bmm(torch.softmax(score, 1).transpose(1, 2), states).squeeze(1)
        out = self.head(torch.cat([context, last], 1))
        return (out + self.highway(x[:, -self.lags :].flatten(1))).squeeze(1)


def encode(windows, change, mean, spread):
    last = windows[:, -1:]
    return torch.stack([(windows - last) / change, (windows - mean) / spread], 2).clamp(-20, 20)


def fit(net, loss, x, y, held, epochs, rate):
    adam = torch.optim.Adam(net.parameters(), lr=rate)
    train = len(x) - held
    best, kept = math.inf, None
    for epoch in range(epochs):
        for group in adam.param_groups:
            group["lr"] = rate * (0.55 + 0.45 * math.cos(math.pi * epoch / epochs))
        order = torch.randperm(train)
        for at in range(0, train, 32):
            chosen = order[at : at + 32]
            adam.zero_grad()
            loss(net(x[chosen]), y[chosen]).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1)
            adam.step()
        with torch.no_grad():
            score = loss(net(x[-held:]), y[-held:]) if held else loss(net(x), y)
        if score.item() < best:
            best, kept = score.item(), {k: v.clone() for k, v in net.state_dict().items()}
    if kept:
        net.load_state_dict(kept)


def experiment(points, sequence, hidden, epochs, steps):
    i = torch.arange(points, dtype=torch.float32)
    series = 100 + i + 10 * torch.sin(i / 3) + torch.randn(points)
    cpu, wall = time.process_time(), time.perf_counter()
    change, mean, spread = series.diff().abs().mean(), series.mean(), series.std()
    windows = series.unfold(0, sequence + 1, 1)
    x = encode(windows[:, :-1], change, mean, spread)
    y = ((windows[:, -1] - windows[:, -2]) / change).clamp(-20, 20)
    net, loss = Network(hidden, sequence), torch.nn.HuberLoss(delta=2)
    held = int(len(x) * 0.2) if len(x) >= 8 else 0
    fit(net, loss, x, y, held, epochs, 0.01)
    if held:
        fit(net, loss, x, y, 0, epochs // 5, 0.0025)
    with torch.no_grad():
        window = series[-sequence:]
        for _ in range(steps):
            step = net(encode(window.unsqueeze(0), change, mean, spread)) * change
            window = torch.cat([window[1:], window[-1:] + step])
    return time.process_time() - cpu, time.perf_counter() - wall


for line in sys.stdin:
    print(*experiment(*map(int, line.split())), flush=True)
