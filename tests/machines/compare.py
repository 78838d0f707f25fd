#!/usr/bin/env python3
"""One scenario on several processors, its records compared number by number.

    tests/machines/compare.py UFM SCENARIO [KEY=VALUE ...]

UFM is the program. Other processors are emulated by qemu-x86_64 (Debian: qemu-user): one without AVX and FMA, one with AVX2 and FMA and without AVX-512. Prints, for every field, in how many records it differs and by
how much at most, and ends with 1 where a difference is larger than docs/reliability.md allows: verdicts, counts and orbits may not differ at all, eigenvalues by no more than both resolutions, f by 1e-12 of it.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROCESSORS = {"this one": None, "without AVX and FMA": "Nehalem", "with AVX2, without AVX-512": "Haswell-noTSX"}
# What says what a point is.
VERDICT = ["case", "start", "start_index", "seed", "index", "nullity", "nullity_symmetry", "rank", "orbit", "nature", "degenerate", "standing"]
EIGENVALUES = ["lambda_min", "lambda_min_transverse", "lambda_max"]
# f at points polished to the rounding floor.
VALUE_ALLOWED = 1e-12


def run(ufm, cpu, arguments, out):
    emulator = [] if cpu is None else ["qemu-x86_64", "-cpu", cpu]
    command = emulator + [ufm, "run", *arguments, "--out", str(out), "--threads", "1", "--quiet"]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = [line for line in ended.stderr.splitlines() if "TCG doesn't support" not in line]
    if ended.returncode not in (0, 3):
        sys.exit(f"{' '.join(command)} ended with {ended.returncode}: {errors}")
    return [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]


def flat(record):
    """Field → value; metrics are fields."""
    fields = {name: value for name, value in record.items() if name not in ("metrics", "metrics_undefined", "spectrum", "check")}
    fields.update({f"metrics.{name}": value for name, value in record["metrics"].items()})
    return fields


def compare(here, there):
    differences, faults = {}, []
    if len(here) != len(there):
        return {}, [f"{len(here)} records and {len(there)}"]
    for a, b in zip(map(flat, here), map(flat, there)):
        place = f"start {a['start_index']} of case {a['case']}"
        for name in sorted(a.keys() | b.keys()):
            x, y = a.get(name), b.get(name)
            if x == y:
                continue
            number = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (x, y))
            size = abs(x - y) if number else float("inf")
            count, most, relative = differences.get(name, (0, 0.0, 0.0))
            scale = max(abs(x), abs(y)) if number else 1.0
            differences[name] = (count + 1, max(most, size), max(relative, size / scale if number and scale > 0 else size))
            if name in VERDICT:
                faults.append(f"{place}: {name} is {x} and {y}")
            elif name == "value" and not size <= VALUE_ALLOWED * scale and a["nature"] != "not-critical":
                faults.append(f"{place}: f is {x} and {y}")
            elif name in EIGENVALUES and not size <= a["resolution"] + b["resolution"]:
                faults.append(f"{place}: {name} is {x} and {y}, resolutions {a['resolution']} and {b['resolution']}")
    return differences, faults


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    ufm, arguments = str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2:]
    if not shutil.which("qemu-x86_64"):
        sys.exit("there is no qemu-x86_64 here: install qemu-user")
    # A planted difference of each kind must be found.
    sample = {"case": "a", "start_index": 0, "value": 1.0, "nature": "global-minimum", "index": 0, "lambda_min": 0.5, "resolution": 1e-9, "metrics": {}}
    for name, value, expected in [("index", 1, 1), ("value", 1 + 1e-9, 1), ("value", 1 + 1e-14, 0), ("lambda_min", 0.5 + 1e-8, 1), ("lambda_min", 0.5 + 1e-10, 0)]:
        assert len(compare([sample], [{**sample, name: value}])[1]) == expected, (name, value)
    found, failed = {}, False
    with tempfile.TemporaryDirectory() as folder:
        for number, (words, cpu) in enumerate(PROCESSORS.items()):
            found[words] = run(ufm, cpu, arguments, pathlib.Path(folder) / str(number))
    here = found.pop("this one")
    for words, there in found.items():
        differences, faults = compare(here, there)
        same = sum(a == b for a, b in zip(here, there))
        print(f"\nthis processor and one {words}: {len(here)} records, {same} equal in every byte")
        for name, (count, most, relative) in sorted(differences.items()):
            print(f"  {name:28} differs in {count:4}, by {most:.1e} at most, {relative:.1e} of it")
        for fault in faults:
            failed = True
            print(f"  NOT ALLOWED: {fault}")
    sys.exit(1 if failed else 0)


main()
