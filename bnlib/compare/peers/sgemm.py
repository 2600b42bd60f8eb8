"""The ceiling: the fastest product of two float32 matrices that a library gives here, of 2048 × 2048, in GFLOP/s.

A turn prints the rate of each library: {"rates": {"MKL": ..., ...}}.
"""
import json
import sys
import time

import numpy as np
import torch

N = 2048


def rate(product):
    product()
    best = float("inf")
    for _ in range(8):
        start = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - start)
    return 2 * N**3 / best / 1e9


def main(threads):
    torch.set_num_threads(int(threads))
    a, b = (torch.rand(N, N) for _ in range(2))
    na, nb = a.numpy(), b.numpy()
    ma, mb = a.to_mkldnn(), b.to_mkldnn()
    products = {
        "MKL": lambda: torch.mm(a, b),
        "oneDNN": lambda: torch._C._nn.mkldnn_linear(ma, mb, None),
        "OpenBLAS": lambda: np.matmul(na, nb),
    }
    print(json.dumps({"ready": 0, "version": f"PyTorch {torch.__version__}, NumPy {np.__version__}"}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"rates": {name: rate(p) for name, p in products.items()}}), flush=True)


main(*sys.argv[1:])
