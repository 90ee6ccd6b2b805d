"""The doors pixels come in by: encoded pictures, georeferenced rasters, and windows over them."""
