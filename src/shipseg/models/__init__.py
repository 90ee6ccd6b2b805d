"""The two networks: the gate and the segmenter (needs the `train` extra)."""
