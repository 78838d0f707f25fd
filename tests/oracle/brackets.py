"""The two floats around the value of a function at floats, for each line "function argument…" of hexadecimal floats on standard input.

    python3 tests/oracle/brackets.py < LINES

Values are computed to 60 digits: as exact products, sums and quotients of rationals where that is what they are, by mpmath elsewhere. A value that is a float yields it twice; where it overflows, the largest float and inf.
"""

import math
import sys

from mpmath import mp, mpf

mp.prec = 210
BIG = math.ldexp(2 - 2**-52, 1023)


def log_sum_exp(*z):
    top = max(z)
    return top + mp.log(sum(mp.exp(x - top) for x in z))


FUNCTIONS = {
    "sqrt": mp.sqrt,
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": mp.log1p,
    "pow": mp.power,
    "logistic": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x)),
    "log-sum-exp": log_sum_exp,
    "softmax": lambda x, *z: 1 / (1 + sum(mp.exp(y - x) for y in z)),
}


def exact(name, arguments):
    """+, −, ×, ÷ of floats are decided without rounding: sums and products by enough digits, quotients by a remainder."""
    a, b = arguments[0], arguments[-1]
    if name == "add":
        return mp.fadd(a, b, exact=True)
    if name in ("mul", "sqr"):
        return mp.fmul(a, b, exact=True)
    return a / b


def bracket(value):
    near = float(value)
    if math.isinf(near):
        return (BIG, near) if near > 0 else (near, -BIG)
    if near == BIG and value > near:
        return near, math.inf
    if near == -BIG and value < near:
        return -math.inf, near
    exactly = mpf(near)
    if exactly == value:
        return near, near
    if exactly < value:
        return near, math.nextafter(near, math.inf)
    return math.nextafter(near, -math.inf), near


def main():
    for line in sys.stdin:
        name, *texts = line.split()
        arguments = [mpf(float.fromhex(text)) for text in texts]
        value = FUNCTIONS[name](*arguments) if name in FUNCTIONS else exact(name, arguments)
        low, high = bracket(value)
        sys.stdout.write(f"{low.hex()} {high.hex()}\n")


if __name__ == "__main__":
    main()
