"""Writes vectors.itl: the ITF1788 test vectors of bare intervals for the operations that src/numeric/interval has.

    python3 tests/oracle/itf1788/extract.py FOLDER      FOLDER holds libieeep1788_{elem,num,set,bool}.itl

Copies lines unchanged; leaves out decorated intervals, texts and other operations.
"""

import sys
from pathlib import Path

OPERATIONS = """pos neg add sub mul div recip sqr sqrt pown pow exp log abs min max intersection convexHull
inf sup mid rad wid mag mig isEmpty isEntire subset disjoint""".split()

HEAD = """/*

A selection of the unit tests from libieeep1788 (original author: Marco Nehmeier),
converted into portable ITL format by Oliver Heimlich: bare intervals, and the operations named in extract.py.

Copyright 2013-2015 Marco Nehmeier (nehmeier@informatik.uni-wuerzburg.de)
Copyright 2015-2017 Oliver Heimlich (oheim@posteo.de)

Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 (and in LICENSE-APACHE).
Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
"AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific
language governing permissions and limitations under the License.

Changes: selected from libieeep1788_elem.itl, libieeep1788_num.itl, libieeep1788_set.itl and libieeep1788_bool.itl; lines are unchanged but for indentation.

*/
"""

lines = []
for name in ("elem", "num", "set", "bool"):
    for line in (Path(sys.argv[1]) / f"libieeep1788_{name}.itl").read_text().splitlines():
        line = line.strip()
        if line.split(" ")[0] in OPERATIONS and " = " in line and not any(mark in line for mark in ("]_", "nai", '"')):
            lines.append(line)
(Path(__file__).parent / "vectors.itl").write_text(HEAD + "\n".join(lines) + "\n")
