"""Prints the coefficients of the vectorised exponential (src/numeric/lanes.rs) and the largest error of the rounded polynomial.

    python3 tests/oracle/exponential.py          (needs mpmath; seconds)

The polynomial p of degree 9 that makes max |r²(q(r) − p(r))| least on |r| ≤ ln 2/2, q(r) = (eʳ − 1 − r)/r², by Remez's exchange: on the reference r₀ < … < r₁₀ the weighted
error is levelled, r_i²(q − p)(r_i) = (−1)ⁱE, and the reference moves to the extremes of the error until they are level.
"""

from mpmath import factorial, lu_solve, matrix, mp, mpf

mp.dps = 60
DEGREE = 9
HALF = mp.log(2) / 2
GRID = 4000


def q(r):
    """By its series: (eʳ − 1 − r)/r² = Σ rᵏ/(k+2)!."""
    return mp.fsum(r**k / factorial(k + 2) for k in range(40))


def value(coefficients, r):
    return mp.polyval(list(reversed(coefficients)), r)


def main():
    grid = [HALF * (mpf(2 * i) / GRID - 1) for i in range(GRID + 1)]
    exact = [q(r) for r in grid]
    count = DEGREE + 2
    # Chebyshev's extremes; one of an odd number lies at 0, where the weight is 0: it is moved a little.
    reference = [-HALF * mp.cos(mp.pi * i / (count - 1)) for i in range(count)]
    reference = [r if abs(r) > HALF / 100 else HALF / 10 for r in reference]
    for _ in range(30):
        system = matrix(count, count)
        right = matrix(count, 1)
        for i, r in enumerate(reference):
            for k in range(DEGREE + 1):
                system[i, k] = r ** (k + 2)
            system[i, DEGREE + 1] = (-1) ** i
            right[i] = r * r * q(r)
        solution = lu_solve(system, right)
        coefficients, level = list(solution[: DEGREE + 1]), abs(solution[DEGREE + 1])
        error = [r * r * (e - value(coefficients, r)) for r, e in zip(grid, exact)]
        # The largest error of each run of one sign.
        extremes = []
        for i, e in enumerate(error):
            if extremes and (e > 0) == (error[extremes[-1]] > 0):
                if abs(e) > abs(error[extremes[-1]]):
                    extremes[-1] = i
            elif e != 0:
                extremes.append(i)
        while len(extremes) > count:
            extremes.pop(0 if abs(error[extremes[0]]) < abs(error[extremes[-1]]) else -1)
        largest = max(abs(e) for e in error)
        if largest <= level * (1 + mpf(10) ** -4) or len(extremes) < count:
            break
        reference = [grid[i] for i in extremes]
    rounded = [mpf(float(c)) for c in coefficients]
    largest = max(abs(r * r * (e - value(rounded, r))) for r, e in zip(grid, exact))
    for c in coefficients:
        print(repr(float(c)))
    print(f"level {mp.nstr(level, 4)}, largest error of the rounded polynomial {mp.nstr(largest, 4)}")


if __name__ == "__main__":
    main()
