"""Build every wheel and import each alone in a fresh environment, outside the repository.

Shows that a package needs nothing that its metadata does not name, and carries its data files. Run by
`hatch run isolated`; takes uv from HATCH_UV, or from PATH.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKS = {
    "cqb_bench": """
import subprocess, sys, pathlib
command = pathlib.Path(sys.executable).with_name("cqb-bench")
shown = subprocess.run([command, "methods"], check=True, capture_output=True, text=True).stdout
from cqb_bench.catalogue import methods
assert len(methods()) > 3 and all(method.name in shown for method in methods())
from cqb_core.plugins import register
register()
""",
    "cqb_core": """
import cqb_core
from cqb_core import Labels, assign, parse_allocation
assert assign(range(10), parse_allocation("P=0.5,B=0.5"), 0).images[Labels.BOX]
from cqb_core.training import config_names, load_config
assert {load_config(name).model.type for name in config_names()} == {"PanopticCascade"}
import cqb_core.registry
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope
with DefaultScope.overwrite_default_scope("mmdet"):
    MODELS.build(load_config("panoptic-cascade_tiny_scenes").model)
""",
    "cqb_graph": """
import torch
from cqb_graph import RelationReasoning
module = RelationReasoning(8, 6, num_things=3, num_stuff=4, node_dim=16)
inputs = torch.randn(5, 8), torch.tensor([0, 0, 1, 1, 1]), torch.randn(2, 6, 4, 4), torch.randn(2, 4, 4, 4)
module.predict(inputs[0], inputs[2], module(*inputs)).class_logits.sum().backward()
""",
    "cqb_net": """
import subprocess, sys, pathlib
command = pathlib.Path(sys.executable).with_name("cqb-net")
assert "predict" in subprocess.run([command, "--help"], check=True, capture_output=True, text=True).stdout
subprocess.run([command, "data", "scenes", "scenes", "--train", "2", "--val", "1"], check=True)
subprocess.run([command, "data", "check", "scenes"], check=True)
from cqb_core.training import load_config
assert len(load_config("cqb-net_tiny_scenes").model.auxiliaries) == 4
""",
    "cqb_pareto": """
import sys
import cqb_pareto
assert "torch" not in sys.modules
""",
    "cqb_weak": """
import sys
import torch
from cqb_weak import Box2MaskLoss, Cls2BoxLoss, Cls2PixelLoss
boxes = torch.tensor([[2.0, 3.0, 9.0, 8.0]])
assert all(torch.isfinite(term) for term in Box2MaskLoss()(torch.zeros(1, 28, 28), boxes, boxes).values())
assert not {"torchvision", "mmdet", "mmcv"} & sys.modules.keys()
""",
}


def main() -> None:
    """Check the packages named on the command line, all by default."""
    packages = [ROOT / "packages" / name for name in sys.argv[1:]] or sorted((ROOT / "packages").iterdir())
    uv = os.environ.get("HATCH_UV", "uv")
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder) / "wheels"
        for package in sorted((ROOT / "packages").iterdir()):
            run(uv, "build", "--wheel", "--quiet", "--out-dir", str(wheels), str(package), cwd=ROOT)
        for package in packages:
            check(uv, package.name, wheels, Path(folder))
    print(f"{len(packages)} packages import alone: {', '.join(package.name for package in packages)}")


def check(uv: str, name: str, wheels: Path, folder: Path) -> None:
    """Install the wheel of one package (siblings from `wheels`) and run its check in an empty folder."""
    environment, empty, module = folder / f"env-{name}", folder / f"empty-{name}", name.replace("-", "_")
    empty.mkdir()
    (wheel,) = wheels.glob(f"{module}-*.whl")
    run(uv, "venv", "--quiet", str(environment), cwd=empty)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(uv, "pip", "install", "--quiet", "--python", str(python), "--find-links", str(wheels), str(wheel), cwd=empty)
    run(str(python), "-c", CHECKS[module], cwd=empty)
    print(f"{wheel.name}: ok", flush=True)


def run(*command: str, cwd: Path) -> None:
    """Run a command; stop with its output when it fails."""
    subprocess.run(command, cwd=cwd, check=True)


if __name__ == "__main__":
    main()
