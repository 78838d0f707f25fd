"""Writes losses.json: values, gradients and Hessians of every loss, to 25 digits, for the tests of src/losses.

    python3 tests/oracle/losses.py          (needs mpmath; about six minutes)

Only the *definition* of each loss is used: derivatives are central differences of the value with step 1e-400 at 1700 digits, whose error is far
below the digits printed. So nothing here shares a formula with the code under test. Logits are binary64 numbers, taken exactly.
Numbers are written as strings: a reader rounds them once.
"""

import json
import pathlib

import mpmath as mp

mp.mp.dps = 1700
STEP = mp.mpf(10) ** -400


def log_p(z, j):
    """log of the softmax probability of class j."""
    return z[j] - mp.log(mp.fsum(mp.exp(x) for x in z))


def cross_entropy(z, k):
    return -log_p(z, k)


def label_smoothing(alpha):
    alpha = mp.mpf(alpha)
    return lambda z, k: -mp.fsum(((1 - alpha) * (j == k) + alpha / len(z)) * log_p(z, j) for j in range(len(z)))


def focal(gamma):
    gamma = mp.mpf(gamma)

    def loss(z, k):
        s = log_p(z, k)
        return -((1 - mp.exp(s)) ** gamma) * s

    return loss


def mse(kappa, target):
    return lambda z, k: (kappa * (z[k] - target) ** 2 + mp.fsum(x * x for j, x in enumerate(z) if j != k)) / 2


def bce(z, k):
    return mp.fsum(mp.log(1 + mp.exp(-x if j == k else x)) for j, x in enumerate(z))


def poly_loss(epsilon1):
    epsilon1 = mp.mpf(epsilon1)
    return lambda z, k: -log_p(z, k) + epsilon1 * (1 - mp.exp(log_p(z, k)))


def generalized_cross_entropy(a):
    a = mp.mpf(a)
    return lambda z, k: (1 - mp.exp(a * log_p(z, k))) / a


def squentropy(z, k):
    return -log_p(z, k) + mp.fsum(x * x for j, x in enumerate(z) if j != k) / (len(z) - 1)


LOSSES = [
    ("cross-entropy", [], cross_entropy),
    *[("label-smoothing", [a], label_smoothing(a)) for a in (0.1, 0.5)],
    *[("focal", [g], focal(g)) for g in (0.5, 1.0, 2.0, 3.0, 5.0)],
    *[("mse", [k, t], mse(k, t)) for k, t in ((0.5, 1.0), (1.0, 15.0), (3.0, 1.0))],
    ("bce", [], bce),
    *[("poly-loss", [e], poly_loss(e)) for e in (-0.5, 2.0)],
    *[("generalized-cross-entropy", [a], generalized_cross_entropy(a)) for a in (0.7, 1.0)],
    ("squentropy", [], squentropy),
    # As the family builds it: for classes of one size.
    ("vector-scaling", [0.5, 1.0], cross_entropy),
]

POINTS = [
    ([0.0, 0.0, 0.0, 0.0], 0),
    ([0.3, -1.7, 2.9, 0.6], 2),
    ([0.3, -1.7, 2.9, 0.6], 1),
    ([2.5, -2.5], 0),
    ([2.5, -2.5], 1),
    ([1.25, 1.25, -0.5], 1),
    ([30.0, 0.5, -0.25, 0.125], 0),
    ([0.1, 30.1, -0.3, 0.7], 0),
    ([0.0, -37.0, -37.5, -38.25], 0),
    ([-18.5, 18.5, -18.0, -19.0], 3),
    ([100.0, 0.0, 1.5, -2.0], 0),
    ([-3.0, 50.0, -50.0, 2.0], 2),
    ([350.0, -350.0, -349.0, -351.5], 0),
    ([-700.0, 0.0, -1.0, 0.5], 0),
    ([700.0, -700.0, 699.0, 0.0], 2),
    ([500.0, -500.0, 0.0, 1.0], 0),
    ([500.0, -500.0, 0.0, 1.0], 1),
    ([4.0, 0.2, -0.1, 0.3, 0.05, -0.7, 1.1, 0.9, -1.3, 0.0, 0.4, -0.2], 0),
]


def text(x):
    return mp.nstr(x, 25)


def entry(name, parameters, loss, logits, label):
    z = [mp.mpf(x) for x in logits]
    size = range(len(z))

    def at(*moves):
        moved = list(z)
        for index, sign in moves:
            moved[index] += sign * STEP
        return loss(moved, label)

    gradient = [(at((i, 1)) - at((i, -1))) / (2 * STEP) for i in size]
    # The lower triangle, row by row.
    hessian = []
    for i in size:
        for j in range(i + 1):
            terms = at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))
            hessian.append(text(terms / (4 * STEP**2)))
    return {
        "loss": name, "parameters": parameters, "logits": logits, "label": label,
        "value": text(loss(z, label)), "gradient": [text(g) for g in gradient], "hessian": hessian,
    }


def main():
    entries = [entry(*family, *point) for family in LOSSES for point in POINTS]
    path = pathlib.Path(__file__).with_name("losses.json")
    path.write_text("[\n" + ",\n".join(json.dumps(e) for e in entries) + "\n]\n")
    print(f"{path.name}: {len(entries)} entries")


if __name__ == "__main__":
    main()
