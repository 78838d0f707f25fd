"""50-digit values of closed forms, written to theory.json.

Nothing here shares a formula with the code under test: edges come from the loss's own second derivative, transitions from the tie of two minima of the scalar problem,
partially collapsed states from the stationarity of the whole objective as a function of margin and bias gap, all by numerical differentiation at high precision.
Settings are binary64 numbers, taken exactly. Numbers are written as strings: a reader rounds them once.
"""

import json
import pathlib

import mpmath as mp

mp.mp.dps = 60


def focal(p, gamma):
    return -((1 - p) ** gamma) * mp.log(p)


def softmax_loss(z, k, gamma, alpha):
    """The focal loss (alpha = 0) or label smoothing (gamma = 0) of groups: z is a list of (logit, count), k the group of the true class, which counts once in it."""
    total = mp.fsum(n * mp.exp(x) for x, n in z)
    log_p = [x - mp.log(total) for x, _ in z]
    smooth = -mp.fsum(n * l for (_, n), l in zip(z, log_p)) * alpha / mp.fsum(n for _, n in z)
    return (1 - alpha) * -((1 - mp.exp(log_p[k])) ** gamma) * log_p[k] + smooth


def edge(gamma):
    """p where the second derivative of the focal loss of two classes, as a function of their margin, vanishes at the smallest p."""
    gamma = mp.mpf(gamma)

    def curvature(p):
        s = mp.log(p / (1 - p))
        return mp.diff(lambda x: focal(1 / (1 + mp.exp(-x)), gamma), s, 2)

    return mp.findroot(curvature, (mp.mpf("0.01"), mp.mpf("0.1")), solver="anderson")


def transition(classes, gamma, start):
    """ε and s (near `start`) at which the scalar problem's two minima tie. The tie gives ε = (ℓ(0) − ℓ(s))/((K−1)s); its maximum over s is where the slopes agree too."""
    others, gamma = mp.mpf(classes - 1), mp.mpf(gamma)
    value = lambda s: focal(1 / (1 + others * mp.exp(-s)), gamma)
    epsilon = lambda s: (value(mp.mpf(0)) - value(s)) / (others * s)
    s = mp.findroot(lambda s: mp.diff(epsilon, s), mp.mpf(start))
    e = epsilon(s)
    assert epsilon(s * 1.01) < e > epsilon(s * 0.99)
    return e, s


def partial(classes, alive, gamma, alpha, epsilon, decay_b, margin):
    """The state near `margin`: value, s, y. decay_b None: no bias."""
    k, m = mp.mpf(classes), mp.mpf(alive)
    gamma, alpha, epsilon = mp.mpf(gamma), mp.mpf(alpha), mp.mpf(epsilon)

    def f(s, y):
        own = [(y + s * (m - 1) / m, 1), (y - s / m, m - 1), (mp.mpf(0), k - m)]
        out = [(mp.mpf(0), 1), (mp.mpf(0), k - m - 1), (y, m)]
        data = m / k * softmax_loss(own, 0, gamma, alpha) + (k - m) / k * softmax_loss(out, 0, gamma, alpha)
        # b is y(1 − m/k) on the alive and −ym/k on the others.
        b2 = m * (y * (1 - m / k)) ** 2 + (k - m) * (y * m / k) ** 2
        return data + epsilon * (m - 1) * s + (mp.mpf(decay_b) / 2 * b2 if decay_b is not None else 0)

    if decay_b is None:
        s, y = mp.findroot(lambda s: mp.diff(lambda x: f(x, mp.mpf(0)), s), mp.mpf(margin)), mp.mpf(0)
    else:
        grad = lambda s, y: [mp.diff(lambda x: f(x, y), s), mp.diff(lambda x: f(s, x), y)]
        s, y = mp.findroot(grad, (mp.mpf(margin), mp.mpf("0.01")))
    # There are stationary points with a smaller margin too, at which f is largest in s: not those.
    assert mp.diff(lambda x: f(x, y), s, 2) > 0, (classes, alive)
    return f(s, y), s, y


def deep(classes, per_class, factors, decay, start):
    """Values of collapse and of rank K/2 near margins `start`, 2·`start`."""
    k, n, order, decay = mp.mpf(classes), mp.mpf(per_class), mp.mpf(factors), mp.mpf(decay)
    e = 2 / (order + 1)
    cost = decay * (order + 1) / 2
    collapse = lambda a: mp.log(1 + (k - 1) * mp.exp(-a)) + cost * (k - 1) * (mp.sqrt(n) * a) ** e
    low = lambda b: mp.log(1 + mp.exp(-b) + (k - 2) * mp.exp(-b / 2)) + cost * k / 2 * (mp.sqrt(n) * b) ** e
    a = mp.findroot(lambda x: mp.diff(collapse, x), mp.mpf(start))
    b = mp.findroot(lambda x: mp.diff(low, x), 2 * mp.mpf(start))
    return collapse(a), low(b)


STARTS = ((18, 2.0, 0.08), (20, 3.0, 0.3), (50, 3.0, 1.5), (60, 3.0, 1.7), (100, 2.0, 2.3), (100, 3.0, 2.3), (1000, 1.0, 5.0))


def digits(x):
    return mp.nstr(x, 50)


def main():
    found = {"edges": [], "transitions": [], "partial": [], "deep": []}
    for gamma in (0.5, 1.0, 2.0, 3.0, 5.0, 10.0):
        found["edges"].append({"gamma": gamma, "edge": digits(edge(gamma))})
    for classes, gamma, start in STARTS:
        e, s = transition(classes, gamma, start)
        found["transitions"].append({"classes": classes, "gamma": gamma, "epsilon": digits(e), "scale": digits(s)})
    for classes, alive, gamma, alpha, epsilon, decay_b, margin in (
        *((60, m, 3.0, 0.0, 0.01955917, 0.01, 1.95) for m in (59, 50, 44, 39, 35, 34, 30, 10, 5)),
        (60, 2, 3.0, 0.0, 0.01955917, 0.01, 3.0),
        (60, 35, 3.0, 0.0, 0.01955917, None, 1.9),
        (7, 3, 0.0, 0.0, 0.02, 0.05, 3.5),
        (7, 4, 0.0, 0.1, 0.02, 0.5, 3.0),
        (7, 5, 2.0, 0.0, 0.02, None, 2.5),
    ):
        value, s, y = partial(classes, alive, gamma, alpha, epsilon, decay_b, margin)
        entry = {"classes": classes, "alive": alive, "gamma": gamma, "alpha": alpha, "epsilon": epsilon, "decay_b": decay_b}
        found["partial"].append({**entry, "value": digits(value), "scale": digits(s), "bias_gap": digits(y)})
    for classes, per_class, factors, decay, start in ((6, 1, 2, 1e-3, 7.0), (4, 3, 3, 1e-3, 6.0), (10, 5, 1, 1e-3, 8.0)):
        collapse, low = deep(classes, per_class, factors, decay, start)
        entry = {"classes": classes, "per_class": per_class, "factors": factors, "decay": decay}
        found["deep"].append({**entry, "collapse": digits(collapse), "low_rank": digits(low)})
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
