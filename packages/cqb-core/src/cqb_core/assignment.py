"""Which image gets which labels: a file made from an allocation and a seed.

Every image of the data set is listed once. The files are nested: when the share of one label set rises and no other
share does, the images that owned it keep it and new ones join, so two runs at neighbouring allocations differ only by
the labels that were bought in between.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from reprlib import repr as brief
from typing import Any

from cqb_core.errors import InputError
from cqb_core.files import read_json, write_text
from cqb_core.labels import Labels

FORMAT, VERSION = "cqb-assignment", 1


@dataclass(frozen=True)
class Assignment:
    """The label set of every image of one data set.

    Args:
        images: for each label set the ids of its images, ascending.
        allocation: the shares that were asked for.
        seed: the seed that chose the images.
        fingerprint: of the data set (`cqb_core.data.panoptic_files.fingerprint`).
    """

    images: Mapping[Labels, tuple[int, ...]]
    allocation: Mapping[Labels, float]
    seed: int
    fingerprint: str

    def labels(self) -> dict[int, Labels]:
        """From image id to the labels that it owns."""
        return {image: owned for owned, images in self.images.items() for image in images}

    def write(self, path: str | PathLike[str]) -> None:
        """Write the assignment as JSON; the file appears whole or not at all."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "allocation": {owned.short: share for owned, share in self.allocation.items()},
            "images": {owned.short: list(images) for owned, images in self.images.items()},
        }
        write_text(path, json.dumps(content) + "\n")

    @classmethod
    def read(cls, path: str | PathLike[str], fingerprint: str | None = None) -> "Assignment":
        """Read an assignment file.

        Args:
            path: the JSON file.
            fingerprint: of the data set that it will be used with; None reads a file for any.

        Raises:
            InputError: when the file is no assignment, names a label set or an image twice, or belongs to another
                data set.
        """
        content = read_json(path)
        _require_format(content, path)
        if fingerprint is not None and content["fingerprint"] != fingerprint:
            raise InputError(
                path, "fingerprint", f"the data set's {fingerprint[:12]}", str(content["fingerprint"])[:12]
            )
        allocation = {owned: float(n) for owned, n in _by_labels(content["allocation"], path, "allocation").items()}
        images = {owned: tuple(ids) for owned, ids in _by_labels(content["images"], path, "images").items()}
        _require_once(images, path)
        return cls(images, allocation, content["seed"], content["fingerprint"])


def assign(
    image_ids: Iterable[int], allocation: Mapping[Labels, float], seed: int, fingerprint: str = ""
) -> Assignment:
    """Give every image one label set, in the exact counts of `allocation`.

    Label sets choose in turn, the richest first; each takes the images that it ranks highest among those left. The
    rank of an image is a hash of seed, label set and image id: it depends on no other image and on no library's
    random numbers, so adding images to a data set later moves few of the old ones.

    Args:
        image_ids: unique ids of the data set's images.
        allocation: share of the images per label set; >= 0, sums to 1 (to 1e-6). `Labels(0)` keeps no label.
        seed: another seed chooses other images.
        fingerprint: of the data set, kept in the result.

    Raises:
        InputError: when shares are negative, not finite, do not sum to 1, or ids repeat.
    """
    ids = list(image_ids)
    if len(set(ids)) != len(ids):
        raise InputError("image_ids", "ids", "each id once", f"{len(ids) - len(set(ids))} repetitions")
    require_allocation(allocation)
    counts = largest_remainder(allocation, len(ids))
    left, images = ids, {}
    for owned in sorted(allocation, key=_richness, reverse=True):
        ranked = sorted(left, key=partial(_rank, seed, owned))
        images[owned], left = tuple(sorted(ranked[: counts[owned]])), ranked[counts[owned] :]
    return Assignment(images, dict(allocation), seed, fingerprint)


def largest_remainder(allocation: Mapping[Labels, float], total: int) -> dict[Labels, int]:
    """Whole numbers of images that sum to `total` and miss each share by less than one image (Hamilton's method).

    Ties go to the richer label set.
    """
    quotas = {owned: share * total for owned, share in allocation.items()}
    counts = {owned: math.floor(quota + 1e-9) for owned, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda owned: (round(counts[owned] - quotas[owned], 9), -_richness(owned)))
    for owned in by_remainder[: total - sum(counts.values())]:
        counts[owned] += 1
    return counts


def parse_allocation(text: str) -> dict[Labels, float]:
    """Read `P=0.29,I=0.355,B=0.29,S=0.065`.

    Raises:
        InputError: naming the part that is no `LABELS=SHARE`, a label set given twice, or shares that are no
            allocation.
    """
    allocation: dict[Labels, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, share = part.partition("=")
        if not equals or not _is_number(share):
            raise InputError("allocation", repr(text), "LABELS=SHARE pairs such as P=0.3,I=0.7", repr(part))
        owned = Labels.parse(name)
        if owned in allocation:
            raise InputError("allocation", repr(text), "each label set once", f"{owned.short} twice")
        allocation[owned] = float(share)
    require_allocation(allocation)
    return allocation


def require_allocation(allocation: Mapping[Labels, float]) -> None:
    """Check that shares are finite, not negative and sum to 1 (to 1e-6).

    Raises:
        InputError: naming the shares that came.
    """
    shown = ", ".join(f"{owned.short}={share:g}" for owned, share in allocation.items()) or "nothing"
    for owned, share in allocation.items():
        if not math.isfinite(share) or share < 0:
            raise InputError("allocation", owned.short, "a share in [0, 1]", f"{share:g}")
    if abs(sum(allocation.values()) - 1) > 1e-6:
        raise InputError("allocation", "shares", "a sum of 1", f"{sum(allocation.values()):g} ({shown})")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _richness(owned: Labels) -> int:
    """Order in which label sets choose: more kinds first, then the costlier kind."""
    return owned.value.bit_count() * (Labels.PANOPTIC.value + 1) + owned.value


def _rank(seed: int, owned: Labels, image: int) -> bytes:
    return hashlib.blake2b(f"{seed}/{owned.value}/{image}".encode(), digest_size=8).digest()


def _require_format(content: Any, path: str | PathLike[str]) -> None:
    found = content.get("format") if isinstance(content, Mapping) else content
    if not isinstance(content, Mapping) or found != FORMAT:
        raise InputError(path, "format", repr(FORMAT), brief(found))
    if content.get("version") != VERSION:
        raise InputError(path, "version", str(VERSION), brief(content.get("version")))
    for field, kind in (("fingerprint", str), ("allocation", Mapping), ("images", Mapping)):
        if not isinstance(content.get(field), kind):
            raise InputError(path, field, kind.__name__.lower(), brief(content.get(field)))
    if type(content.get("seed")) is not int:
        raise InputError(path, "seed", "int", brief(content.get("seed")))
    for name, share in content["allocation"].items():
        # An integer too large for a float compares exactly.
        if type(share) not in (int, float) or not 0 <= share <= 1:
            raise InputError(path, f"allocation.{name}", "a number in [0, 1]", brief(share))
    for name, ids in content["images"].items():
        if not isinstance(ids, list) or not all(type(image) is int for image in ids):
            raise InputError(path, f"images.{name}", "a list of image ids", brief(ids))


def _by_labels(content: Mapping[str, Any], path: str | PathLike[str], field: str) -> dict[Labels, Any]:
    """The content under label sets instead of names, of which a set has several (`B+S`, `S+B`)."""
    made: dict[Labels, Any] = {}
    for name, value in content.items():
        try:
            owned = Labels.parse(name)
        except InputError as error:
            raise InputError(path, f"{field}.{name}", error.wanted, error.got) from None
        if owned in made:
            raise InputError(path, f"{field}.{name}", "each label set once", f"{owned.short} again")
        made[owned] = value
    return made


def _require_once(images: Mapping[Labels, Sequence[int]], path: str | PathLike[str]) -> None:
    seen: dict[int, Labels] = {}
    for owned, ids in images.items():
        for image in ids:
            if image in seen:
                raise InputError(
                    path, f"images.{owned.short}", "each image once", f"{image} under {seen[image].short} too"
                )
            seen[image] = owned
