"""Writes transitions.json: p_c(γ), the transition c and the margin there, each as the two floats around its 60-digit value.

    python3 tests/oracle/transitions.py

From the definitions by bisection (tests/second-checker/truth.py), not from the program's formulas.
"""

import json
import math
import sys
from pathlib import Path

from mpmath import mpf

sys.path.insert(0, str(Path(__file__).parent.parent / "second-checker"))
from truth import scalar  # noqa: E402


def bracket(x):
    near = float(x)
    low = near if mpf(near) <= x else math.nextafter(near, -math.inf)
    high = near if mpf(near) >= x else math.nextafter(near, math.inf)
    return [low.hex(), high.hex()]


cases = []
for classes, gamma in [(20, 3), (50, 3), (60, 3), (100, 2), (100, 3), (24, 1), (18, 2), (1000, 5), (100, 0.5), (10**6, 2)]:
    edge, _, tie, margin = scalar(classes, mpf(gamma))
    cases.append({"classes": classes, "gamma": gamma, "edge": bracket(edge), "transition": bracket(tie), "margin": bracket(margin)})
Path(__file__).with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n")
