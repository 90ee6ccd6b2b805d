"""Tiles on disk and their labels, as training reads them."""
