"""Formulas of a certificate's loss, from docs/certificates.md alone: parsed, and evaluated with two derivatives in mpmath's interval arithmetic.

The first checker rewrites formulas so that doubles keep their digits; here 200 bits do, and only 1−p, log p, log q and powers of p and q are taken from their own enclosures, because half-lines of the log-odds are asked for.
"""

import re

from mpmath import inf, iv, mpf

TOKEN = re.compile(r"[ \t]*(?:([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|([A-Za-z][A-Za-z0-9_]*)|([-+*/^(),]))")
FUNCTIONS = {name: 1 for name in "log ln exp log1p expm1 sqrt abs tanh sigmoid softplus".split()} | {"min": 2, "max": 2, "pow": 2}
ZERO, ONE = iv.mpf(0), iv.mpf(1)


class Wrong(Exception):
    """The text is no formula."""


class Outside(Exception):
    """The formula is not certainly defined, or not certainly smooth, there."""


def tokens(text):
    out, at = [], 0
    while text[at:].strip(" \t"):
        match = TOKEN.match(text, at)
        if not match:
            raise Wrong("a character that has no place in a formula")
        out.append(match.groups())
        at = match.end()
    return out


class Parser:
    def __init__(self, text, variables):
        if len(text) > 1000:
            raise Wrong("length")
        self.rest, self.variables, self.names, self.depth = tokens(text), variables, [], 0
        self.tree = self.sum()
        if self.rest:
            raise Wrong("something is left over")

    def take(self, symbols):
        if self.rest and self.rest[0][2] and self.rest[0][2] in symbols:
            return self.rest.pop(0)[2]
        return None

    def chain(self, symbols, part):
        left = part()
        while operator := self.take(symbols):
            left = (operator, left, part())
        return left

    def sum(self):
        return self.chain("+-", self.product)

    def product(self):
        return self.chain("*/", self.signed)

    def signed(self):
        self.depth += 1
        if self.depth > 50:
            raise Wrong("depth")
        sign = self.take("+-")
        node = self.power() if sign is None else self.signed() if sign == "+" else ("negative", self.signed())
        self.depth -= 1
        return node

    def power(self):
        base = self.operand()
        return ("^", base, self.signed()) if self.take("^") else base

    def operand(self):
        if self.take("("):
            inner = self.sum()
            if not self.take(")"):
                raise Wrong("a parenthesis")
            return inner
        if not self.rest or self.rest[0][2]:
            raise Wrong("an operand")
        number, name, _ = self.rest.pop(0)
        if number:
            # Rounded once, to the nearest double.
            return ("number", mpf(float(number)))
        if name not in FUNCTIONS:
            if name in ("p", "q", "z") and name not in self.variables:
                raise Wrong("a variable of another formula")
            if name not in self.variables and name not in self.names:
                self.names.append(name)
            return ("name", name)
        if not self.take("("):
            raise Wrong("a function's parenthesis")
        arguments = [self.sum()]
        while self.take(","):
            arguments.append(self.sum())
        if not self.take(")") or len(arguments) != FUNCTIONS[name]:
            raise Wrong("a function's arguments")
        return ("^", *arguments) if name == "pow" else (name, *arguments)


def low(x):
    return mpf(x.a)


def high(x):
    return mpf(x.b)


def multiply(x, y):
    """x·y with 0·∞ = 0, as for the sets of finite numbers that intervals are."""
    ends = [(a, b) for a in (low(x), high(x)) for b in (low(y), high(y))]
    if all(abs(end) != inf for pair in ends for end in pair):
        return x * y
    products = [ZERO if a == 0 or b == 0 else iv.mpf(a) * iv.mpf(b) for a, b in ends]
    return iv.mpf([min(map(low, products)), max(map(high, products))])


def outside(holds):
    if not holds:
        raise Outside


class Jet:
    """A value with two derivatives; `log`, where it is known better than from the value: that of p and q."""

    def __init__(self, value, first=ZERO, second=ZERO, log=None):
        self.value, self.first, self.second, self.log = value, first, second, log

    def chain(self, value, slope, curvature):
        return Jet(value, multiply(slope, self.first), multiply(curvature, multiply(self.first, self.first)) + multiply(slope, self.second))

    def plus(self, other, sign=1):
        part = lambda x, y: x + y if sign == 1 else x - y
        return Jet(part(self.value, other.value), part(self.first, other.first), part(self.second, other.second))

    def times(self, other):
        cross = multiply(self.first, other.first)
        return Jet(
            multiply(self.value, other.value),
            multiply(self.first, other.value) + multiply(self.value, other.first),
            multiply(self.second, other.value) + cross + cross + multiply(self.value, other.second),
        )

    def inverse(self):
        outside(low(self.value) > 0 or high(self.value) < 0)
        r = 1 / self.value
        return self.chain(r, -multiply(r, r), 2 * multiply(r, multiply(r, r)))

    def constant(self):
        return all(low(x) == 0 == high(x) for x in (self.first, self.second))


def logarithm(x):
    if x.log:
        return x.log
    outside(low(x.value) > 0)
    r = 1 / x.value
    return x.chain(iv.log(x.value), r, -multiply(r, r))


def exponential(x):
    value = iv.exp(x.value)
    return x.chain(value, value, value)


def logistic(x):
    """1/(1 + e^−x), rising: bounds at the bounds."""
    at = lambda end: ONE if end == inf else ZERO if end == -inf else 1 / (1 + iv.exp(-iv.mpf(end)))
    return iv.mpf([low(at(low(x))), high(at(high(x)))])


def integer_power(x, n):
    if n < 0:
        return integer_power(x, -n).inverse()
    power = lambda m: iv.mpf(1) if m <= 0 else x.value**m
    return x.chain(power(n), n * power(n - 1), n * (n - 1) * power(n - 2))


def power(x, y):
    if y.constant():
        c = y.value
        if low(c) == high(c) and low(c) == int(low(c)) and abs(low(c)) <= 64 and not x.log:
            return integer_power(x, int(low(c)))
        if x.log and not low(x.value) > 0:
            # p^c or q^c where that may vanish: e^{c log} with log down to −∞.
            outside(low(c) >= 0)
            top = iv.exp(multiply(c, iv.log(iv.mpf(high(x.value))))) if high(x.value) > 0 else ZERO
            value = iv.mpf([0, high(top)]) if low(c) > 0 else iv.mpf([0, max(mpf(1), high(top))])
            log = x.log
            first = multiply(c, multiply(value, log.first))
            second = multiply(c, multiply(value, multiply(c, multiply(log.first, log.first)) + log.second))
            return Jet(value, first, second)
    return exponential(y.times(logarithm(x)))


class Formula:
    def __init__(self, text, variables):
        parser = Parser(text, variables)
        self.tree, self.names = parser.tree, parser.names

    def at(self, variables, parameters):
        return self.jet(self.tree, variables, parameters)

    def jet(self, node, variables, parameters):
        kind, *parts = node
        if kind == "number":
            return Jet(iv.mpf(parts[0]))
        if kind == "name":
            return variables[parts[0]] if parts[0] in variables else Jet(parameters[parts[0]])
        # 1 − p is q, and the reverse.
        if kind == "-" and parts[0] == ("number", 1) and parts[1] in (("name", "p"), ("name", "q")):
            return variables["q" if parts[1][1] == "p" else "p"]
        args = [self.jet(part, variables, parameters) for part in parts]
        x = args[0]
        if kind == "negative":
            return Jet(-x.value, -x.first, -x.second)
        if kind in "+-" and len(args) == 2:
            return x.plus(args[1], 1 if kind == "+" else -1)
        if kind == "*":
            return x.times(args[1])
        if kind == "/":
            return x.times(args[1].inverse())
        if kind == "^":
            return power(x, args[1])
        return self.call(kind, args)

    def call(self, kind, args):
        x, minus = args[0], lambda x: Jet(-x.value, -x.first, -x.second)
        if kind in ("log", "ln"):
            return logarithm(x)
        if kind == "log1p":
            return logarithm(Jet(1 + x.value, x.first, x.second))
        if kind == "exp":
            return exponential(x)
        if kind == "expm1":
            return exponential(x).plus(Jet(ONE), -1)
        if kind == "sqrt":
            return power(x, Jet(iv.mpf(0.5)))
        if kind == "sigmoid":
            up, down = logistic(x.value), logistic(-x.value)
            return x.chain(up, multiply(up, down), multiply(multiply(up, down), down - up))
        if kind == "softplus":
            up, down = logistic(x.value), logistic(-x.value)
            return x.chain(iv.log(1 + iv.exp(x.value)), up, multiply(up, down))
        if kind == "tanh":
            up, down = logistic(2 * x.value), logistic(-2 * x.value)
            slope = 4 * multiply(up, down)
            return x.chain(up - down, slope, -2 * multiply(up - down, slope))
        if kind == "abs":
            outside(low(x.value) >= 0 or high(x.value) <= 0)
            return x if low(x.value) >= 0 else minus(x)
        larger, smaller = (args[0], args[1]) if low(args[0].value) >= high(args[1].value) else (args[1], args[0])
        outside(low(larger.value) >= high(smaller.value))
        return larger if kind == "max" else smaller


def of_odds(e, classes):
    """The variables of a formula of p where Σ e^{z_j − z_k} = e, with derivatives in u = −log e."""
    share = lambda end: ONE if end == inf else iv.mpf(end) / (1 + iv.mpf(end))
    rest = lambda end: ZERO if end == inf else 1 / (1 + iv.mpf(end))
    q = iv.mpf([low(share(low(e))), high(share(high(e)))])
    p = iv.mpf([low(rest(high(e))), high(rest(low(e)))])
    surprise = iv.mpf([low(iv.log(1 + iv.mpf(low(e)))), inf if high(e) == inf else high(iv.log(1 + iv.mpf(high(e))))])
    away = lambda end: ZERO if end == inf else iv.log(1 + 1 / iv.mpf(end))
    other = iv.mpf([low(away(high(e))), inf if low(e) <= 0 else high(away(low(e)))])
    pq = multiply(p, q)
    log_p, log_q = Jet(-surprise, q, -pq), Jet(-other, -p, -pq)
    return {"p": Jet(p, pq, multiply(pq, q - p), log_p), "q": Jet(q, -pq, multiply(pq, p - q), log_q), "K": Jet(iv.mpf(classes))}


def of_logit(z, classes):
    return {"z": Jet(z, ONE), "K": Jet(iv.mpf(classes))}
