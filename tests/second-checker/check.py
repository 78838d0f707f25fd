"""A second checker of certificates, written from docs/certificates.md alone, in mpmath's interval arithmetic.

    python3 tests/second-checker/check.py CERT...      exit 0 all accepted, 2 one refused, 1 one malformed
    python3 tests/second-checker/check.py --lines < LINES   one certificate a line; prints "accepted", "refused: …" or "malformed: …" for each

It is meant for small instances (up to about 30 unknowns): everything is dense and in 200-bit intervals. No trick of the first checker is used: no arrow, no float factorisation, no a-priori error bounds.
"""

import hashlib
import json
import re
import sys

import mpmath
from mpmath import iv, mp, mpf

iv.prec = mp.prec = 200
UNKNOWNS_MAX = 200
NUMBER = re.compile(r"-?0x([01])(?:\.([0-9a-f]{1,13}))?p([+-]?[0-9]{1,4})\Z")
TEXT = re.compile(r"[ !#-\[\]-~]*\Z")
ZERO, ONE = iv.mpf(0), iv.mpf(1)


class Malformed(Exception):
    pass


class Refused(Exception):
    pass


def require(holds, why):
    if not holds:
        raise Refused(why)


def well_formed(holds, why):
    if not holds:
        raise Malformed(why)


# ---- text


def number(text):
    well_formed(isinstance(text, str), "a number must be a string")
    match = NUMBER.match(text)
    well_formed(match, "not a hexadecimal float")
    lead, fraction, power = int(match[1]), int((match[2] or "0").ljust(13, "0"), 16), int(match[3])
    well_formed(-1022 <= power <= 1023 if lead else (fraction == 0 or power == -1022), "exponent")
    value = mpf((lead << 52) + fraction) * mpf(2) ** (power - 52 if lead or fraction else 0)
    return -value if text.startswith("-") else value


def interval(value):
    if isinstance(value, str):
        return iv.mpf(number(value))
    first, last = (number(x) for x in items(value, 2))
    well_formed(first <= last, "bounds in order")
    return iv.mpf([first, last])


def integer(value, most):
    well_formed(type(value) is int and 0 <= value <= most, "integer")
    return value


def items(value, length):
    well_formed(isinstance(value, list) and len(value) == length, "length of a list")
    return value


def numbers(value, length):
    """Point intervals: plain numbers never meet intervals in an operation, because mpmath would then leave interval arithmetic."""
    return [iv.mpf(number(x)) for x in items(value, length)]


def table(value, count, length):
    return [numbers(row, length) for row in items(value, count)]


def fields(value, names):
    well_formed(isinstance(value, dict) and set(value) == set(names.split()), "fields " + names)
    return value


def canonical(value):
    if isinstance(value, dict):
        return "{" + ",".join(f'"{key}":{canonical(value[key])}' for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        well_formed(TEXT.match(value), "characters")
        return f'"{value}"'
    well_formed(type(value) is int, "only strings and integers")
    return str(value)


def seal(document):
    return hashlib.sha256(canonical({k: v for k, v in document.items() if k != "seal"}).encode()).hexdigest()


# ---- intervals


def low(x):
    return mpf(x.a)


def high(x):
    return mpf(x.b)


def positive(x):
    return low(x) > 0


def square(x):
    """x², without the dependency of x·x."""
    a, b = low(x), high(x)
    largest = iv.mpf(max(abs(a), abs(b))) ** 2
    return largest if a == b else iv.mpf([0, largest.b]) if a <= 0 <= b else x * x


def total(xs):
    result = ZERO
    for x in xs:
        result += x
    return result


def inside(x, box):
    return low(box) <= low(x) and high(x) <= high(box)


def power(base, exponent):
    """base^exponent for base ≥ 0 (its lower end may touch 0) and exponent ≥ 0."""
    if high(exponent) == 0:
        return ONE
    if positive(base):
        return iv.exp(exponent * iv.log(base))
    top = iv.exp(exponent * iv.log(iv.mpf(high(base)))) if high(base) > 0 else ZERO
    return iv.mpf([0, max(mpf(1), high(top))]) if low(exponent) == 0 else iv.mpf([0, high(top)])


def inertia(matrix):
    """(positive, negative) certain counts of eigenvalues of a symmetric interval matrix, None where not all are certain: LDLᵀ in intervals with 1×1 and 2×2 pivots (Sylvester)."""
    a = [row[:] for row in matrix]
    counts = [0, 0]
    while a:
        n = len(a)
        mid = lambda i, j: abs(mpf(a[i][j].mid))
        p = max(range(n), key=lambda i: mid(i, i))
        pairs = [(i, j) for i in range(n) for j in range(i)]
        i, j = max(pairs, key=lambda ij: mid(*ij)) if pairs else (p, p)
        if n == 1 or mid(p, p) >= 0.6 * mid(i, j):
            pivot = a[p][p]
            if low(pivot) > 0:
                counts[0] += 1
            elif high(pivot) < 0:
                counts[1] += 1
            else:
                return None
            rest = [k for k in range(n) if k != p]
            a = [[a[k][l] - a[k][p] * a[l][p] / pivot for l in rest] for k in rest]
        else:
            alpha, beta, gamma = a[i][i], a[i][j], a[j][j]
            determinant = alpha * gamma - square(beta)
            if not high(determinant) < 0:
                return None
            counts[0] += 1
            counts[1] += 1
            rest = [k for k in range(n) if k not in (i, j)]
            solve = lambda x, y: ((gamma * x - beta * y) / determinant, (alpha * y - beta * x) / determinant)
            solved = {k: solve(a[k][i], a[k][j]) for k in rest}
            a = [[a[k][l] - a[k][i] * solved[l][0] - a[k][j] * solved[l][1] for l in rest] for k in rest]
    return tuple(counts)


def definite(matrix):
    return inertia(matrix) == (len(matrix), 0)


def least_eigenvalue(matrix):
    """A certain positive lower bound of the smallest eigenvalue, 0 where none was found."""
    bound = max([mpf(abs(x).b) for row in matrix for x in row], default=mpf(0))
    for _ in range(60):
        if bound > 0 and definite([[x - (iv.mpf(bound) if i == j else 0) for j, x in enumerate(row)] for i, row in enumerate(matrix)]):
            return bound
        bound /= 2
    return mpf(0)


# ---- losses: value, gradient and Hessian in the logits


class Loss:
    def __init__(self, node):
        names = {"cross-entropy": "", "label-smoothing": "alpha", "focal": "gamma", "mse": "kappa target", "bce": ""}
        well_formed(isinstance(node, dict) and node.get("name") in names, "loss")
        self.name = node["name"]
        fields(node, "name " + names[self.name])
        self.alpha, self.gamma = ZERO, ZERO
        if self.name == "label-smoothing":
            self.alpha = interval(node["alpha"])
            well_formed(low(self.alpha) >= 0 and high(self.alpha) < 1, "alpha")
        if self.name == "focal":
            self.gamma = interval(node["gamma"])
            well_formed(low(self.gamma) >= 0, "gamma")
        if self.name == "mse":
            self.kappa, self.target = interval(node["kappa"]), interval(node["target"])
            well_formed(positive(self.kappa) and positive(self.target), "kappa, target")
        self.convex = self.name != "focal"
        self.shift_invariant = self.name in ("cross-entropy", "label-smoothing", "focal")

    def softmax(self, z, k):
        """p, 1 − p_k and −log p_k."""
        odds = lambda j: total(iv.exp(x - z[j]) for i, x in enumerate(z) if i != j)
        p = [1 / (1 + odds(j)) for j in range(len(z))]
        e = odds(k)
        return p, 1 / (1 + 1 / e), iv.log(1 + e)

    def eta(self, p, c, s):
        """η and η' at p_k = p, c = 1 − p, s = −log p."""
        g = self.gamma
        if self.name != "focal":
            return ONE, ZERO
        eta = power(c, g) * (1 + g * p * s / c)
        slope = power(c, g) * g * (-2 * c + c * s - (g - 1) * p * s) / square(c)
        return eta, slope

    def value(self, z, k):
        if self.name == "mse":
            return (self.kappa * square(z[k] - self.target) + total(square(x) for j, x in enumerate(z) if j != k)) / 2
        if self.name == "bce":
            return total(iv.log(1 + iv.exp(-x if j == k else x)) for j, x in enumerate(z))
        _, c, s = self.softmax(z, k)
        smoothing = self.alpha / len(z) * total(z[k] - x for j, x in enumerate(z) if j != k)
        return (power(c, self.gamma) * s if self.name == "focal" else s) + smoothing

    def gradient(self, z, k):
        if self.name == "mse":
            return [self.kappa * (x - self.target) if j == k else x for j, x in enumerate(z)]
        if self.name == "bce":
            return [-1 / (1 + iv.exp(x)) if j == k else 1 / (1 + iv.exp(-x)) for j, x in enumerate(z)]
        p, c, s = self.softmax(z, k)
        share = self.alpha / len(z)
        eta, _ = self.eta(p[k], c, s)
        return [eta * (-c + self.alpha - share if j == k else q - share) for j, q in enumerate(p)]

    def hessian(self, z, k):
        n = len(z)
        if self.name == "mse":
            return [[(self.kappa if i == k else ONE) if i == j else ZERO for j in range(n)] for i in range(n)]
        if self.name == "bce":
            return [[1 / (1 + iv.exp(z[i])) / (1 + iv.exp(-z[i])) if i == j else ZERO for j in range(n)] for i in range(n)]
        p, c, s = self.softmax(z, k)
        eta, slope = self.eta(p[k], c, s)
        toward = [c if j == k else -p[j] for j in range(n)]
        a = lambda i, j: p[i] * (1 - p[i]) if i == j else -p[i] * p[j]
        return [[eta * a(i, j) - slope * p[k] * toward[i] * toward[j] for j in range(n)] for i in range(n)]

    def conjugate(self, u, k):
        entropy = lambda v: v * iv.log(v) if positive(v) else iv.mpf([-1 / mpmath.e - mpf(10) ** -50, 0]) if high(v) < mpf("0.3") else None
        if self.name == "mse":
            return self.target * u[k] + (square(u[k]) / self.kappa + total(square(x) for j, x in enumerate(u) if j != k)) / 2
        if self.name == "bce":
            t = [-x if j == k else x for j, x in enumerate(u)]
            require(all(low(x) >= 0 and high(x) <= 1 for x in t), "dual point outside the domain")
            return total(entropy(x) + entropy(1 - x) for x in t)
        share = self.alpha / len(u)
        v = [x + share + (1 - self.alpha if j == k else 0) for j, x in enumerate(u)]
        require(all(low(x) >= 0 for x in v), "dual point outside the domain")
        return total(entropy(x) for x in v)


# ---- the problem


class Checker:
    def __init__(self, document):
        fields(document, "format problem point claims seal")
        well_formed(document["format"] == "ufm.certificate/v1", "format")
        problem = fields(document["problem"], "classes width labels bias decay loss scale")
        self.K, self.d = integer(problem["classes"], 4096), integer(problem["width"], 1 << 20)
        well_formed(self.K >= 2 and isinstance(problem["labels"], list) and problem["labels"], "classes, labels")
        self.labels = [integer(y, self.K - 1) for y in problem["labels"]]
        self.N = len(self.labels)
        self.bias = problem["bias"]
        well_formed(self.bias in ("none", "free", "decayed"), "bias")
        decay = fields(problem["decay"], "w h b" if self.bias == "decayed" else "w h")
        self.lw, self.lh = interval(decay["w"]), interval(decay["h"])
        self.lb = interval(decay["b"]) if self.bias == "decayed" else ZERO
        self.loss, self.c = Loss(problem["loss"]), interval(problem["scale"])
        well_formed(all(map(positive, (self.lw, self.lh, self.c))) and (self.bias != "decayed" or positive(self.lb)), "decays, scale")
        point = fields(document["point"], "width w h b")
        self.r = integer(point["width"], self.d)
        self.has_bias = self.bias != "none"
        self.w, self.h = table(point["w"], self.K, self.r), table(point["h"], self.N, self.r)
        self.b = numbers(point["b"], self.K if self.has_bias else 0)
        self.shift = self.bias == "free" and self.loss.shift_invariant
        self.n = self.r * (self.K + self.N) + len(self.b)
        self.claims = document["claims"]
        well_formed(isinstance(self.claims, list) and 1 <= len(self.claims) <= 16, "claims")
        self.located = {}

    def box(self, radius):
        spread = lambda x: x + iv.mpf([-radius, radius])
        return [[spread(x) for x in row] for row in self.w], [[spread(x) for x in row] for row in self.h], [spread(x) for x in self.b]

    def logits(self, w, h, b, i):
        return [total(w[k][a] * h[i][a] for a in range(len(h[i]))) + (b[k] if b else 0) for k in range(self.K)]

    def value(self, radius):
        w, h, b = self.box(radius)
        loss = total(self.loss.value(self.logits(w, h, b, i), y) for i, y in enumerate(self.labels))
        norm = lambda rows: total(square(x) for row in rows for x in row)
        return self.c / self.N * loss + (self.lw * norm(w) + self.lh * norm(h) + self.lb * norm([b])) / 2

    def residuals(self, radius):
        w, h, b = self.box(radius)
        return [[self.c / self.N * g for g in self.loss.gradient(self.logits(w, h, b, i), y)] for i, y in enumerate(self.labels)]

    def gradient(self):
        w, h, b = self.box(0)
        g = self.residuals(0)
        out = [total(g[i][k] * h[i][a] for i in range(self.N)) + self.lw * w[k][a] for k in range(self.K) for a in range(self.r)]
        out += [total(g[i][k] * w[k][a] for k in range(self.K)) + self.lh * h[i][a] for i in range(self.N) for a in range(self.r)]
        return out + [total(g[i][k] for i in range(self.N)) + self.lb * b[k] for k in range(len(b))]

    def hessian(self, radius):
        """n×n: W by rows, features, b."""
        K, N, r = self.K, self.N, self.r
        w, h, b = self.box(radius)
        g = self.residuals(radius)
        out = [[ZERO] * self.n for _ in range(self.n)]
        at_w, at_h, at_b = (lambda k, a: k * r + a), (lambda i, a: K * r + i * r + a), (lambda k: (K + N) * r + k)
        for i, y in enumerate(self.labels):
            hessian = self.loss.hessian(self.logits(w, h, b, i), y)
            # Row l of the Jacobian of the logits: z_l = w_l·h_i + b_l.
            jacobian = []
            for l in range(K):
                entries = [(at_w(l, a), h[i][a]) for a in range(r)] + [(at_h(i, a), w[l][a]) for a in range(r)]
                jacobian.append(entries + ([(at_b(l), ONE)] if b else []))
            for l in range(K):
                for m in range(K):
                    weight = self.c / self.N * hessian[l][m]
                    for p, x in jacobian[l]:
                        for q, y2 in jacobian[m]:
                            out[p][q] += weight * (square(x) if (l, p) == (m, q) else x * y2)
                for a in range(r):
                    out[at_w(l, a)][at_h(i, a)] += g[i][l]
                    out[at_h(i, a)][at_w(l, a)] += g[i][l]
        for p in range(self.n):
            out[p][p] += self.lw if p < K * r else self.lh if p < (K + N) * r else self.lb
        return out

    def tangents(self):
        r, columns = self.r, []
        for a in range(r):
            for b in range(a + 1, r):
                column = []
                for row in self.w + self.h:
                    moved = [ZERO] * r
                    moved[b], moved[a] = row[a], -row[b]
                    column += moved
                columns.append(column + [ZERO] * len(self.b))
        if self.shift:
            columns.append([ZERO] * (self.n - self.K) + [ONE] * self.K)
        return columns

    # ---- claims

    def locate(self, claim):
        radius, separation = number(claim["radius"]), number(claim["separation"])
        well_formed(radius > 0 and separation > 0, "radius, separation")
        key = (radius, separation)
        if key in self.located:
            return self.located[key]
        require(self.n <= UNKNOWNS_MAX, "too many unknowns for this checker")
        gradient = iv.sqrt(total(map(square, self.gradient())))
        require(high(gradient) < low(iv.mpf(separation) * iv.mpf(radius) / 2), "the gradient is too large")
        rows = self.w + self.h
        gram = [[total(row[a] * row[b] for row in rows) for b in range(self.r)] for a in range(self.r)]
        spread = least_eigenvalue(gram)
        if self.r >= 1:
            require(spread > 0, "W and H do not have rank r")
        if self.r >= 2:
            length = iv.sqrt(total(gram[a][a] for a in range(self.r)))
            require(high((self.r - 1) * iv.mpf(radius) * length) < 2 * spread, "tangents may become dependent")
        hessian, tangents = self.hessian(radius), self.tangents()
        m = len(tangents)

        def bordered(sigma):
            rows = [[x - (sigma if i == j else 0) for j, x in enumerate(row)] + [t[i] for t in tangents] for i, row in enumerate(hessian)]
            return inertia(rows + [t + [ZERO] * m for t in tangents])

        above, below = bordered(iv.mpf(separation)), bordered(-iv.mpf(separation))
        require(above and below and above[0] - m + below[1] - m == self.n - m, "an eigenvalue may lie in [-s, s]")
        self.located[key] = (radius, below[1] - m, m, spread)
        return self.located[key]

    def escaping(self, radius, spread):
        if self.r >= 1:
            require(high(iv.mpf(radius) ** 2) < spread, "the rank at the exact point")
        w, _, _ = self.box(radius)
        g = self.residuals(radius)
        mu2 = self.lw * self.lh
        trace = sum(mpf(square(x).mid) for row in w for x in row)
        tau = iv.mpf(mpf(mu2.mid) * self.r / trace) if self.r else ZERO
        K = range(self.K)
        entry = lambda k, l: total(g[i][k] * g[i][l] for i in range(self.N)) + tau * total(w[k][a] * w[l][a] for a in range(self.r))
        counts = inertia([[entry(k, l) - (mu2 if k == l else 0) for l in K] for k in K])
        require(counts and counts[0] >= self.r, "a singular value may equal mu")
        return counts[0] - self.r

    def check(self, claim):
        well_formed(isinstance(claim, dict), "claim")
        kind = claim.get("kind")
        if kind == "critical-orbit":
            fields(claim, "kind radius separation")
            self.locate(claim)
        elif kind == "inertia":
            fields(claim, "kind radius separation index nullity nature value")
            index, nullity = integer(claim["index"], 1 << 53), integer(claim["nullity"], 1 << 53)
            well_formed(claim["nature"] in ("strict-saddle", "strict-local-minimum"), "nature")
            value = interval(claim["value"])
            radius, below, m, spread = self.locate(claim)
            escaping = self.escaping(radius, spread) if self.r < self.d else 0
            require(index == below + (self.d - self.r) * escaping, "index")
            require(nullity == m + self.r * (self.d - self.r), "nullity")
            require(claim["nature"] == ("strict-saddle" if index else "strict-local-minimum"), "nature")
            require(inside(self.value(radius), value), "value")
        elif kind == "global-minimum":
            fields(claim, "kind radius separation value")
            value = interval(claim["value"])
            require(self.loss.convex, "not convex")
            radius, _, _, spread = self.locate(claim)
            require(self.escaping(radius, spread) == 0, "a singular value above mu")
            require(inside(self.value(radius), value), "value")
        elif kind in ("simplex-etf", "global-simplex-etf"):
            whole = kind == "global-simplex-etf"
            fields(claim, "kind radius separation scale" + (" basin value" if whole else ""))
            scale = interval(claim["scale"])
            basin, value = (interval(claim["basin"]), interval(claim["value"])) if whole else (None, None)
            self.locate(claim)
            self.simplex(scale, number(claim["radius"]))
            if whole:
                self.global_simplex(scale, basin, value)
        elif kind == "gap":
            method = claim.get("method")
            well_formed(method in ("dual", "contrastive"), "method")
            fields(claim, "kind method value lower_bound gap" + (" dual" if method == "dual" else ""))
            value, bound, gap = interval(claim["value"]), number(claim["lower_bound"]), number(claim["gap"])
            require(inside(self.value(0), value), "value")
            if method == "dual":
                require(bound <= low(self.dual(table(claim["dual"], self.N, self.K))), "the bound is above the dual value")
            else:
                self.contrastive(bound)
            require(high(iv.mpf(value.b) - iv.mpf(bound)) <= gap, "gap")
        elif kind == "negative-curvature":
            fields(claim, "kind w h b curvature")
            self.curvature(claim)
        else:
            raise Malformed("kind")

    def dual(self, columns):
        require(self.loss.convex, "not convex")
        u = columns
        if self.loss.shift_invariant:
            u = [[x - total(column) / self.K for x in column] for column in u]
        if self.bias == "free":
            means = [total(column[k] for column in u) / self.N for k in range(self.K)]
            u = [[x - mean for x, mean in zip(column, means)] for column in u]
        weight = self.c / self.N
        gram = lambda k, l: square(weight) * total(column[k] * column[l] for column in u)
        # The smallest μ of a box of problems is the one that counts.
        mu2 = iv.mpf(low(self.lw * self.lh))
        K = range(self.K)
        require(definite([[(mu2 if k == l else 0) - gram(k, l) for l in K] for k in K]), "the dual point is too large")
        bound = -weight * total(self.loss.conjugate(column, y) for column, y in zip(u, self.labels))
        if self.bias == "decayed":
            bound -= total(square(weight * total(column[k] for column in u)) for k in K) / (2 * self.lb)
        return bound

    def per_class(self):
        sizes = [self.labels.count(k) for k in range(self.K)]
        require(len(set(sizes)) == 1, "not balanced")
        return sizes[0]

    def slope(self):
        return (self.K - 1) * iv.sqrt(iv.mpf(self.per_class())) * iv.sqrt(self.lw * self.lh) / self.c

    def margin(self, s):
        """ℓ, m = −ℓ' and m' at the logits s·e_k."""
        odds = (self.K - 1) * iv.exp(-s)
        p, c, surprise = 1 / (1 + odds), 1 / (1 + 1 / odds), iv.log(1 + odds)
        eta, slope = self.loss.eta(p, c, surprise)
        smoothing = self.loss.alpha * (self.K - 1) / self.K
        value = power(c, self.loss.gamma) * surprise if self.loss.name == "focal" else surprise
        return value + smoothing * s, c * eta - smoothing, p * (square(c) * slope - c * eta)

    def contrastive(self, bound, hole=None):
        """Shows ψ ≥ bound/c (with a hole: ψ ≥ bound outside of it) on the line."""
        require(self.loss.name in ("cross-entropy", "focal"), "no loss of p_k alone")
        slope = self.slope()
        wanted = high(iv.mpf(bound) / self.c) if hole is None else bound

        def holds(a, b):
            if low(self.margin(iv.mpf(b))[0] + slope * iv.mpf(a)) >= wanted:
                return True
            cell, middle = iv.mpf([a, b]), iv.mpf((a + b) / 2)
            return low(self.margin(middle)[0] + slope * middle + (slope - self.margin(cell)[1]) * (cell - middle)) >= wanted

        start, end = mpf(-60) if self.has_bias else mpf(0), max(mpf(1), high(iv.mpf(max(wanted, 0)) / slope))
        if self.has_bias:
            left = iv.mpf(start)
            odds = (self.K - 1) * iv.exp(-left)
            q = power(1 / (1 + 1 / odds), self.loss.gamma)
            require(high(slope) < low(q), "the slope at the far left")
            require(low(q * (iv.log(iv.mpf(self.K - 1)) - left) + slope * left) >= wanted, "the far left")
        cells = [(start, end)] if hole is None else [(start, low(hole)), (high(hole), end)]
        cells, count = [(a, b) for a, b in cells if a < b], 0
        while cells:
            a, b = cells.pop()
            count += 1
            if holds(a, b):
                continue
            require(count < 20000 and b - a > mpf(2) ** -60, "branch and bound")
            cells += [((a + b) / 2, b), (a, (a + b) / 2)]

    def simplex(self, scale, radius):
        require(self.loss.shift_invariant and self.r == self.K - 1, "shift-invariance, rank")
        n, wanted = self.per_class(), self.slope()
        require(positive(scale), "scale")
        first, last = self.margin(iv.mpf(scale.a))[1], self.margin(iv.mpf(scale.b))[1]
        require(low(first) > high(wanted) and high(last) < low(wanted) and high(self.margin(scale)[2]) < 0, "no root in the scale")
        ratio = iv.sqrt(n * self.lh / self.lw)
        omega = iv.sqrt(scale * ratio)
        norm = lambda xs: iv.sqrt(total(map(square, xs)))
        A = [[x / omega for x in row] for row in self.w]
        v = [total(row[a] for row in A) for a in range(self.r)]
        R = range(self.r)
        D = norm([total(row[a] * row[b] for row in A) - v[a] * v[b] / self.K - (1 if a == b else 0) for a in R for b in R])
        require(high(D) < 1, "far from an ETF")
        a = omega * (norm(v) / iv.sqrt(iv.mpf(self.K)) + D)
        h = norm([x - w / ratio for row, y in zip(self.h, self.labels) for x, w in zip(row, self.w[y])]) + iv.sqrt(iv.mpf(n)) * a / ratio
        mean = total(self.b) / self.K if self.bias == "free" else ZERO
        require(high(norm([a, h] + [x - mean for x in self.b])) <= radius, "no ETF in the ball")

    def global_simplex(self, scale, basin, value):
        require(low(basin) >= 0 and inside(scale, basin) and high(self.margin(basin)[2]) < 0, "basin")
        least = self.margin(scale)[0] + self.slope() * scale
        self.contrastive(high(least), basin)
        require(inside(self.c * least, value), "value")

    def curvature(self, claim):
        K, N, d = self.K, self.N, self.d
        u, v = table(claim["w"], K, d), table(claim["h"], N, d)
        w, curvature = numbers(claim["b"], K if self.has_bias else 0), iv.mpf(number(claim["curvature"]))
        require(positive(curvature), "curvature")
        norm = lambda rows: total(square(x) for row in rows for x in row)
        form = self.lw * norm(u) + self.lh * norm(v) + self.lb * norm([w])
        pw, ph, pb = self.box(0)
        g = self.residuals(0)
        for i, y in enumerate(self.labels):
            hessian = self.loss.hessian(self.logits(pw, ph, pb, i), y)
            moved = [total(u[k][a] * ph[i][a] + pw[k][a] * v[i][a] for a in range(self.r)) + (w[k] if w else 0) for k in range(K)]
            form += self.c / N * total(hessian[k][l] * moved[k] * moved[l] for k in range(K) for l in range(K))
            form += 2 * total(g[i][k] * total(u[k][a] * v[i][a] for a in range(d)) for k in range(K))
        length = norm(u) + norm(v) + norm([w])
        require(positive(length) and high(form) <= low(-curvature * length), "curvature")


def verdict(text):
    try:
        document = json.loads(text)
        well_formed(isinstance(document, dict) and isinstance(document.get("seal"), str), "document")
        checker = Checker(document)
        require(document["seal"] == seal(document), "seal")
        for claim in checker.claims:
            checker.check(claim)
    except Refused as error:
        return 2, f"refused: {error}"
    except (Malformed, ValueError, TypeError, KeyError, RecursionError) as error:
        return 1, f"malformed: {error!r}"
    return 0, "accepted"


def main():
    if sys.argv[1:] == ["--lines"]:
        for line in sys.stdin:
            print(verdict(line)[1], flush=True)
        return 0
    codes = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            code, words = verdict(file.read())
        print(f"{path}: {words}")
        codes.append(code)
    return 1 if 1 in codes else max(codes, default=1)


if __name__ == "__main__":
    sys.exit(main())
