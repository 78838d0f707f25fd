"""An oracle of truth for claims of certificates, for the tests that corrupt them.

    python3 tests/second-checker/truth.py < LINES

Each line is {"certificate": …, "witnesses": [{"w": …, "h": …, "b": …} …]}: a certificate (its seal does not matter) and points of width d whose values bound inf f from above. For each line "true", "false: " and why, or "unknown: " and why.

This is no checker: it does not ask whether a certificate proves its claims but whether they are so, by finding what they speak of to 60 digits: the critical point by Newton's method, eigenvalue counts there by Sylvester's law, the minimisers
of the scalar problems by bisection. It knows no interval arithmetic and shares nothing with check.py, which was written from the same document.

A claim for a box of parameters is tried at its corners and middle.
"""

import itertools
import json
import sys

from mpmath import exp, findroot, log, lu_solve, matrix, mp, mpf, sqrt

mp.dps = 60
TINY = mpf(10) ** -40


class Untrue(Exception):
    pass


def must(holds, why):
    if not holds:
        raise Untrue(why)


def number(text):
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    mantissa, power = text[2:].split("p")
    whole, _, fraction = mantissa.partition(".")
    return sign * mpf(int(whole + fraction, 16)) * mpf(2) ** (int(power) - 4 * len(fraction))


def pair(value):
    return (number(value), number(value)) if isinstance(value, str) else (number(value[0]), number(value[1]))


def within(x, bounds, what):
    must(bounds[0] <= x <= bounds[1], f"{what} {mp.nstr(x, 25)} is outside of [{mp.nstr(bounds[0], 25)}, {mp.nstr(bounds[1], 25)}]")


def samples(value):
    low, high = pair(value)
    return [low] if low == high else [low, (low + high) / 2, high]


# ---- losses


def softmax(z):
    top = max(z)
    e = [exp(x - top) for x in z]
    return [x / sum(e) for x in e]


def logistic(x):
    return 1 / (1 + exp(-x))


class Loss:
    """Value, gradient and Hessian in the logits, in the form of the definition."""

    def __init__(self, name, parameters):
        self.name, self.parameters = name, parameters
        self.gamma = parameters.get("gamma", mpf(0))
        self.invariant = name in ("cross-entropy", "label-smoothing", "focal")
        self.convex = name != "focal" or self.gamma == 0

    def target(self, classes, k):
        alpha = self.parameters.get("alpha", mpf(0))
        return [alpha / classes + (1 - alpha if j == k else 0) for j in range(classes)]

    def eta(self, p):
        """η and η': −(1−p)^γ log p has the derivative −η/p in p."""
        g, c, l = self.gamma, 1 - p, log(p)
        eta = c**g - (g * p * c ** (g - 1) * l if g else 0)
        slope = (-2 * g * c ** (g - 1) - g * c ** (g - 1) * l + g * (g - 1) * p * c ** (g - 2) * l) if g else mpf(0)
        return eta, slope

    def all(self, z, k):
        K = len(z)
        square = lambda f: [[f(i, j) for j in range(K)] for i in range(K)]
        if self.name == "mse":
            kappa, M = self.parameters["kappa"], self.parameters["target"]
            weight = [kappa if j == k else mpf(1) for j in range(K)]
            off = [z[j] - (M if j == k else 0) for j in range(K)]
            value = sum(w * x * x for w, x in zip(weight, off)) / 2
            return value, [w * x for w, x in zip(weight, off)], square(lambda i, j: weight[i] if i == j else mpf(0))
        if self.name == "bce":
            s = [logistic(x) for x in z]
            value = -log(logistic(z[k])) - sum(log(logistic(-z[j])) for j in range(K) if j != k)
            return value, [s[j] - (j == k) for j in range(K)], square(lambda i, j: s[i] * (1 - s[i]) if i == j else mpf(0))
        p = softmax(z)
        spread = lambda i, j: p[i] * ((i == j) - p[j])
        if self.name == "focal":
            eta, slope = self.eta(p[k])
            value = -((1 - p[k]) ** self.gamma) * log(p[k])
            e = [(j == k) - p[j] for j in range(K)]
            return value, [-eta * x for x in e], square(lambda i, j: eta * spread(i, j) - slope * p[k] * e[i] * e[j])
        y = self.target(K, k)
        return -sum(t * log(x) for t, x in zip(y, p)), [x - t for x, t in zip(p, y)], square(spread)


def losses(node):
    keys = [key for key in node if key != "name"]
    for values in itertools.product(*(samples(node[key]) for key in keys)):
        yield Loss(node["name"], dict(zip(keys, values)))


# ---- linear algebra


def norm(xs):
    return sqrt(sum(x * x for x in xs))


def eigenvalues_below(H, shift):
    """The number of eigenvalues below `shift`, by the pivots of an LDLᵀ factorisation (Sylvester); the shift is no eigenvalue."""
    n = H.rows
    a = [[H[i, j] - (shift if i == j else 0) for j in range(n)] for i in range(n)]
    negative = 0
    for p in range(n):
        # The largest diagonal entry comes first.
        best = max(range(p, n), key=lambda i: abs(a[i][i]))
        a[p], a[best] = a[best], a[p]
        for row in a:
            row[p], row[best] = row[best], row[p]
        pivot = a[p][p]
        must(pivot != 0, "a zero pivot")
        negative += pivot < 0
        for i in range(p + 1, n):
            factor = a[i][p] / pivot
            if factor:
                for j in range(p + 1, n):
                    a[i][j] -= factor * a[p][j]
    return negative


# ---- a problem at one choice of its parameters


class Problem:
    def __init__(self, node, loss, decay_w, decay_h, decay_b, scale):
        self.K, self.d, self.labels, self.bias = node["classes"], node["width"], node["labels"], node["bias"]
        self.N, self.loss = len(self.labels), loss
        self.lw, self.lh, self.lb, self.c = decay_w, decay_h, decay_b, scale
        self.B = 0 if self.bias == "none" else self.K

    def split(self, x, r):
        K, N = self.K, self.N
        w = [x[k * r : (k + 1) * r] for k in range(K)]
        h = [x[(K + i) * r : (K + i + 1) * r] for i in range(N)]
        return w, h, x[(K + N) * r :]

    def evaluate(self, x, r, hessian=True):
        """f, ∇f, ∇²f, G at the point x = (W, H, b), a list."""
        K, N, B = self.K, self.N, self.B
        w, h, b = self.split(x, r)
        n = len(x)
        value = (self.lw * sum(t * t for row in w for t in row) + self.lh * sum(t * t for row in h for t in row) + self.lb * sum(t * t for t in b)) / 2
        gradient = [self.lw * t for row in w for t in row] + [self.lh * t for row in h for t in row] + [self.lb * t for t in b]
        H = matrix(n, n)
        for i in range(n):
            H[i, i] = self.lw if i < K * r else self.lh if i < (K + N) * r else self.lb
        G, weight = [], self.c / N
        for i, y in enumerate(self.labels):
            z = [sum(w[k][a] * h[i][a] for a in range(r)) + (b[k] if B else 0) for k in range(K)]
            l, g, A = self.loss.all(z, y)
            value += weight * l
            g = [weight * t for t in g]
            G.append(g)
            # ∂z_k/∂x: the entries of row k of W, of h_i, of b.
            jacobian = []
            for k in range(K):
                row = {k * r + a: h[i][a] for a in range(r)}
                row.update({(K + i) * r + a: w[k][a] for a in range(r)})
                if B:
                    row[(K + N) * r + k] = mpf(1)
                jacobian.append(row)
            for k in range(K):
                for at, t in jacobian[k].items():
                    gradient[at] += g[k] * t
            if not hessian:
                continue
            for k in range(K):
                for a in range(r):
                    H[k * r + a, (K + i) * r + a] += g[k]
                    H[(K + i) * r + a, k * r + a] += g[k]
                for l2 in range(K):
                    if A[k][l2] != 0:
                        for at, t in jacobian[k].items():
                            for other, u in jacobian[l2].items():
                                H[at, other] += weight * A[k][l2] * t * u
        return value, gradient, H, G

    def pad(self, x, r):
        w, h, b = self.split(x, r)
        zeros = [mpf(0)] * (self.d - r)
        return [t for row in w for t in row + zeros] + [t for row in h for t in row + zeros] + b

    def tangents(self, x, r):
        """The orbit's tangents at x, as lists."""
        K, N = self.K, self.N
        w, h, _ = self.split(x, r)
        out = []
        for a in range(r):
            for b in range(a + 1, r):
                turn = lambda row: [row[a] if c == b else -row[b] if c == a else mpf(0) for c in range(r)]
                out.append([t for row in w + h for t in turn(row)] + [mpf(0)] * self.B)
        if self.bias == "free" and self.loss.invariant:
            out.append([mpf(0)] * (r * (K + N)) + [mpf(1)] * self.B)
        return out

    def critical(self, x, r, radius, T):
        """The critical point in the slice through x that is orthogonal to T, by Newton's method; it must lie in the ball."""
        n, start = len(x), x
        if n == 0:
            return x
        m = len(T)
        for _ in range(30):
            _, g, H, _ = self.evaluate(x, r)
            border = matrix(n + m, n + m)
            border[:n, :n] = H
            for j, t in enumerate(T):
                for i in range(n):
                    border[i, n + j] = border[n + j, i] = t[i]
            try:
                step = lu_solve(border, matrix([-t for t in g] + [mpf(0)] * m))
            except ZeroDivisionError:
                raise Untrue("a singular bordered Hessian")
            x = [a + step[i] for i, a in enumerate(x)]
            must(norm([a - b for a, b in zip(x, start)]) <= 4 * radius + TINY, "Newton's method leaves the ball")
            if norm(step[i] for i in range(n)) < mpf(10) ** -50:
                break
        _, g, _, _ = self.evaluate(x, r, hessian=False)
        must(norm(g) < TINY, "no critical point was found")
        must(norm([a - b for a, b in zip(x, start)]) <= radius, "the critical point is outside of the ball")
        return x


# ---- claims about points


def judge_point(document, witnesses, problem):
    point = document["point"]
    r, d = point["width"], problem.d
    flat = lambda node: [number(t) for row in node["w"] for t in row] + [number(t) for row in node["h"] for t in row] + [number(t) for t in node["b"]]
    x = flat(point)
    value, gradient, hessian, _ = problem.evaluate(x, r)
    values = [problem.evaluate(flat(w), d, hessian=False)[0] for w in witnesses]
    located = {}

    def orbit(claim):
        radius = number(claim["radius"])
        if radius not in located:
            T = problem.tangents(x, r)
            star = problem.critical(x, r, radius, T)
            # A second way into the ball must not lead to another orbit's point of the slice.
            push = [mpf((i * 7919) % 101 - 50) for i in range(len(x))]
            # Tangents are not orthogonal to each other: projections in turn, many times.
            for t in T * 60:
                share = sum(a * b for a, b in zip(push, t)) / sum(a * a for a in t) if any(t) else 0
                push = [a - share * b for a, b in zip(push, t)]
            size = norm(push)
            if size > 0:
                other = [a + b * radius / (2 * size) for a, b in zip(x, push)]
                try:
                    again = problem.critical(other, r, 2 * radius, T)
                    distance = norm([a - b for a, b in zip(again, x)])
                    same = norm([a - b for a, b in zip(again, star)]) < mpf(10) ** -3 * radius
                    must(same or distance > radius, "a second critical point in the ball")
                except Untrue as error:
                    must("second" not in str(error), str(error))
            located[radius] = (star, *problem.evaluate(star, r))
        return located[radius]

    for claim in document["claims"]:
        kind = claim["kind"]
        if kind == "negative-curvature":
            v = flat(claim)
            _, _, wide, _ = problem.evaluate(problem.pad(x, r), d)
            form = sum(v[i] * wide[i, j] * v[j] for i in range(len(v)) for j in range(len(v)))
            least = -number(claim["curvature"])
            must(least < 0, "no negative curvature")
            must(form <= least * sum(t * t for t in v) or eigenvalues_below(wide, least + TINY) > 0, "curvature")
        elif kind == "gap":
            within(value, pair(claim["value"]), "f at the point")
            bound, gap = number(claim["lower_bound"]), number(claim["gap"])
            for lowest in values + [value]:
                must(bound <= lowest + TINY, "a point below the lower bound")
                must(value - lowest <= gap + TINY, "a point further below than the gap")
        elif kind in ("critical-orbit", "inertia", "global-minimum", "simplex-etf", "global-simplex-etf"):
            star, f, _, H, G = orbit(claim)
            if kind == "inertia":
                judge_inertia(problem, claim, star, r)
            if kind in ("inertia", "global-minimum", "global-simplex-etf"):
                within(f, pair(claim["value"]), "f at the critical point")
            if kind.startswith("global"):
                for lowest in values:
                    must(f <= lowest + TINY, "a point below the minimum")
            if kind == "global-minimum":
                K, N = problem.K, problem.N
                gram = matrix(K, K)
                for k, l in itertools.product(range(K), range(K)):
                    gram[k, l] = -sum(G[i][k] * G[i][l] for i in range(N))
                must(eigenvalues_below(gram, -problem.lw * problem.lh - mpf(10) ** -35) == 0, "‖G‖ > μ")
                must(problem.loss.convex, "not convex")
            if kind.endswith("simplex-etf"):
                judge_simplex(problem, claim, star, r)
        else:
            raise Untrue(f"the oracle does not know the kind {kind}")


def judge_inertia(problem, claim, star, r):
    _, _, wide, _ = problem.evaluate(problem.pad(star, r), problem.d)
    small = mpf(10) ** -30
    index = eigenvalues_below(wide, -small)
    nullity = eigenvalues_below(wide, small) - index
    must(claim["index"] == index, f"the index is {index}")
    must(claim["nullity"] == nullity, f"the nullity is {nullity}")
    must((claim["nature"] == "strict-saddle") == (index > 0), "nature")
    shift = problem.bias == "free" and problem.loss.invariant
    must(nullity == r * (r - 1) // 2 + r * (problem.d - r) + shift, "zeros that are not the orbit's")


def judge_simplex(problem, claim, star, r):
    K = problem.K
    w, h, b = problem.split(star, r)
    trace = sum(t * t for row in w for t in row) / (K - 1)
    for k, l in itertools.product(range(K), range(K)):
        gram = sum(s * t for s, t in zip(w[k], w[l]))
        must(abs(gram - trace * ((k == l) - mpf(1) / K)) < mpf(10) ** -35, "no simplex")
    sizes = {problem.labels.count(k) for k in range(K)}
    must(len(sizes) == 1, "not balanced")
    ratio = sqrt(sizes.pop() * problem.lh / problem.lw)
    for row, y in zip(h, problem.labels):
        must(norm([s - t / ratio for s, t in zip(row, w[y])]) < mpf(10) ** -35, "not self-dual")
    must(all(abs(t - b[0]) < mpf(10) ** -35 for t in b), "a bias")
    z = [sum(s * t for s, t in zip(w[k], h[0])) for k in range(K)]
    y = problem.labels[0]
    within(z[y] - z[y - 1], pair(claim["scale"]), "the scale")


# ---- claims about losses


class Scalar:
    """ψ_c(s) of a loss −(1−p)^γ log p."""

    def __init__(self, K, gamma):
        self.K, self.loss = K, Loss("focal", {"gamma": gamma})

    def p(self, s):
        return 1 / (1 + (self.K - 1) * exp(-s))

    def value(self, s):
        return -((1 - self.p(s)) ** self.loss.gamma) * log(self.p(s))

    def pull(self, s):
        p = self.p(s)
        return (1 - p) * self.loss.eta(p)[0]

    def edge(self):
        """p_c: where the Hessian in the logits, restricted to e_k against the others, changes sign."""
        curvature = lambda p: self.loss.eta(p)[0] - (1 - p) * self.loss.eta(p)[1]
        return bisect(curvature, mpf(10) ** -(int(4 / self.loss.gamma) + 20), 1 / (1 + self.loss.gamma)) if self.loss.gamma > 0 else mpf(0)

    def turn(self):
        """The margin from which on the pull falls."""
        edge = self.edge()
        return log((self.K - 1) * edge / (1 - edge)) if edge * self.K > 1 else mpf(0)

    def stationary(self, c, turn):
        """The margin on the falling branch whose pull is (K−1)c."""
        high = turn + 1
        while self.pull(high) > (self.K - 1) * c:
            high *= 2
        return bisect(lambda s: (self.K - 1) * c - self.pull(s), turn, high)

    def tie(self):
        """c at which zero stops or begins to be the minimiser, and the other minimiser's margin there."""
        turn = self.turn()
        first, last = (self.pull(s) / (self.K - 1) for s in (mpf(0), turn))
        if turn == 0:
            return first, mpf(0)

        def advantage(c):
            s = self.stationary(c, turn)
            return self.value(s) + (self.K - 1) * c * s - self.value(mpf(0))

        c = bisect(advantage, first, last)
        return c, self.stationary(c, turn)


def bisect(f, low, high):
    """The root of a function that rises through zero, or the end nearer to it: halving, then secants that stay in the bracket."""
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if f(middle) > 0 else (middle, high)
    if not f(low) < 0 < f(high):
        return (low + high) / 2
    return findroot(f, (low, high), solver="anderson", tol=mpf(10) ** -110, maxsteps=100, verify=False)


KNOWN = {}


def scalar(K, gamma):
    """Edge, tie and margin there, once for each loss."""
    if (K, gamma) not in KNOWN:
        of = Scalar(K, gamma)
        KNOWN[K, gamma] = (of.edge(), of.turn(), *of.tie())
    return KNOWN[K, gamma]


def judge_loss(document, loss):
    K = document["problem"]["classes"]
    of_probability = loss.name in ("cross-entropy", "focal")
    edge, turn, tie, margin = scalar(K, loss.gamma) if of_probability else (mpf(0), mpf(0), None, None)
    for claim in document["claims"]:
        kind = claim["kind"]
        if kind == "convexity-region":
            within(edge, pair(claim["edge"]), "p_c")
        elif kind == "transition":
            must(turn > 0, "no transition")
            within(tie, pair(claim["at"]), "the transition")
            within(margin, pair(claim["scale"]), "the margin at the transition")
        elif kind == "contrastive":
            first = number(claim["from"])
            last = mpf("inf") if claim["to"] == "unbounded" else number(claim["to"])
            must(turn == 0 or not first <= tie <= last, "two minimisers tie")
            if claim["reason"] == "simplex":
                must(of_probability and last < tie, "zero is a minimiser")
            if claim["reason"] == "zero":
                must(of_probability and first >= tie, "zero is no minimiser")
        else:
            raise Untrue(f"the oracle does not know the kind {kind}")


def judge(entry):
    document = entry["certificate"]
    node = document["problem"]
    if "point" not in document:
        for loss in losses(node["loss"]):
            judge_loss(document, loss)
        return
    decay = node["decay"]
    free = [decay["w"], decay["h"], decay.get("b", "0x0p0"), node["scale"]]
    for loss in losses(node["loss"]):
        for values in itertools.product(*map(samples, free)):
            judge_point(document, entry["witnesses"], Problem(node, loss, *values))


def main():
    for line in sys.stdin:
        try:
            judge(json.loads(line))
            print("true", flush=True)
        except Untrue as error:
            print(f"false: {error}", flush=True)
        except Exception as error:  # a judgement that cannot be made must not pass for one
            print(f"unknown: {error!r}", flush=True)


if __name__ == "__main__":
    main()
