"""mmdet configs of CQB-Net, known by their names to `cqb-net train` and `cqb_core.training.load_config`."""
