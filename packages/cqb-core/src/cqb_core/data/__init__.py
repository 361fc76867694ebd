"""COCO panoptic files: reading, auditing, and images with mixed labels as an mmdet data set.

Modules are imported by name: `panoptic_files`, `images` and `audit` need no torch, the others do.
"""
