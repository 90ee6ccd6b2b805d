"""Score predictions: the gate, the masks, the ships, and the challenge's own metric. No torch."""
