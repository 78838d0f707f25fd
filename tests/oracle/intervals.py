"""Writes intervals.json: values of the functions of numeric::interval at random floats, bracketed by two neighbouring floats.

    python3 tests/oracle/intervals.py          (needs mpmath; seconds)

Each value is computed to 60 digits from the function's definition, far more than it takes to tell on which side of a float it lies. Arguments and brackets are hexadecimal floats; "value" (50 digits) is for readers.
An enclosure of the function at these arguments is right iff it contains both floats of the bracket.
"""

import json
import math
import pathlib
import random

import mpmath as mp

# 400 digits: expm1 and log1p of arguments near 1e-300 lose none that matter.
mp.mp.dps = 400
random.seed(1788)


def bracket(value):
    """The largest float ≤ value and the smallest ≥ value, inf where it overflows."""
    with mp.workprec(53):
        near = float(mp.mpf(value))
    if math.isinf(near):
        big = math.ldexp(2 - 2**-52, 1023)
        return (big, math.inf) if value > 0 else (-math.inf, -big)
    low, high = near, near
    while mp.mpf(low) > value:
        low = math.nextafter(low, -math.inf)
    while mp.mpf(high) < value:
        high = math.nextafter(high, math.inf)
    return low, high


def log_uniform(low, high):
    return random.choice((-1, 1)) * 10 ** random.uniform(low, high)


def positive(low, high):
    return abs(log_uniform(low, high))


def logits():
    size = 10 ** random.uniform(-2, 2.5)
    return [random.gauss(0, size) for _ in range(4)]


FUNCTIONS = {
    "add": (lambda a, b: a + b, lambda: [log_uniform(-20, 20), log_uniform(-20, 20)]),
    "mul": (lambda a, b: a * b, lambda: [log_uniform(-170, 150), log_uniform(-170, 150)]),
    "div": (lambda a, b: a / b, lambda: [log_uniform(-170, 150), log_uniform(-150, 150)]),
    "sqr": (lambda a: a * a, lambda: [log_uniform(-165, 150)]),
    "sqrt": (mp.sqrt, lambda: [positive(-310, 300)]),
    "exp": (mp.exp, lambda: [log_uniform(-12, 2.86)]),
    "expm1": (mp.expm1, lambda: [log_uniform(-290, 2.8)]),
    "log": (mp.log, lambda: [random.choice((positive(-300, 300), 1 + log_uniform(-15, -1)))]),
    "log1p": (mp.log1p, lambda: [random.choice((log_uniform(-290, -0.1), positive(-20, 300)))]),
    "pow": (mp.power, lambda: [positive(-8, 3), log_uniform(-3, 1.5)]),
    "logistic": (lambda x: 1 / (1 + mp.exp(-x)), lambda: [log_uniform(-5, 2.8)]),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), lambda: [log_uniform(-5, 2.8)]),
    "log-sum-exp": (lambda *z: mp.log(mp.fsum(mp.exp(x) for x in z)), logits),
    "softmax": (lambda *z: mp.exp(z[0]) / mp.fsum(mp.exp(x) for x in z), logits),
}

cases = []
for name, (function, arguments) in FUNCTIONS.items():
    for _ in range(60):
        x = arguments()
        value = function(*[mp.mpf(a) for a in x])
        low, high = bracket(value)
        cases.append({"function": name, "arguments": [a.hex() for a in x], "low": low.hex(), "high": high.hex(), "value": mp.nstr(value, 50)})

out = pathlib.Path(__file__).with_name("intervals.json")
out.write_text(json.dumps(cases, indent=0) + "\n")
