"""A descent step (value, gradient, update; double precision, cross-entropy, decayed bias) beside PyTorch, JAX and NumPy on the same machine, one table of ratios.

    python benches/peers/step.py [K d N ...]        # default: the four sizes of docs/performance.md

Needs cargo and whichever of numpy, torch, jax there are. Each peer runs at its best setting: PyTorch eager and compiled, on one thread and on all; JAX jitted; NumPy by hand-written
derivatives. This program (`cargo bench --bench step -- one`) runs before and after the peers of a size and the slower of its medians counts.
"""

import os
import statistics
import subprocess
import sys
import time

import numpy as np

SECONDS = 2.0
DECAY = 5e-4
RATE = 1e-3


def median(step):
    """The median of a step's times in bursts of about 2 ms."""
    step()
    start = time.perf_counter()
    step()
    burst = max(1, int(2e-3 / (time.perf_counter() - start)))
    times, begun = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begun < SECONDS:
        start = time.perf_counter()
        for _ in range(burst):
            step()
        times.append((time.perf_counter() - start) / burst)
    return statistics.median(times)


def start(k, d, n):
    rng = np.random.default_rng(1)
    return 0.5 * rng.standard_normal((k, d)), 0.5 * rng.standard_normal((n, d)), 0.5 * rng.standard_normal(k), np.arange(n) % k


def numpy_step(k, d, n):
    w, h, b, labels = start(k, d, n)
    rows = np.arange(n)

    def step():
        nonlocal w, h, b
        z = h @ w.T + b
        top = z.max(axis=1, keepdims=True)
        p = np.exp(z - top)
        total = p.sum(axis=1, keepdims=True)
        value = (np.log(total[:, 0]) + top[:, 0] - z[rows, labels]).mean()
        value += 0.5 * DECAY * ((w * w).sum() + (h * h).sum() + (b * b).sum())
        p /= total
        p[rows, labels] -= 1.0
        p /= n
        gw, gh, gb = p.T @ h + DECAY * w, p @ w + DECAY * h, p.sum(axis=0) + DECAY * b
        w, h, b = w - RATE * gw, h - RATE * gh, b - RATE * gb
        return value

    return step


def torch_steps(k, d, n):
    import torch
    import torch.nn.functional as F

    def loss(w, h, b, labels):
        return F.cross_entropy(h @ w.T + b, labels) + 0.5 * DECAY * (w.square().sum() + h.square().sum() + b.square().sum())

    def make(function):
        w, h, b, labels = (torch.from_numpy(x.copy()) for x in start(k, d, n))
        parameters = [x.requires_grad_() for x in (w, h, b)]

        def step():
            value = function(*parameters, labels)
            gradients = torch.autograd.grad(value, parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-RATE)

        return step

    for threads in sorted({1, os.cpu_count()}):
        torch.set_num_threads(threads)
        yield f"PyTorch, {threads} thread(s)", make(loss)
        torch.compiler.reset()
        yield f"PyTorch compiled, {threads} thread(s)", make(torch.compile(loss))


def jax_step(k, d, n):
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    w, h, b, labels = map(jnp.asarray, start(k, d, n))

    def loss(parameters):
        w, h, b = parameters
        z = h @ w.T + b
        data = (jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, labels[:, None], 1)[:, 0]).mean()
        return data + 0.5 * DECAY * ((w * w).sum() + (h * h).sum() + (b * b).sum())

    @jax.jit
    def update(parameters):
        value, gradient = jax.value_and_grad(loss)(parameters)
        return value, [x - RATE * g for x, g in zip(parameters, gradient)]

    parameters = [w, h, b]

    def step():
        nonlocal parameters
        _, parameters = update(parameters)
        parameters[0].block_until_ready()

    return step


def ours(k, d, n):
    """(median step, median of the three products alone)."""
    command = ["cargo", "bench", "--quiet", "--bench", "step", "--", "one", *map(str, (k, d, n))]
    fields = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\t")
    return float(fields[1]), float(fields[3])


def peers(k, d, n):
    yield "NumPy", lambda: numpy_step(k, d, n)
    try:
        import torch  # noqa: F401

        for name, step in torch_steps(k, d, n):
            yield name, lambda step=step: step
    except ImportError:
        print("no torch here")
    try:
        import jax  # noqa: F401

        yield "JAX", lambda: jax_step(k, d, n)
    except ImportError:
        print("no jax here")


def main():
    sizes = [int(argument) for argument in sys.argv[1:]] or [4, 8, 100, 10, 16, 1000, 100, 128, 10_000, 1000, 512, 10_000]
    for k, d, n in zip(*[iter(sizes)] * 3):
        before = ours(k, d, n)
        times = {}
        for name, make in peers(k, d, n):
            try:
                times[name] = median(make())
            except Exception as error:  # torch.compile needs a C++ compiler
                print(f"{name}: {type(error).__name__}")
        after = ours(k, d, n)
        own, products = max(before, after)
        best = min((t for name, t in times.items() if name.startswith("PyTorch")), default=float("nan"))
        print(f"K={k} d={d} N={n}: ufm {own * 1e6:.1f} µs, {100 * products / own:.0f} % of the rate of its three products alone; PyTorch's best / ufm = {best / own:.1f}")
        for name, seconds in times.items():
            print(f"    {name:<32} {seconds * 1e6:>12.1f} µs   {seconds / own:>7.1f} × ufm")


if __name__ == "__main__":
    main()
