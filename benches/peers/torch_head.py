"""Gradients of a classifier head in PyTorch beside this program's on the same card, one table.

    python benches/peers/torch_head.py [K d N ...]        # default: 1000 512 100000

Needs PyTorch (with CUDA for a card; without, both run on the CPU: PyTorch on all cores, this program on the software adapter if there is one)
and cargo. For each size it prints iterations per second of

  plain     F.cross_entropy(H W^T) + weight decay, autograd, single precision with TF32 off;
  compiled  the same through torch.compile;
  ufm       cargo bench --bench gpu

and the ratios ufm/plain and ufm/compiled. A size that PyTorch cannot hold is said to be so.
"""

import subprocess
import sys
import time

import torch
import torch.nn.functional as F

SECONDS = 2.0
DECAY = 1e-5


def loss(w, h, labels):
    logits = h @ w.T
    decay = 0.5 * DECAY * (w.square().sum() + h.square().sum())
    return F.cross_entropy(logits, labels) + decay


def rate(function, w, h, labels, device):
    """Iterations (value and gradient) per second, or why there is none."""

    def step():
        w.grad = h.grad = None
        function(w, h, labels).backward()

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    try:
        step()
        step()
        wait()
        start, count = time.perf_counter(), 0
        while count == 0 or time.perf_counter() - start < SECONDS:
            step()
            wait()
            count += 1
        return count / (time.perf_counter() - start)
    except torch.OutOfMemoryError:
        return "out of memory"
    except Exception as error:  # torch.compile needs a C++ compiler or Triton
        return f"{type(error).__name__}"


def ours(sizes):
    """K, d, N → iterations per second by the bench, and the lines above its table."""
    command = ["cargo", "bench", "--bench", "gpu", "--", *map(str, sizes)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows, head = {}, []
    for line in out.splitlines():
        cells = line.split("\t")
        if cells[0].isdigit():
            rows[tuple(map(int, cells[:3]))] = float(cells[3])
        elif cells[0] in ("adapter", "copy", "product") or line.startswith(("no figure", "stopped")):
            head.append(line)
    return rows, head


def ratio(a, b):
    return f"{a / b:.2f}" if isinstance(a, float) and isinstance(b, float) else "-"


def shown(x):
    return f"{x:.3f}" if isinstance(x, float) else str(x)


def main():
    sizes = [int(argument) for argument in sys.argv[1:]] or [1000, 512, 100000]
    torch.backends.cuda.matmul.allow_tf32 = False
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows, head = ours(sizes)
    print("\n".join(head))
    print(f"torch\t{torch.__version__} on {torch.cuda.get_device_name() if device == 'cuda' else 'the CPU'}")
    print("K\td\tN\tplain/s\tcompiled/s\tufm/s\tufm/plain\tufm/compiled")
    for k, d, n in zip(*[iter(sizes)] * 3):
        n = -(-n // k) * k
        torch.manual_seed(1)
        try:
            w = (0.1 * torch.randn(k, d, device=device)).requires_grad_()
            h = (0.1 * torch.randn(n, d, device=device)).requires_grad_()
            labels = torch.arange(k, device=device).repeat_interleave(n // k)
        except torch.OutOfMemoryError:
            print(f"{k}\t{d}\t{n}\tout of memory\tout of memory\t{shown(rows.get((k, d, n)))}\t-\t-")
            continue
        plain = rate(loss, w, h, labels, device)
        compiled = rate(torch.compile(loss), w, h, labels, device)
        ufm = rows.get((k, d, n))
        print(f"{k}\t{d}\t{n}\t{shown(plain)}\t{shown(compiled)}\t{shown(ufm)}\t{ratio(ufm, plain)}\t{ratio(ufm, compiled)}")


if __name__ == "__main__":
    main()
