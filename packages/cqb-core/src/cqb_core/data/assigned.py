"""What an assignment gives to the images of a data set."""

from os import PathLike

from cqb_core.assignment import Assignment
from cqb_core.data.columns import CompactEntries
from cqb_core.data.panoptic_files import PanopticIndex, fingerprint
from cqb_core.errors import InputError
from cqb_core.labels import Labels


def owned_labels(assignment: str | PathLike[str] | None, index: PanopticIndex, whole: bool = True) -> dict[int, Labels]:
    """The labels that each image owns, by id, in the index's order; all where there is no assignment.

    Args:
        assignment: the file, made for this data set.
        index: of the data set.
        whole: whether the index has every image of its file. One without those that are at fault cannot tell whether
            the assignment was made for it; then only the images that it has must be in there.

    Raises:
        InputError: when the file is no assignment, belongs to another data set or forgets an image.
    """
    entries = index.entries
    ids = entries.image_ids() if isinstance(entries, CompactEntries) else [entry.image_id for entry in entries]
    if assignment is None:
        return dict.fromkeys(ids, Labels.PANOPTIC)
    given = Assignment.read(assignment, fingerprint(index) if whole else None).labels()
    if forgotten := [image for image in ids if image not in given]:
        raise InputError(assignment, "images", "every image of the data set", f"none for {forgotten[:5]}")
    return {image: given[image] for image in ids}
