"""The model bundle: two ONNX graphs, a manifest and a card; made by training, loaded by inference."""
