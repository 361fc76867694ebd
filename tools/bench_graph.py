"""What relation reasoning costs at the paper's test size, beside the forms that it replaces, all in one run.

    OMP_NUM_THREADS=1 python tools/bench_graph.py [--csv FILE] [--rounds 5] [--device cpu]

1333x800 pixels (semantic maps of 200 x 334 at stride 4, 128 channels), 1000 proposals of 1024 numbers, 80 thing
classes, 54 semantic channels, three stages, one image. The forms, all of the same weights and equal to 1e-4:

    shared        fused, class centers made once for the three stages
    fused         each stage by itself; nodes are projected before they are spread over the pixels
    paper         the map of pixel features is made and concatenated, as the paper describes it
    naive         the paper's, with attention scored on all concatenated pairs of nodes, as public code does

FLOPs are those that torch counts (two a multiply-add; matrix products and convolutions only). Seconds are medians of
rounds in which the forms take turns: of processor time on a processor (with one thread, other programs hardly disturb
it), of wall time on a GPU. Peak memory is that of a pass without gradients over what was there before it, each form in
a process of its own, read from Linux (on a GPU, the allocator's).
"""

import argparse
import csv
import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from revision import commit
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cqb_graph import GraphAttention, GraphOptions, RelationReasoning, class_centers
from cqb_graph.whole_file import write_whole

REGIONS, REGION_DIM, STUFF_DIM, THINGS, CHANNELS, SIZE, STAGES = 1000, 1024, 128, 80, 54, (200, 334), 3
FORMS = ("shared", "fused", "paper", "naive")
Results = list[tuple[Tensor, Tensor]]


class ConcatenatedAttention(GraphAttention):
    """The same layer with the pairs of all nodes concatenated before they are scored."""

    def forward(self, nodes: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """As the layer's, for one graph without absent nodes."""
        hidden, size = self.transform(nodes[0]).unflatten(-1, (self.heads, -1)), len(nodes[0])
        heads, every = [], []
        for head in range(self.heads):
            mine = hidden[:, head]
            pairs = torch.cat([mine.repeat_interleave(size, 0), mine.repeat(size, 1)], dim=1)
            scores = (pairs @ torch.cat([self.receive[head], self.send[head]])).view(size, size)
            every.append(F.leaky_relu(scores, self.slope).softmax(dim=1))
            heads.append(F.elu(every[-1] @ mine))
        return torch.cat(heads, dim=1)[None], torch.stack(every)[None]


def stages(form: str, device: str) -> list[RelationReasoning]:
    """The modules of the three stages; every form has the same weights."""
    torch.manual_seed(0)
    options = GraphOptions(fused=form in ("shared", "fused"))
    made = [RelationReasoning(REGION_DIM, STUFF_DIM, THINGS, CHANNELS, options=options) for _ in range(STAGES)]
    if form == "naive":
        for module in made:
            graph = module.graph
            for layer in filter(None, (graph.things, graph.stuff, *graph.inter)):
                layer.__class__ = ConcatenatedAttention
    return [module.to(device).eval() for module in made]


def inputs(device: str) -> tuple[Tensor, ...]:
    """Region features, their image, semantic feature and logits of one image."""
    generator = torch.Generator().manual_seed(1)
    maps = [torch.randn(1, channels, *SIZE, generator=generator) for channels in (STUFF_DIM, CHANNELS)]
    regions = torch.randn(REGIONS, REGION_DIM, generator=generator)
    return tuple(tensor.to(device) for tensor in (regions, torch.zeros(REGIONS, dtype=torch.long), *maps))


def forward(form: str, modules: list[RelationReasoning], given: tuple[Tensor, ...]) -> Results:
    """Class and semantic logits of every stage."""
    regions, _, feature, logits = given
    centers = class_centers(feature, logits) if form == "shared" else None
    results = []
    for module in modules:
        made = module.predict(regions, feature, module(*given, centers=centers))
        results.append((made.class_logits, made.semantic_logits))
    return results


def attention(form: str, modules: list[RelationReasoning]) -> Callable[[], object]:
    """The graphs of the three stages alone, on drawn nodes."""
    device = next(modules[0].parameters()).device
    things, stuff = torch.randn(1, REGIONS, 128, device=device), torch.randn(1, CHANNELS, 128, device=device)
    present = [torch.ones(nodes.shape[:2], dtype=torch.bool, device=device) for nodes in (things, stuff)]
    return lambda: [module.graph(things, present[0], stuff, present[1]) for module in modules]


def part(name: str, form: str, modules: list[RelationReasoning], given: tuple[Tensor, ...]) -> Callable[[], object]:
    """A call of the whole modules, or of their graphs."""
    return attention(form, modules) if name == "graph" else lambda: forward(form, modules, given)


def seconds(call: Callable[[], object], device: str) -> float:
    """Of one call."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    begin = clock()
    call()
    if device != "cpu":
        torch.cuda.synchronize()
    return clock() - begin


def flops(call: Callable[[], object]) -> int:
    """As torch counts them."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def peak(name: str, form: str, device: str) -> float:
    """MiB that a call needs over what was there before it."""
    call = part(name, form, stages(form, device), inputs(device))
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    torch.randn(64, 64) @ torch.randn(64, 64)
    Path("/proc/self/clear_refs").write_text("5")  # The peak begins anew at what is resident.
    before = resident("VmRSS")
    call()
    return resident("VmHWM") - before


def resident(field: str) -> float:
    """MiB that this process has (VmRSS) or has had at most (VmHWM)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) / 2**10


def child(name: str, form: str, device: str) -> float:
    """`peak`, in a process of its own."""
    command = [sys.executable, __file__, "--peak", name, form, "--device", device]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def compare(rounds: int, device: str) -> list[dict[str, object]]:
    """A row a form and part, with ratios to the naive form."""
    given = inputs(device)
    networks = {form: stages(form, device) for form in FORMS}
    agree(networks, given)
    rows: list[dict[str, object]] = []
    for name, forms in (("modules", FORMS), ("graph", ("fused", "naive"))):
        calls = {form: part(name, form, networks[form], given) for form in forms}
        times: dict[str, list[float]] = {form: [] for form in forms}
        for turn in range(rounds + 1):
            for form, call in calls.items():
                taken = seconds(call, device)
                if turn:
                    times[form].append(taken)
        middle = {form: statistics.median(taken) for form, taken in times.items()}
        memory = {form: child(name, form, device) for form in forms}
        for form in forms:
            rows.append({"part": name, "form": form, "gflops": f"{flops(calls[form]) / 1e9:.2f}"})
            rows[-1] |= {"seconds": f"{middle[form]:.3f}", "low": f"{min(times[form]):.3f}"}
            rows[-1] |= {"high": f"{max(times[form]):.3f}", "peak_mib": f"{memory[form]:.0f}"}
            rows[-1] |= {"times_faster": f"{middle['naive'] / middle[form]:.2f}"}
            rows[-1] |= {"times_less_memory": f"{memory['naive'] / memory[form]:.2f}"}
            print(*rows[-1].values(), flush=True)
    return rows


def agree(networks: dict[str, list[nn.Module]], given: tuple[Tensor, ...]) -> None:
    """RuntimeError unless all forms give the same logits."""
    expected = forward("naive", networks["naive"], given)
    for form in FORMS:
        for made, wanted in zip(forward(form, networks[form], given), expected, strict=True):
            for mine, other in zip(made, wanted, strict=True):
                if not torch.allclose(mine, other, atol=1e-4):
                    raise RuntimeError(f"{form} differs from naive by {(mine - other).abs().max():.2g}")


def main() -> None:
    """Measure and write the rows as CSV."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, help="file to write the rows to")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds, after one that is not")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", nargs=2, metavar=("PART", "FORM"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    if options.peak:
        print(peak(*options.peak, options.device))
        return
    rows = compare(options.rounds, options.device)
    for row in rows:
        row |= {"device": options.device, "threads": torch.get_num_threads(), "torch": torch.__version__}
        row |= {"rounds": options.rounds, "commit": commit()}
    if options.csv:
        file = io.StringIO()
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(options.csv, file.getvalue().encode())
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
