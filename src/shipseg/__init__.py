"""Find every ship in optical satellite images."""
__version__ = "0.1.0"
