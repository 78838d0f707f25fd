"""Values for the multiple-precision intervals, by mpmath at 800 bits: tests/oracle/multiple.json.

    python3 tests/oracle/multiple.py > tests/oracle/multiple.json

Every value is given by two hexadecimal numbers of 508 bits after the point around it.
"""

import json
import random

from mpmath import mp, mpf

mp.prec = 800
random.seed(20)
DIGITS = 127


def long(x, up):
    """The number of 1 + 4·127 bits at or next to x, below or above."""
    if x == 0:
        return "0x0.0p+0"
    sign, size = ("-", -x) if x < 0 else ("", x)
    power = int(mp.floor(mp.log(size, 2)))
    while mpf(2) ** power > size:
        power -= 1
    while mpf(2) ** (power + 1) <= size:
        power += 1
    scaled = size * mpf(2) ** (4 * DIGITS - power)
    integer = int(mp.floor(scaled))
    if scaled != integer and up != (x < 0):
        integer += 1
    if integer == 2 << (4 * DIGITS):
        integer, power = integer >> 1, power + 1
    digits = f"{integer:x}"
    return f"{sign}0x1.{digits[1:]}p{power:+d}"


def draw(low, high, positive=False):
    x = random.uniform(1, 2) * 2.0 ** random.randint(low, high)
    return x if positive or random.random() < 0.5 else -x


FUNCTIONS = {
    "add": (lambda x, y: x + y, lambda: [draw(-300, 300), draw(-300, 300)]),
    "near-add": (lambda x, y: x + y, lambda: [draw(-3, 3), draw(-60, 3)]),
    "mul": (lambda x, y: x * y, lambda: [draw(-900, 900), draw(-900, 900)]),
    "div": (lambda x, y: x / y, lambda: [draw(-900, 900), draw(-900, 900)]),
    "sqrt": (mp.sqrt, lambda: [draw(-900, 900, True)]),
    "exp": (mp.exp, lambda: [draw(-80, 12)]),
    "log": (mp.log, lambda: [draw(-900, 900, True)]),
    "near-log": (mp.log, lambda: [1 + draw(-52, -1)]),
    "log1p": (mp.log1p, lambda: [draw(-300, 60, True)]),
    "pow": (lambda x, y: x**y, lambda: [draw(-40, 40, True), draw(-6, 5)]),
}

cases = []
for name, (function, arguments) in FUNCTIONS.items():
    for _ in range(16):
        xs = arguments()
        value = function(*(mpf(x) for x in xs))
        cases.append({"function": name.removeprefix("near-"), "arguments": [x.hex() for x in xs], "low": long(value, False), "high": long(value, True)})
print(json.dumps(cases, indent=0))
