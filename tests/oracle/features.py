"""Writes features.json: every metric of the four files in scenarios/data, and what published codes would print of them, by NumPy in double precision.

    python3 tests/oracle/features.py         (needs numpy)

The formulas are those of the codes (see docs/metrics.md for where they are), written out with explicit matrices: covariances are formed and inverted by their eigenvectors at the known rank. Nothing is
shared with the code under test; `metrics.py` beside this file has the metrics themselves.
"""

import json
import pathlib

import numpy as np

from metrics import directions, metrics, pairs

HERE = pathlib.Path(__file__).resolve().parent
FILES = ["cross-entropy", "label-smoothing", "focal", "mse"]


def pseudo_inverse(a, rank):
    values, vectors = np.linalg.eigh(a)
    kept = vectors[:, -rank:]
    return (kept / values[-rank:]) @ kept.T


def unit(a):
    return a / np.linalg.norm(a)


def compat(w, b, h, labels):
    classes, samples = w.shape[0], h.shape[1]
    sizes = np.bincount(labels, minlength=classes)
    means = np.stack([h[:, labels == c].mean(axis=1) for c in range(classes)], axis=1)
    overall, middle = h.mean(axis=1, keepdims=True), means.mean(axis=1, keepdims=True)
    deviations = h - means[:, labels]
    sigma_w = deviations @ deviations.T / samples
    target = (np.eye(classes) - 1 / classes) / np.sqrt(classes - 1)
    weighted, unweighted = means - overall, means - middle
    rank = min(classes - 1, w.shape[1])

    def trace(hbar):
        return np.trace(sigma_w @ pseudo_inverse(hbar @ hbar.T / classes, rank))

    def coherence(vectors):
        gram = directions(vectors).T @ directions(vectors) + 1 / (classes - 1)
        return (np.abs(gram).sum() - np.abs(np.diag(gram)).sum()) / (classes * (classes - 1))

    def variation(vectors):
        lengths = np.linalg.norm(vectors, axis=0)
        return np.std(lengths, ddof=1) / np.mean(lengths)

    logits = w @ h
    nearest = np.array([np.argmin(np.linalg.norm(h[:, [i]] - means, axis=0)) for i in range(samples)])
    with_bias, without = (logits + b[:, None]).argmax(axis=0), logits.argmax(axis=0)
    centred_w = w - w.mean(axis=0)
    variances = np.array([np.sum(deviations[:, labels == c] ** 2) / sizes[c] for c in range(classes)])
    cdnv = [
        0.5 * (variances[i] + variances[j]) / np.sum((means[:, i] - means[:, j]) ** 2)
        for i in range(classes) for j in range(i)
    ]
    apart = pairs(directions(unweighted))
    nc1, nc4 = trace(weighted) / classes, np.linalg.norm(w @ overall[:, 0] + b)
    raw_gram, raw_dual = np.linalg.norm(unit(w @ w.T) - target), np.linalg.norm(unit(w @ weighted) - target)
    return {
        "nc_loss": {
            "collapse_metric": nc1,
            "ETF_metric": np.linalg.norm(unit(centred_w @ centred_w.T) - target),
            "WH_relation_metric": np.linalg.norm(unit(centred_w @ weighted) - target),
            "Wh_b_relation_metric": nc4,
        },
        "tding1": {
            "collapse_metric": nc1, "ETF_metric": raw_gram, "WH_relation_metric": raw_dual, "Wh_b_relation_metric": nc4,
        },
        "papyan": {
            "Sw_invSb": trace(unweighted),
            "norm_M_CoV": variation(unweighted),
            "norm_W_CoV": variation(w.T),
            "W_M_dist": np.linalg.norm(unit(w.T) - unit(unweighted)) ** 2,
            "cos_M": coherence(unweighted),
            "cos_W": coherence(w.T),
            "NCC_mismatch": np.mean(with_bias != nearest),
        },
        "rhubarbwu": {
            "nc1_pinv": trace(unweighted) / classes,
            "nc1_quot": np.trace(sigma_w) / np.trace(unweighted @ unweighted.T / classes),
            "nc1_cdnv": np.mean(cdnv),
            "nc2_etf_err": np.linalg.norm(unit(unweighted.T @ unweighted) - target),
            "nc2g_dist": np.var(apart),
            "nc2g_log": np.var(np.log(apart)),
            "nc3_dual_err": np.linalg.norm(unit(w @ unweighted) - target),
            "nc3u_uni_dual": np.var(np.sum(w.T * unweighted, axis=0), ddof=1),
            "nc4_agree": np.mean(without == nearest),
        },
        "cjyaras": {"nc1": nc1, "nc2": raw_gram, "nc3": np.linalg.norm(unit(w @ means) - target)},
    }


def values(w, b, h, labels):
    found = metrics(w, h, b, labels, np.random.default_rng(7))
    # The pseudo-inverse there has a cut-off; here the rank is known.
    found["nc1"] = compat(w, b, h, labels)["nc_loss"]["collapse_metric"]
    found["nc1-trace"] = w.shape[0] * found["nc1"]
    accuracy = np.mean((w @ h + b[:, None]).argmax(axis=0) == labels)
    return {"accuracy": float(accuracy), "metrics": {name: float(x) for name, x in found.items()}}


def main():
    out = {}
    for name in FILES:
        z = np.load(HERE.parent.parent / "scenarios" / "data" / f"digits-{name}.npz")
        w, b, h, h_test = (z[key].astype(np.float64) for key in ["W", "b", "H", "H_test"])
        published = compat(w, b, h, z["labels"])
        out[name] = {
            **values(w, b, h, z["labels"]),
            "test": values(w, b, h_test, z["labels_test"]),
            "compat": {code: {key: float(x) for key, x in found.items()} for code, found in published.items()},
        }
    (HERE / "features.json").write_text(json.dumps(out, indent=1) + "\n")
    print(f"features.json: {len(out)} files")


if __name__ == "__main__":
    main()
