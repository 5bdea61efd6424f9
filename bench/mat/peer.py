# Times the shapes that bench/mat names, one a line: operation m n k flops
# seconds. Answers GFLOP/s of one timing of at least so many seconds.
import functools
import sys
import time

import numpy

try:
    from threadpoolctl import threadpool_info

    blas = ["%s %s %s, %d thread(s)" % (i["internal_api"], i["version"], i.get("architecture"), i["num_threads"]) for i in threadpool_info()]
except ImportError:
    blas = ["OpenBLAS as numpy brings it"]
print("numpy", numpy.__version__, "on", *blas, flush=True)
random = numpy.random.default_rng(1)


def fill(*shape):
    return random.standard_normal(shape, dtype=numpy.float32)


@functools.cache
def task(op, m, n, k):
    if op == "gemv":
        a, x, y = fill(m, n), fill(n), fill(m)
        return lambda: numpy.dot(a, x, out=y)
    if op == "gemvT":
        a, x, y = fill(m, n).T, fill(m), fill(n)
        return lambda: numpy.dot(a, x, out=y)
    if op in ("exp", "tanh"):
        x, y, f = fill(m * n), fill(m * n), getattr(numpy, op)
        return lambda: f(x, out=y)
    a = fill(k, m).T if op == "TN" else fill(m, k)
    b = fill(n, k).T if op == "NT" else fill(k, n)
    c = fill(m, n)
    return lambda: numpy.dot(a, b, out=c)


@functools.cache
def repeats(key, window):
    f, count = task(*key), 1
    while True:
        start = time.perf_counter()
        for _ in range(count):
            f()
        if time.perf_counter() - start >= window:
            return count
        count *= 2


for line in sys.stdin:
    op, m, n, k, flops, window = line.split()
    key = (op, int(m), int(n), int(k))
    f, count = task(*key), repeats(key, float(window))
    start = time.perf_counter()
    for _ in range(count):
        f()
    print(float(flops) * count / (time.perf_counter() - start) / 1e9, flush=True)
