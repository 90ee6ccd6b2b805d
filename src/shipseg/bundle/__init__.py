"""The model bundle: two ONNX graphs, a manifest, a card. Training makes it, prediction loads it."""
