"""Panoptic FPN with a cascade that trains on images with mixed labels."""
