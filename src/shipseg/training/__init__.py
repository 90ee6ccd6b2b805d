"""Train the gate and the segmenter (needs the `train` extra)."""
