"""Writes metrics.json: neural-collapse metrics of small random points by NumPy, straight from their definitions.

    python3 tests/oracle/metrics.py         (needs numpy)

Σ_W, Σ_B and its pseudo-inverse are formed as matrices; the ETF distance is a Procrustes problem whose minimiser is built, checked against
random frames, and measured. Nothing is shared with the code under test.
"""

import itertools
import json
import pathlib

import numpy as np

# classes, width, class sizes, has a bias, within-class spread
CASES = [
    (4, 6, [5, 5, 5, 5], True, 0.3),
    (4, 3, [3, 3, 3, 3], False, 1.0),
    (4, 2, [2, 2, 2, 2], True, 0.5),
    (5, 4, [7, 1, 3, 2, 4], True, 0.2),
    (2, 1, [3, 4], False, 0.5),
    (3, 8, [1, 2, 1], True, 0.7),
    (6, 5, [4, 4, 4, 4, 4, 4], False, 1e-6),
]


def etf_distance(w, rng):
    classes, width = w.shape
    padded = np.hstack([w, np.zeros((classes, max(0, classes - width)))])
    p = np.eye(classes) - 1 / classes

    def distance(q):
        frame = p @ q
        c = max(0.0, np.sum(padded * frame) / np.sum(frame * frame))
        return np.linalg.norm(padded - c * frame) / np.linalg.norm(w)

    u, _, vt = np.linalg.svd(p @ padded, full_matrices=False)
    best = distance(u @ vt)
    for _ in range(200):
        q, _ = np.linalg.qr(rng.normal(size=(padded.shape[1], classes)))
        assert distance(q.T) >= best - 1e-12
    return best


def separation(w, means):
    pairs = list(itertools.combinations(range(w.shape[0]), 2))
    rows = np.array([np.linalg.norm(w[k] - w[j]) for k, j in pairs])
    columns = np.array([np.linalg.norm(means[:, k] - means[:, j]) for k, j in pairs])
    return np.maximum(rows / np.sqrt(np.mean(rows**2)), columns / np.sqrt(np.mean(columns**2))).min()


def seli(labels, classes):
    p = np.eye(classes) - 1 / classes
    values, vectors = np.linalg.eigh(p @ np.diag(np.bincount(labels, minlength=classes)) @ p)
    # The root of a zero's rounding would be 1e-8.
    values[values < 1e-12 * values.max()] = 0
    return (vectors * np.sqrt(values)) @ vectors.T


def metrics(w, h, b, labels, rng):
    classes = w.shape[0]
    means = np.stack([h[:, labels == c].mean(axis=1) for c in range(classes)], axis=1)
    centre = h.mean(axis=1)
    hbar = means - centre[:, None]
    deviations = h - means[:, labels]
    sigma_w = deviations @ deviations.T / h.shape[1]
    sigma_b = hbar @ hbar.T / classes
    p = np.eye(classes) - 1 / classes
    target = p / np.sqrt(classes - 1)
    wc = p @ w

    def unit(a):
        return a / np.linalg.norm(a)

    logits = w @ h + (0 if b is None else b[:, None])
    nearest = np.linalg.norm(h[:, None, :] - means[:, :, None], axis=0).argmin(axis=0)
    return {
        "nc1": np.trace(sigma_w @ np.linalg.pinv(sigma_b, rcond=1e-12, hermitian=True)) / classes,
        "nc2": np.linalg.norm(unit(wc @ wc.T) - target),
        "nc3": np.linalg.norm(unit(wc @ hbar) - target),
        "nc4": np.linalg.norm(w @ centre + (0 if b is None else b)),
        "nc2-raw": np.linalg.norm(unit(w @ w.T) - target),
        "nc3-raw": np.linalg.norm(unit(w @ hbar) - target),
        "nc4-disagreement": np.mean(logits.argmax(axis=0) != nearest),
        "etf-distance": etf_distance(w, rng),
        "class-separation": separation(w, means),
        "seli-distance": np.linalg.norm(unit(w @ w.T) - unit(seli(labels, classes))),
        "seli-logits": np.linalg.norm(unit(w @ means) - unit(p)),
    }


def main():
    rng = np.random.default_rng(20220210)
    out = []
    for classes, width, sizes, bias, spread in CASES:
        labels = rng.permutation(np.repeat(np.arange(classes), sizes))
        w = rng.normal(size=(classes, width))
        h = rng.normal(size=(width, classes))[:, labels] + spread * rng.normal(size=(width, len(labels))) + 0.4
        b = rng.normal(size=classes) if bias else None
        values = {name: float(x) for name, x in metrics(w, h, b, labels, rng).items()}
        out.append({
            "labels": labels.tolist(), "w": w.tolist(), "h": h.tolist(), "b": None if b is None else b.tolist(), "metrics": values,
        })
    path = pathlib.Path(__file__).with_name("metrics.json")
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in out) + "\n]\n")
    print(f"{path.name}: {len(out)} points")


if __name__ == "__main__":
    main()
