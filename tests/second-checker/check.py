"""A second checker of certificates, written from docs/certificates.md alone, in mpmath's interval arithmetic.

    python3 tests/second-checker/check.py CERT...      exit 0 all accepted, 2 one refused, 1 one malformed
    python3 tests/second-checker/check.py --lines < LINES   one certificate a line; prints "accepted", "refused: …" or "malformed: …" for each

It is meant for small instances (up to about 30 unknowns): everything is dense and in 200-bit intervals. No trick of the first checker is used: no arrow, no float factorisation, no a-priori error bounds.
"""

import copy
import hashlib
import json
import re
import sys
from fractions import Fraction

import mpmath
from formula import Formula, Outside, Wrong, of_logit, of_odds
from mpmath import iv, mp, mpf

iv.prec = mp.prec = 200
UNKNOWNS_MAX = 200
LONG = re.compile(r"-?0x([01])(?:\.([0-9a-f]{1,127}))?p([+-]?[0-9]{1,4})\Z")
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


def long_interval(value):
    """Like `interval`, of numbers with up to 127 digits."""

    def bound(text):
        match = LONG.match(text) if isinstance(text, str) else None
        well_formed(match, "not a long number")
        digits = match[2] or "0"
        well_formed(match[1] == "1" or not digits.strip("0"), "a long number begins with 1")
        with mp.workprec(600):
            value = mpf(int(match[1] + digits, 16)) * mpf(2) ** (int(match[3]) - 4 * len(digits))
            return -value if text.startswith("-") else value

    first, last = (bound(value),) * 2 if isinstance(value, str) else map(bound, items(value, 2))
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
        self.formulas = {}
        if isinstance(node, dict) and node.get("name") == "custom":
            self.own(node)
            return
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

    def own(self, node):
        """A loss given by formulas: `ell` of p, or `own` and `others` of z."""
        keys = ["ell"] if "ell" in node else ["own", "others"]
        fields(node, "name parameters " + " ".join(keys))
        well_formed(isinstance(node["parameters"], dict), "parameters")
        for key in keys:
            well_formed(isinstance(node[key], str) and TEXT.match(node[key]), "a formula")
            self.formulas[key] = Formula(node[key], ("p", "q", "K") if key == "ell" else ("z", "K"))
        used = {name for formula in self.formulas.values() for name in formula.names}
        well_formed(set(node["parameters"]) == used, "parameters")
        self.parameters = {name: interval(value) for name, value in node["parameters"].items()}
        # That a formula is convex is not known here.
        self.name, self.alpha, self.gamma, self.convex, self.shift_invariant = "custom", ZERO, ZERO, False, keys == ["ell"]

    def of_odds(self, e, classes):
        """ℓ, ℓ_u and ℓ_uu."""
        jet = self.formulas["ell"].at(of_odds(e, classes), self.parameters)
        return jet.value, jet.first, jet.second

    def own_parts(self, z, k):
        """Of a sum over logits: the jets of its terms. Of ℓ(p): its jet and the shares of the other classes."""
        if not self.shift_invariant:
            term = lambda j: self.formulas["own" if j == k else "others"]
            return [term(j).at(of_logit(x, len(z)), self.parameters) for j, x in enumerate(z)], None
        odds = [ZERO if j == k else iv.exp(x - z[k]) for j, x in enumerate(z)]
        e = total(odds)
        return self.of_odds(e, len(z)), [x / e for x in odds]

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
        if self.name == "custom":
            jet, shares = self.own_parts(z, k)
            return jet[0] if shares else total(part.value for part in jet)
        if self.name == "mse":
            return (self.kappa * square(z[k] - self.target) + total(square(x) for j, x in enumerate(z) if j != k)) / 2
        if self.name == "bce":
            return total(iv.log(1 + iv.exp(-x if j == k else x)) for j, x in enumerate(z))
        _, c, s = self.softmax(z, k)
        smoothing = self.alpha / len(z) * total(z[k] - x for j, x in enumerate(z) if j != k)
        return (power(c, self.gamma) * s if self.name == "focal" else s) + smoothing

    def gradient(self, z, k):
        if self.name == "custom":
            jet, shares = self.own_parts(z, k)
            return [jet[1] * ((1 if j == k else 0) - pi) for j, pi in enumerate(shares)] if shares else [part.first for part in jet]
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
        if self.name == "custom":
            jet, shares = self.own_parts(z, k)
            if not shares:
                return [[jet[i].second if i == j else ZERO for j in range(n)] for i in range(n)]
            # ℓ_uu t tᵀ − ℓ_u (diag π − ππᵀ), t = e_k − π: the squares as squares.
            t = [(ONE if j == k else ZERO) - pi for j, pi in enumerate(shares)]
            bend = lambda i, j: (shares[i] * (1 - shares[i]) if i == j else -shares[i] * shares[j])
            return [[jet[2] * (square(t[i]) if i == j else t[i] * t[j]) - jet[1] * bend(i, j) for j in range(n)] for i in range(n)]
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
        self.has_bias = self.bias != "none"
        self.read_point(document["point"])
        self.shift = self.bias == "free" and self.loss.shift_invariant
        self.n = self.r * (self.K + self.N) + len(self.b)
        self.claims = document["claims"]
        well_formed(isinstance(self.claims, list) and 1 <= len(self.claims) <= 16, "claims")
        self.located = {}

    def read_point(self, point):
        fields(point, "width w h b")
        self.r = integer(point["width"], self.d)
        self.w, self.h = table(point["w"], self.K, self.r), table(point["h"], self.N, self.r)
        self.b = numbers(point["b"], self.K if self.has_bias else 0)

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
        elif kind == "partial-state":
            fields(claim, "kind alive scale bias_gap precision index nullity nature value")
            index, nullity = integer(claim["index"], 1 << 53), integer(claim["nullity"], 1 << 53)
            well_formed(claim["nature"] in ("strict-saddle", "strict-local-minimum"), "nature")
            value = interval(claim["value"])
            with State(self, claim) as state:
                state.locate()
                require(state.count() == (index, nullity), "index, nullity")
                require(inside(state.value(), value), "value")
            require(claim["nature"] == ("strict-saddle" if index else "strict-local-minimum"), "nature")
        elif kind == "global-state":
            basin = interval(claim["basin"]) if "basin" in claim else None
            fields(claim, "kind alive scale bias_gap precision value" + (" basin" if basin is not None else ""))
            value = interval(claim["value"])
            with State(self, claim) as state:
                state.locate()
                if basin is None:
                    require(self.loss.convex, "not convex")
                    require(all(low(x) > 0 for x in state.residual_room()), "a singular value may exceed mu")
                    require(inside(state.value(), value), "value")
                else:
                    require(state.m == self.K, "not all classes are alive")
                    self.global_simplex(state.s, basin, value)
        elif kind == "not-global":
            fields(claim, "kind critical lower margin")
            margin = iv.mpf(number(claim["margin"]))
            above, below = claim["critical"], claim["lower"]
            well_formed(isinstance(above, dict) and isinstance(below, dict), "critical, lower")
            if "alive" in below:
                with State(self, fields(below, "alive scale bias_gap precision")) as state:
                    lower = state.value()
            else:
                other = copy.copy(self)
                other.read_point(below)
                lower = other.value(0)
            if "alive" in above:
                with State(self, fields(above, "alive scale bias_gap precision")) as state:
                    state.locate()
                    value = state.value()
                    require(positive(margin) and positive(value - lower - margin), "not lower")
            else:
                value = self.value(self.locate(fields(above, "radius separation"))[0])
                require(positive(margin) and positive(value - lower - margin), "not lower")
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
        if self.loss.name == "custom":
            value, first, second = self.loss.of_odds(odds, self.K)
            return value, -first, -second
        p, c, surprise = 1 / (1 + odds), 1 / (1 + 1 / odds), iv.log(1 + odds)
        eta, slope = self.loss.eta(p, c, surprise)
        smoothing = self.loss.alpha * (self.K - 1) / self.K
        value = power(c, self.loss.gamma) * surprise if self.loss.name == "focal" else surprise
        return value + smoothing * s, c * eta - smoothing, p * (square(c) * slope - c * eta)

    def contrastive(self, bound, hole=None):
        """Shows ψ ≥ bound/c (with a hole: ψ ≥ bound outside of it) on the line."""
        if self.loss.name == "custom":
            require(self.loss.shift_invariant, "no loss of p_k alone")
            return self.contrastive_of_formula(high(iv.mpf(bound) / self.c) if hole is None else bound, hole)
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

    def contrastive_of_formula(self, wanted, hole):
        """The same of a formula, which need not fall: ℓ + e·max(0, s) without a bias, ℓ + e·s with one."""
        slope = self.slope()
        start, infinity = mpf(-60), mpmath.inf
        ends = [60 * 2**power for power in range(24)]
        far = lambda end: low(self.margin(iv.mpf([end, infinity]))[0] + slope * end)
        end = next((end for end in ends if far(end) >= wanted), None)
        require(end is not None, "the far right")
        value, pull, _ = self.margin(iv.mpf([-infinity, start]))
        if self.has_bias:
            require(high(slope) <= low(pull) and low(self.margin(iv.mpf(start))[0] + slope * start) >= wanted, "the far left")
        else:
            require(low(value) >= wanted, "the far left")
        left = slope if self.has_bias else ZERO
        cells = [(start, mpf(0), left)]
        cells += [(mpf(0), mpf(end), slope)] if hole is None else [(mpf(0), low(hole), slope), (high(hole), mpf(end), slope)]
        cells, count = [cell for cell in cells if cell[0] < cell[1]], 0
        while cells:
            a, b, e = cells.pop()
            count += 1
            cell, middle = iv.mpf([a, b]), iv.mpf((a + b) / 2)
            value, pull, _ = self.margin(cell)
            if low(value + e * iv.mpf(a)) >= wanted:
                continue
            if low(self.margin(middle)[0] + e * middle + (e - pull) * (cell - middle)) >= wanted:
                continue
            require(count < 20000 and b - a > mpf(2) ** -60, "branch and bound")
            cells += [((a + b) / 2, b, e), (a, (a + b) / 2, e)]

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
        require(low(basin) >= 0 and inside(scale, basin), "basin")
        # m' < 0 on pieces: over the whole basin its terms are not told apart.
        cells, count = [(low(basin), high(basin))], 0
        while cells:
            a, b = cells.pop()
            count += 1
            if not high(self.margin(iv.mpf([a, b]))[2]) < 0:
                require(count < 2000 and b - a > mpf(2) ** -60, "basin")
                cells += [((a + b) / 2, b), (a, (a + b) / 2)]
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


def exact(x):
    """A rational as an interval."""
    x = Fraction(x)
    return iv.mpf(x.numerator) / x.denominator


class State:
    """A partially collapsed state: classes 0 … m−1 a simplex of scale s, the others at the origin, the gap y of the bias.

    Blocks of the Hessian are not taken from closed forms: explicit directions (U, V, c) of every kind are put into the Hessian form, class by class. Classes that a direction does not tell apart are summed once.
    """

    def __init__(self, checker, node):
        self.of, self.K, self.d = checker, checker.K, checker.d
        self.m = integer(node["alive"], self.K)
        well_formed(self.m != 1 and type(node["precision"]) is int and node["precision"] in (53, 128, 256, 512), "alive, precision")
        self.bits = max(200, node["precision"] + 64)
        self.s, self.y = long_interval(node["scale"]), long_interval(node["bias_gap"])

    def __enter__(self):
        iv.prec = mp.prec = self.bits
        of, K, m, s, y = self.of, self.K, self.m, self.s, self.y
        require(of.loss.shift_invariant and of.loss.name != "custom", "loss")
        self.n, self.l = iv.mpf(of.per_class()), K - m
        require(m - 1 <= self.d, "width")
        self.r = max(m - 1, 0)
        require(positive(s) if m else low(s) == 0 == high(s), "scale")
        self.has_gap = of.has_bias and 0 < m < K
        require(self.has_gap or low(y) == 0 == high(y), "gap")
        self.mu = iv.sqrt(of.lw * of.lh)
        self.unit = of.c / K
        # Logits relative to the own class, of a class of A and of one of B.
        logits = {}
        if m:
            across = -(s * (m - 1) / m + y)
            logits["A"] = [ZERO if j == 0 else -s if j < m else across for j in range(K)], 0
        if self.l:
            logits["B"] = [y if j < m else ZERO for j in range(K)], m
        self.samples = {}
        for group, (z, k) in logits.items():
            own, same, other = k, (1 if m > 1 else None) if group == "A" else (m + 1 if self.l > 1 else None), (m if self.l else None) if group == "A" else (0 if m else None)
            pick = lambda xs: [xs[j] if j is not None else ZERO for j in (own, same, other)]
            odds = total(iv.exp(x) for j, x in enumerate(z) if j != k)
            p, c, surprise = 1 / (1 + odds), 1 / (1 + 1 / odds), iv.log(1 + odds)
            if high(odds) < mpf(2) ** -60:
                # log(1 + x) lies between x − x²/2 and x.
                surprise = iv.mpf([low(odds - square(odds) / 2), high(odds)])
            share = of.loss.alpha / K
            eta, slope = of.loss.eta(p, c, surprise)
            probability = [p * iv.exp(x) for x in pick(z)]
            gradient = [eta * (-c + of.loss.alpha - share), eta * (probability[1] - share), eta * (probability[2] - share)]
            mean = total(z[k] - x for j, x in enumerate(z) if j != k) / K
            value = (power(c, of.loss.gamma) * surprise if of.loss.name == "focal" else surprise) + of.loss.alpha * mean
            self.samples[group] = {"p": probability, "c": c, "eta": eta, "slope": slope, "g": gradient, "value": value}
        return self

    def __exit__(self, *_):
        iv.prec = mp.prec = 200

    def group(self, k):
        return "A" if k < self.m else "B"

    def value(self):
        of, K, m, l = self.of, self.K, self.m, self.l
        loss = total(sample["value"] * (m if group == "A" else l) for group, sample in self.samples.items()) / K
        simplex = iv.sqrt(self.n) * self.mu * (m - 1) * self.s if m else ZERO
        return of.c * loss + simplex + (of.lb * square(self.y) * m * l / K / 2 if self.has_gap else 0)

    def form(self, k, D, E):
        """DᵀA_kE without c/N, with u = D − D_k: η(Σp_ju_jv_j − ππ') − pη'ππ'. D, E are exact rationals."""
        sample = self.samples[self.group(k)]
        own, same, other = sample["p"]
        ours, theirs = (range(self.m), range(self.m, self.K)) if k < self.m else (range(self.m, self.K), range(self.m))
        u, v = [x - D[k] for x in D], [x - E[k] for x in E]
        weighted = lambda xs: same * exact(sum(xs[j] for j in ours)) + other * exact(sum(xs[j] for j in theirs))
        pi, rho = weighted(u), weighted(v)
        return sample["eta"] * (weighted([x * y for x, y in zip(u, v)]) - pi * rho) - own * sample["slope"] * pi * rho

    def derivatives(self, s, y):
        of, m, l, K = self.of, self.m, self.l, self.K
        at = State.__new__(State)
        at.__dict__.update(self.__dict__, s=s, y=y)
        at.__enter__()
        g = at.samples["A"]["g"]
        first = [(m - 1) * (iv.sqrt(self.n) * self.mu / of.c + (g[0] - g[1]) / K)]
        by_s = [Fraction(j == 0) - (Fraction(1, m) if j < m else 0) for j in range(K)]
        by_y = [Fraction(j < m) for j in range(K)]
        second = [[m * at.form(0, by_s, by_s) / K]]
        if self.has_gap:
            first.append(iv.mpf(m * l) / K * (at.samples["B"]["g"][2] - g[2] + of.lb / of.c * y))
            mixed = m * at.form(0, by_s, by_y) / K
            second[0].append(mixed)
            second.append([mixed, m * at.form(0, by_y, by_y) / K + l * at.form(m, by_y, by_y) / K + of.lb / of.c * m * l / K])
        return first, second

    def locate(self):
        """Krawczyk's operator maps the box of (s, y), or of s, into its interior."""
        if not self.m:
            return
        box = [self.s, self.y][: 2 if self.has_gap else 1]
        middle = [iv.mpf(x.mid) for x in box]
        at = lambda xs: (xs[0], xs[1] if self.has_gap else ZERO)
        first, second = self.derivatives(*at(middle))[0], self.derivatives(*at(box))[1]
        mid = [[mpf(x.mid) for x in row] for row in second]
        if self.has_gap:
            determinant = mid[0][0] * mid[1][1] - mid[0][1] * mid[1][0]
            require(determinant != 0, "singular")
            inverse = [[mid[1][1] / determinant, -mid[0][1] / determinant], [-mid[1][0] / determinant, mid[0][0] / determinant]]
        else:
            require(mid[0][0] != 0, "singular")
            inverse = [[1 / mid[0][0]]]
        inverse = [[iv.mpf(x) for x in row] for row in inverse]
        n = range(len(box))
        for i in n:
            step = middle[i] - total(inverse[i][j] * first[j] for j in n)
            for j in n:
                step += ((1 if i == j else 0) - total(inverse[i][k] * second[k][j] for k in n)) * (box[j] - middle[j])
            require(low(box[i]) < low(step) and high(step) < high(box[i]), "no critical state is shown")

    def block(self, directions, classes):
        """The Hessian form on directions ("U", Û), ("V", V̂) or ("c", c) with the classes named by (a class, how many are like it). Û is K×m, V̂ m×K, functions of a column; entries are rationals."""
        of, K, m = self.of, self.K, self.m
        omega = iv.sqrt(self.s * iv.sqrt(self.n * of.lh / of.lw))
        size = {"U": self.s / omega, "V": omega / iv.sqrt(self.n), "c": ONE}
        decay = {"U": of.lw, "V": of.lh, "c": of.lb}
        columns = {"U": m, "V": K, "c": 1}
        tables = [(kind, [value(k) for k in range(columns[kind])] if kind != "c" else [value]) for kind, value in directions]
        none = [Fraction(0)] * K

        def moved(kind, table, k):
            return table[0] if kind == "c" else table[k] if kind == "V" or k < m else none

        def coupling(u, v):
            """Σ_k G_kᵀÛV̂e_k."""
            out = ZERO
            for k, times in classes:
                image = [sum(u[a][j] * v[k][a] for a in range(m) if v[k][a]) for j in range(K)]
                own, same, other = self.samples[self.group(k)]["g"]
                ours = sum(image[j] for j in range(K) if (j < m) == (k < m) and j != k)
                theirs = sum(image[j] for j in range(K) if (j < m) != (k < m))
                out += times * (own * exact(image[k]) + same * exact(ours) + other * exact(theirs))
            return self.unit / iv.sqrt(self.n) * out

        rows = [[None] * len(tables) for _ in tables]
        for i, (kind, x) in enumerate(tables):
            for j, (other, y) in enumerate(tables[: i + 1]):
                entry = size[kind] * size[other] * self.unit * total(times * self.form(k, moved(kind, x, k), moved(other, y, k)) for k, times in classes)
                if kind == other:
                    entry += decay[kind] * exact(sum(a * b for p, q in zip(x, y) for a, b in zip(p, q)))
                if {kind, other} == {"U", "V"}:
                    entry += coupling(x, y) if kind == "U" else coupling(y, x)
                rows[i][j] = rows[j][i] = entry
        return rows

    def residual_room(self):
        """mu² − sigma² for the singular values of G on the differences of B (if there are any) and on the mean of the groups (if there are two)."""
        m, l, K = self.m, self.l, self.K
        scale = self.unit / iv.sqrt(self.n)
        g = {group: sample["g"] for group, sample in self.samples.items()}
        out = [square(self.mu) - square(scale * (g["B"][0] - g["B"][1]))] if l > 1 else []
        if m and l:
            out.append(square(self.mu) - square(scale) * (square(l * g["A"][2]) * K / l + square(m * g["B"][2]) * K / m))
        return out

    def count(self):
        """(index, nullity) at width d."""
        of, K, m, l, n, d = self.of, self.K, self.m, self.l, self.of.per_class(), self.d
        free, index, zeros = d - self.r, 0, self.r * (d - self.r)

        def sign(x, times):
            nonlocal index
            require(times == 0 or low(x) > 0 or high(x) < 0, "an eigenvalue may be zero")
            index += times if times and high(x) < 0 else 0

        def signs(directions, classes, times):
            nonlocal index
            counts = inertia(self.block(directions, classes)) if times else (0, 0)
            require(counts, "an eigenvalue may be zero")
            index += times * counts[1]

        require(K <= 200, "too many classes for this checker")
        e = lambda *places: [Fraction((j == places[0]) - (j in places[1:])) for j in range(K)]
        # Samples of one class.
        w2 = self.s * iv.sqrt(of.lh / of.lw / self.n) if m else ZERO
        if n > 1 and m:
            simplex = [Fraction(j == 0) - (Fraction(1, m) if j < m else 0) for j in range(K)]
            sign(of.lh + w2 * self.unit * self.form(0, simplex, simplex) * m / (m - 1), (n - 1) * m)
            if m > 2:
                sign(of.lh + w2 * self.unit * self.form(0, e(1, 2), e(1, 2)) / 2, (n - 1) * m * (m - 2))
            if l:
                sign(of.lh + w2 * self.unit * self.form(m, e(0, 1), e(0, 1)) / 2, (n - 1) * l * self.r)
        # Dimensions that are not used: mu² − sigma².
        for x, times in zip(self.residual_room(), [l - 1, 1] if l > 1 else [1]):
            sign(x, times * free)
        # The bias alone.
        if of.has_bias:
            zeros += 1 if of.bias == "free" else 0
            if l > 1:
                z = e(m, m + 1)
                form = total(times * self.form(k, z, z) for k, times in [(0, m), (m, 1), (m + 1, 1), (m + 2, l - 2)] if times)
                sign(of.lb + self.unit * form / 2, l - 1)
        if not m:
            return index, zeros
        # U and V. P's columns; x = e_0 − e_1.
        none = [Fraction(0)] * K
        P = lambda k: [Fraction(j == k) - (Fraction(1, m) if j < m else 0) for j in range(K)] if k < m else none
        mean = [Fraction(1, m) if j < m else -Fraction(1, l) for j in range(K)]
        bias = lambda c: [("c", c)] if of.has_bias else []
        groups = [(0, m)] + ([(m, l)] if l else [])
        signs([("U", P), ("V", P)] + (bias(mean) if l else []), groups, 1)
        x = e(0, 1)
        first, second = P(0), P(1)
        T = lambda k: [first[j] * first[k] - second[j] * second[k] for j in range(K)] if k < m else none
        directions = [("V", lambda k: x if k < m else none)] + bias(x)
        if l:
            directions += [("U", lambda k: [x[k] * a for a in mean]), ("V", lambda k: x if k >= m else none)]
        if m > 2:
            directions += [("U", T), ("V", T)]
        kinds = [(0, 1), (1, 1)] + ([(2, m - 2)] if m > 2 else []) + ([(m, l)] if l else [])
        signs(directions, kinds, m - 1)
        if m > 3:
            pair = lambda k: [e(2, 3), e(3, 2), e(0, 1), e(1, 0)][k] if k < 4 else none
            signs([("U", pair), ("V", pair)], [(k, 1) for k in range(4)], m * (m - 3) // 2)
        if m > 2:
            # Antisymmetric: one zero by rotation, and the trace.
            turn = lambda k: [e(2, 1), e(0, 2), e(1, 0)][k] if k < 3 else none
            block = self.block([("U", turn), ("V", turn)], [(k, 1) for k in range(3)])
            require(positive(block[0][0] + block[1][1]), "trace")
            zeros += (m - 1) * (m - 2) // 2
        if l > 1:
            z = e(m, m + 1)
            outer = [("U", lambda k: [x[k] * a for a in z]), ("V", lambda k: [z[k] * a for a in x])]
            signs(outer, [(0, 1), (1, 1), (m, 1), (m + 1, 1)], (m - 1) * (l - 1))
        return index, zeros
# ---- claims about a loss


class LossChecker:
    """Certificates of the format ufm.loss-certificate/v1."""

    def __init__(self, document):
        fields(document, "format problem claims seal")
        problem = fields(document["problem"], "classes loss")
        self.K, self.loss = integer(problem["classes"], 1 << 53), Loss(problem["loss"])
        well_formed(self.K >= 2, "classes")
        # Theorems of the named losses; nothing is known of formulas.
        well_formed(self.loss.name != "custom", "loss")
        self.claims = document["claims"]
        well_formed(isinstance(self.claims, list) and 1 <= len(self.claims) <= 16, "claims")

    def check(self, claim):
        """For every γ; where that is too much at once, for each half of its interval."""
        whole = self.loss.gamma

        def pieces(gamma, splits):
            self.loss.gamma = gamma
            try:
                self.verify(claim)
            except Refused:
                a, b = low(gamma), high(gamma)
                if splits == 0 or a == b:
                    raise
                pieces(iv.mpf([a, (a + b) / 2]), splits - 1)
                pieces(iv.mpf([(a + b) / 2, b]), splits - 1)

        try:
            pieces(whole, 6)
        finally:
            self.loss.gamma = whole

    def verify(self, claim):
        kind = claim.get("kind") if isinstance(claim, dict) else None
        if kind == "convexity-region":
            fields(claim, "kind edge")
            self.region(interval(claim["edge"]))
        elif kind == "contrastive":
            reason = claim.get("reason")
            well_formed(reason in ("convex", "simplex", "zero"), "reason")
            fields(claim, "kind from to reason" + (" witness" if reason == "simplex" else ""))
            start = number(claim["from"])
            end = mpf("inf") if claim["to"] == "unbounded" else number(claim["to"])
            well_formed(start >= 0 and end >= start and end > 0, "range")
            if reason == "simplex":
                witness = number(claim["witness"])
                well_formed(witness > 0, "witness")
            if reason == "convex":
                require(self.loss.convex or low(self.excess(1 / iv.mpf(self.K))) > 0, "not convex")
            elif reason == "zero":
                self.zero_is_least(start)
            else:
                self.beats_zero(end, witness)
        elif kind == "transition":
            fields(claim, "kind at scale witness")
            at, scale, witness = interval(claim["at"]), interval(claim["scale"]), number(claim["witness"])
            well_formed(witness > 0, "witness")
            require(not self.loss.convex, "convex losses have no transition")
            require(high(self.excess(1 / iv.mpf(self.K))) < 0, "not concave at zero")
            require(positive(at) and positive(scale), "c and the margins")
            self.beats_zero(low(at), witness)
            self.zero_is_least(high(at))
            first, last = self.margin(iv.mpf(low(scale))), self.margin(iv.mpf(high(scale)))
            slope = (self.K - 1) * at
            require(high(first[2]) < 0 and low(first[1]) > high(slope) and high(last[1]) < low(slope), "the margin of the simplex")
        else:
            raise Malformed("kind")

    def excess(self, p):
        """F(p), a quadratic in γ: with its square completed, so that γ stands there once."""
        x = -iv.log(p)
        half = (1 - p) * (2 - x) / (2 * x * p)
        return x * p * square(self.loss.gamma + half) + (1 - p - x * p * square(half))

    def region(self, edge):
        require(low(edge) >= 0 and high(edge) < 1, "the edge")
        if self.loss.convex:
            require(low(edge) == 0, "convex everywhere")
            return
        if low(edge) > 0:
            require(high(self.excess(iv.mpf(low(edge)))) < 0, "no negative curvature below")
        if high(self.loss.gamma) == 0 and high(edge) == 0:
            return
        require(high(edge) > 0 and low(self.excess(iv.mpf(high(edge)))) > 0, "not convex above")

    def margin(self, s):
        """ℓ, m = −ℓ' and m' at the margin s."""
        odds = (self.K - 1) * iv.exp(-s)
        p, c, surprise = 1 / (1 + odds), 1 / (1 + 1 / odds), iv.log(1 + odds)
        eta, slope = self.loss.eta(p, c, surprise)
        return power(c, self.loss.gamma) * surprise, c * eta, p * (square(c) * slope - c * eta)

    def beats_zero(self, c, witness):
        require(self.loss.name in ("cross-entropy", "focal"), "no loss of p_k alone")
        require(c < mpf("inf"), "unbounded")
        s = iv.mpf(witness)
        require(high(self.margin(s)[0] + (self.K - 1) * iv.mpf(c) * s) < low(self.margin(ZERO)[0]), "the witness does not beat zero")

    def zero_is_least(self, c):
        require(self.loss.name in ("cross-entropy", "focal"), "no loss of p_k alone")
        slope, zero = (self.K - 1) * iv.mpf(c), self.margin(ZERO)[0]
        require(low(slope) > 0, "c is not positive")

        def holds(a, b):
            if high(self.margin(iv.mpf([0, b]))[1]) < low(slope):
                return True
            if low(self.margin(iv.mpf(b))[0] + slope * iv.mpf(a)) > high(zero):
                return True
            cell, middle = iv.mpf([a, b]), iv.mpf((a + b) / 2)
            return low(self.margin(middle)[0] + slope * middle + (slope - self.margin(cell)[1]) * (cell - middle)) > high(zero)

        cells, count = [(mpf(0), high(zero / slope))], 0
        while cells:
            a, b = cells.pop()
            count += 1
            if holds(a, b):
                continue
            require(count < 5000 and b - a > mpf(2) ** -80, "branch and bound")
            cells += [((a + b) / 2, b), (a, (a + b) / 2)]


def verdict(text):
    try:
        document = json.loads(text)
        well_formed(isinstance(document, dict) and isinstance(document.get("seal"), str), "document")
        checker = (LossChecker if document.get("format") == "ufm.loss-certificate/v1" else Checker)(document)
        require(document["seal"] == seal(document), "seal")
        for claim in checker.claims:
            checker.check(claim)
    except (Refused, Outside) as error:
        return 2, f"refused: {error}"
    except (Malformed, Wrong, ValueError, TypeError, KeyError, RecursionError) as error:
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
