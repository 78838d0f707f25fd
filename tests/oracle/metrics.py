"""Writes metrics.json: neural-collapse metrics of small random points by NumPy, straight from their definitions.

    python3 tests/oracle/metrics.py         (needs numpy)

Σ_W, Σ_B and its pseudo-inverse are formed as matrices; the ETF distance is a Procrustes problem whose minimiser is built, checked against
random frames, and measured; so is the nearest tight frame. Nothing is shared with the code under test.
"""

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


def fit(logits, p):
    """s and t of logits ~ sP + tJ/K by least squares on the flattened matrices."""
    classes = logits.shape[0]
    basis = np.stack([p.ravel(), np.full(classes * classes, 1 / classes)], axis=1)
    (s, t), *_ = np.linalg.lstsq(basis, logits.ravel(), rcond=None)
    rest = logits.ravel() - basis @ np.array([s, t])
    return {"scale": s, "mean-part": t, "logit-misfit": np.linalg.norm(rest) / np.linalg.norm(logits)}


def isometry_distance(w):
    rng = np.random.default_rng(1)
    u, _, vt = np.linalg.svd(w, full_matrices=False)

    def distance(q):
        return np.linalg.norm(w - np.sum(w * q) / np.sum(q * q) * q) / np.linalg.norm(w)

    best = distance(u @ vt)
    for _ in range(200):
        q, _ = np.linalg.qr(rng.normal(size=(max(w.shape), min(w.shape))))
        assert distance(q if q.shape == w.shape else q.T) >= best - 1e-12
    return best


def sphere_loss(w, h, labels, tau):
    cosines = (w / np.linalg.norm(w, axis=1, keepdims=True)) @ (h / np.linalg.norm(h, axis=0, keepdims=True))
    own = cosines[labels, np.arange(len(labels))]
    losses = np.log(np.sum(np.exp(tau * (cosines - own)), axis=0))
    return np.mean([losses[labels == c].mean() for c in range(w.shape[0])])


def root(a):
    values, vectors = np.linalg.eigh(a)
    # The root of a zero's rounding would be 1e-8.
    values[values < 1e-12 * values.max()] = 0
    return (vectors * np.sqrt(values)) @ vectors.T


def class_separation(w, means):
    """means: one column a class."""
    pairs = [(k, j) for k in range(len(w)) for j in range(k)]
    apart = np.array([[np.linalg.norm(a[k] - a[j]) for k, j in pairs] for a in (w, means.T)])
    return (apart / np.sqrt(np.mean(apart**2, axis=1, keepdims=True))).max(axis=0).min()


def pairs(units):
    """Distances of all pairs of columns."""
    count = units.shape[1]
    return np.array([np.linalg.norm(units[:, i] - units[:, j]) for i in range(count) for j in range(i)])


def directions(a):
    return a / np.linalg.norm(a, axis=0, keepdims=True)


def equiangle(a):
    cosines = directions(a).T @ directions(a)
    count = a.shape[1]
    off = cosines[~np.eye(count, dtype=bool)]
    return np.mean(np.abs(off + 1 / (count - 1)))


def energy(a):
    count = a.shape[1]
    return np.mean(-np.log(pairs(directions(a)))) + 0.5 * np.log(2 * count / (count - 1))


def gram_misfit(gram):
    """What the least-squares fit by P and J/K leaves."""
    classes = gram.shape[0]
    p = np.eye(classes) - 1 / classes
    return fit(gram, p)["logit-misfit"]


def families(w, h, b, labels, means, hbar):
    """The conventions of NC1 to NC3 side by side, and generalised collapse."""
    classes, samples = w.shape[0], h.shape[1]
    deviations = h - means[:, labels]
    sigma_w, sigma_b = deviations @ deviations.T / samples, hbar @ hbar.T / classes
    variances = np.array([np.sum(deviations[:, labels == c] ** 2) / np.sum(labels == c) for c in range(classes)])
    cdnv = [
        (variances[i] + variances[j]) / (2 * np.sum((means[:, i] - means[:, j]) ** 2))
        for i in range(classes) for j in range(classes) if i != j
    ]
    identity = np.eye(classes) / np.sqrt(classes)
    target = (np.eye(classes) - 1 / classes) / np.sqrt(classes - 1)
    cosines = np.sum(directions(w.T) * directions(hbar), axis=0)

    def unit(a):
        return a / np.linalg.norm(a)

    def variation(a):
        lengths = np.linalg.norm(a, axis=0)
        return np.std(lengths) / np.mean(lengths)

    return {
        "nc1-trace": np.trace(sigma_w @ np.linalg.pinv(sigma_b, rcond=1e-12, hermitian=True)),
        "nc1-ratio": np.trace(sigma_w) / np.trace(sigma_b),
        "nc1-cdnv": np.mean(cdnv),
        "nc2-means": np.linalg.norm(unit(hbar.T @ hbar) - target),
        "equinorm-w": variation(w.T),
        "equinorm-means": variation(hbar),
        "equiangle-w": equiangle(w.T),
        "equiangle-means": equiangle(hbar),
        "nc3-distance": np.linalg.norm(unit(w.T) - unit(hbar)) ** 2,
        "nc2-frame": np.linalg.norm(unit(w @ w.T) - identity),
        "nc2-frame-means": np.linalg.norm(unit(means.T @ means) - identity),
        "nc3-frame": np.linalg.norm(unit(w @ means) - identity),
        "gram-misfit-w": gram_misfit(w @ w.T),
        "gram-misfit-means": gram_misfit(means.T @ means),
        "gnc2-energy-w": energy(w.T),
        "gnc2-energy-means": energy(hbar),
        "gnc2-spread-w": np.std(np.log(pairs(directions(w.T)))),
        "gnc2-spread-means": np.std(np.log(pairs(directions(hbar)))),
        "gnc3-dissimilarity": np.mean(1 - cosines),
        "gnc3-uniform-duality": np.std(cosines) / abs(np.mean(cosines)),
    }


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
        **fit(w @ means, p),
        "class-separation": class_separation(w, means),
        "seli-distance": np.linalg.norm(unit(w @ w.T) - unit(root(p @ np.diag(np.bincount(labels, minlength=classes)) @ p))),
        "seli-logits": np.linalg.norm(unit(w @ means) - unit(p)),
        "self-duality": np.linalg.norm(unit(means.T) - unit(w)),
        "broken-self-duality": np.linalg.norm(unit(means.T) - (p - np.ones_like(p) / classes) @ unit(w)),
        "duality-ratio": np.linalg.norm(means) / np.linalg.norm(w),
        "isometry-distance": isometry_distance(w),
        **families(w, h, b, labels, means, hbar),
        "norm-w": np.sqrt(np.mean(np.sum(w * w, axis=1))),
        **{f"sphere-loss-{tau}": sphere_loss(w, h, labels, tau) for tau in [1, 3, 10]},
    }


def main():
    rng = np.random.default_rng(20220210)
    out = []
    for classes, width, sizes, bias, spread in CASES:
        labels = rng.permutation(np.repeat(np.arange(classes), sizes))
        w = rng.normal(size=(classes, width))
        h = rng.normal(size=(width, classes))[:, labels] + spread * rng.normal(size=(width, len(labels))) + 0.4
        b = rng.normal(size=classes) if bias else None
        with np.errstate(all="ignore"):
            found = metrics(w, h, b, labels, rng)
        # What does not exist (directions that coincide) is null.
        values = {name: float(x) if np.isfinite(x) else None for name, x in found.items()}
        out.append({
            "labels": labels.tolist(), "w": w.tolist(), "h": h.tolist(), "b": None if b is None else b.tolist(), "metrics": values,
        })
    path = pathlib.Path(__file__).with_name("metrics.json")
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in out) + "\n]\n")
    print(f"{path.name}: {len(out)} points")


if __name__ == "__main__":
    main()
