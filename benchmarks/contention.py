"""What a busy machine costs: a training step and a rendered frame, alone and beside other processes.

    python benchmarks/contention.py [--steps N]

OpenMP's threads spin while they wait, unless they are told to sleep at once (OMP_WAIT_POLICY=passive) or after a short
wait, as in every process of a run (`bench/records/cores.py`). The other processes each keep one core busy if they can.
The machine must be idle else. Each kind has a process of its own, and they take turns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
from machine import print_machine

from bench.codecs.e_nerv import ENeRV
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.network.device import best_device
from bench.codecs.inr.network.render import as_frames, computing_in, prepare
from bench.codecs.inr.network.source import load_frames
from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import Training
from bench.codecs.nerv import NeRV
from bench.dataset import ClipWindow
from bench.records.cores import SHORT_WAIT, SPINS
from bench.registry import datasets
from bench.sources.cache import cache_folder

CUT = ClipWindow(320, 180, 8)
SMALL = ENeRV(
    fc_dim=40, expansion=1, lower_width=20, block_dim=40, mlp_dim=40, head_dim=10, stem_dim=40, levels=20, epochs=20
)
CASES: dict[str, tuple[ImplicitCodec, bool]] = {
    "training step, E-NeRV of preset quick": (SMALL, True),
    "training step, NeRV of 2.36 M": (NeRV(fc_dim=24, lower_width=96, stem_dim=512), True),
    "frame rendered, E-NeRV of preset quick": (SMALL, False),
    "frame rendered, NeRV of 2.36 M": (NeRV(fc_dim=24, lower_width=96, stem_dim=512), False),
}
POLICIES = {
    "spinning": {},
    "sleeping": {"OMP_WAIT_POLICY": "passive"},
    "as in a run": {"OMP_WAIT_POLICY": "passive", SPINS: SHORT_WAIT},
}
BESIDE = (0, 1, 4)
"""How many other processes there are."""
BUSY = "while True: pass"


def work(case: str) -> Callable[[], object]:
    """What is timed."""
    codec, trains = CASES[case]
    device = best_device()
    clip = datasets.load("bunny")().open("bunny", CUT, cache_folder())
    torch.manual_seed(0)
    network = codec.network(clip.rgb.format).to(device)
    if trains:
        return Training(network, load_frames(clip.rgb, device), RECIPES["nerv"], 300, 0).step
    prepare(network)
    index = torch.arange(CUT.frames or 1, device=device)

    def render() -> None:
        with computing_in("float32", device):
            pictures, _ = network.decode_run(index, None)
        as_frames(pictures).cpu()

    return render


def serve(case: str, requests: Connection) -> None:
    """A process that does the work for each request, and answers with the seconds that it took."""
    step = work(case)
    while requests.recv():
        start = time.perf_counter()
        step()
        requests.send(time.perf_counter() - start)


def measure(case: str, steps: int) -> dict[str, list[float]]:
    """Policy to the median milliseconds beside each number of other processes."""
    ends: dict[str, Connection] = {}
    workers = []
    for policy, variables in POLICIES.items():
        for name in ("OMP_WAIT_POLICY", SPINS):
            os.environ.pop(name, None)
        os.environ.update(variables)
        ends[policy], other = multiprocessing.Pipe()
        worker = multiprocessing.get_context("spawn").Process(target=serve, args=(case, other))
        worker.start()
        workers.append(worker)
    frames = 1 if CASES[case][1] else CUT.frames or 1
    medians: dict[str, list[float]] = {policy: [] for policy in POLICIES}
    for beside in BESIDE:
        busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(beside)]
        times: dict[str, list[float]] = {policy: [] for policy in POLICIES}
        for _ in range(steps + 2):
            for policy, end in ends.items():
                end.send(True)
                times[policy].append(end.recv())
        for process in busy:
            process.kill()
            process.wait()
        for policy, column in times.items():
            medians[policy].append(1000 * statistics.median(column[2:]) / frames)  # the first two warm up
    for end in ends.values():
        end.send(False)
    for worker in workers:
        worker.join()
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=15, help="of each kind (default: %(default)s)")
    steps = parser.parse_args().steps
    print_machine()
    print("Medians in milliseconds; a frame is one of eight that are computed at once.\n")
    print("| case | waiting | " + " | ".join(f"beside {beside}" for beside in BESIDE) + " |")
    print("|---|---|" + "---:|" * len(BESIDE))
    for case in CASES:
        for policy, medians in measure(case, steps).items():
            print(f"| {case} | {policy} | " + " | ".join(f"{value:.1f}" for value in medians) + " |", flush=True)


if __name__ == "__main__":
    main()
