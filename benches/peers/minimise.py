"""Minimisation to the tightest gradient that SciPy reaches, beside this program from the same start, and the ratio of times.

    python benches/peers/minimise.py [K d n]        # default 10 16 100; needs cargo, numpy, scipy

Cross-entropy, decays 5e-3, decayed bias, one gaussian start. SciPy has analytic gradients and Hessian products with NumPy's matrix products. For each of SciPy's methods the gradient bound is lowered
by tens until it is not met any more; the last bound that was met counts. This program gets the same bound, and then 1e-12. Times are medians.
"""

import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.optimize import minimize

DECAY = 5e-3


class Objective:
    def __init__(self, k, d, n):
        self.k, self.d, self.n = k, d, n
        self.labels = np.arange(n) % k
        self.rows = np.arange(n)
        self.last = None

    def parts(self, x):
        k, d, n = self.k, self.d, self.n
        # As this program packs it: W by columns, H by columns, b.
        return x[: k * d].reshape(d, k).T, x[k * d : k * d + d * n].reshape(n, d), x[k * d + d * n :]

    def value_gradient(self, x):
        w, h, b = self.parts(x)
        z = h @ w.T + b
        top = z.max(axis=1, keepdims=True)
        p = np.exp(z - top)
        total = p.sum(axis=1, keepdims=True)
        value = (np.log(total[:, 0]) + top[:, 0] - z[self.rows, self.labels]).mean() + 0.5 * DECAY * (x @ x)
        p /= total
        g = p.copy()
        g[self.rows, self.labels] -= 1.0
        g /= self.n
        self.last = (x.copy(), p, g)
        return value, np.concatenate([(g.T @ h).T.ravel(), (g @ w).ravel(), g.sum(axis=0)]) + DECAY * x

    def hessian_product(self, x, v):
        if self.last is None or not np.array_equal(self.last[0], x):
            self.value_gradient(x)
        _, p, g = self.last
        (w, h, _), (u, e, c) = self.parts(x), self.parts(v)
        t = h @ u.T + e @ w.T + c
        a = p * (t - (p * t).sum(axis=1, keepdims=True)) / self.n
        return np.concatenate([(a.T @ h + g.T @ e).T.ravel(), (a @ w + g @ u).ravel(), a.sum(axis=0)]) + DECAY * v

    def scaled(self, x):
        w, h, _ = self.parts(x)
        gradient = self.value_gradient(x)[1]
        return np.linalg.norm(gradient) / (DECAY + DECAY * np.linalg.norm(w) + DECAY * np.linalg.norm(h))


def scipy_run(objective, x, method, bound):
    """(median of seconds over about two of them, scaled gradient norm, value)."""
    runs, begun = [], time.perf_counter()
    while not runs or time.perf_counter() - begun < 2.0:
        runs.append(scipy_once(objective, x, method, bound))
    return statistics.median(seconds for seconds, _, _ in runs), *runs[0][1:]


def scipy_once(objective, x, method, bound):
    scale = DECAY * (1 + np.linalg.norm(x))
    options = {"maxiter": 100_000}
    if method == "trust-ncg":
        options["gtol"] = bound * scale
    else:
        options |= {"gtol": bound * scale / np.sqrt(x.size), "ftol": 0.0, "maxfun": 1_000_000, "maxcor": 10}
    more = {"hessp": objective.hessian_product} if method == "trust-ncg" else {}
    begun = time.perf_counter()
    found = minimize(objective.value_gradient, x, jac=True, method=method, options=options, **more)
    return time.perf_counter() - begun, objective.scaled(found.x), found.fun


def ours(k, d, n, solver, bound, file):
    """(seconds, scaled gradient norm, value)."""
    command = ["cargo", "bench", "--quiet", "--bench", "step", "--", "minimise", *map(str, (k, d, n)), solver, f"{bound:e}", file]
    fields = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\t")
    return float(fields[0]), float(fields[2]), float(fields[3])


def main():
    k, d, n = [int(argument) for argument in sys.argv[1:]] or [10, 16, 100]
    objective = Objective(k, d, k * n)
    x = 0.5 * np.random.default_rng(1).standard_normal(k * d + d * k * n + k)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(repr(float(entry)) for entry in x))
        file.flush()
        peers = {}
        for method in ("trust-ncg", "L-BFGS-B"):
            for exponent in range(5, 14):
                seconds, reached, value = scipy_run(objective, x, method, 10.0**-exponent)
                print(f"SciPy {method}, asked for 1e-{exponent}: {seconds:.3f} s, reached {reached:.1e}, f = {value:.15f}")
                best = peers.get(method)
                if best is None or reached < 0.5 * best[1]:
                    peers[method] = (seconds, reached)
                elif exponent > 8:
                    break
        own = {}
        for bound in sorted({reached for _, reached in peers.values()} | {1e-12}, reverse=True):
            for solver in ("lbfgs", "trust-region"):
                seconds, reached, value = ours(k, d, n, solver, bound, file.name)
                print(f"ufm {solver}, asked for {bound:.1e}: {seconds:.4f} s, reached {reached:.1e}, f = {value:.15f}")
                if reached <= bound:
                    own[bound] = min(own.get(bound, float("inf")), seconds)
        for method, (seconds, reached) in peers.items():
            print(f"to {reached:.1e}: SciPy {method} {seconds:.3f} s, ufm {own.get(reached, float('nan')):.4f} s, ratio {seconds / own.get(reached, float('nan')):.1f}")
        print(f"1e-12: {'reached' if 1e-12 in own else 'not reached'} by ufm")


if __name__ == "__main__":
    main()
