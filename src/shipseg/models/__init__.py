"""The networks: gate, segmenter and refiner (needs the `train` extra)."""
