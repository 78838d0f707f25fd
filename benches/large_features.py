"""Writes a large .npz for measuring `ufm inspect`: K classes, N float32 features of width d (N×d, stored plainly), class means at random and scatter a tenth of them.

    python3 benches/large_features.py FILE K D N         (needs numpy)

The file is written a block at a time: memory does not grow with N.
"""

import io
import sys
import zipfile

import numpy as np
from numpy.lib import format as npy


def header(shape, dtype):
    out = io.BytesIO()
    npy.write_array_header_1_0(out, {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape})
    return out.getvalue()


def main():
    path, (classes, width, samples) = sys.argv[1], map(int, sys.argv[2:5])
    rng = np.random.default_rng(1)
    means = rng.standard_normal((classes, width), dtype=np.float32)
    labels = np.arange(samples, dtype=np.int64) * 7919 % classes
    # One block of noise, shifted: drawing all of it would take longer than reading it.
    block = 4096
    noise = 0.1 * rng.standard_normal((block + 997, width), dtype=np.float32)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in [("W", means), ("b", np.zeros(classes, np.float32)), ("labels", labels)]:
            with archive.open(f"{name}.npy", "w") as out:
                out.write(header(array.shape, array.dtype) + array.tobytes())
        with archive.open("H.npy", "w", force_zip64=True) as out:
            out.write(header((samples, width), np.float32))
            for first in range(0, samples, block):
                rows = labels[first : first + block]
                shift = first // block % 997
                out.write((means[rows] + noise[shift : shift + len(rows)]).tobytes())


if __name__ == "__main__":
    main()
