"""Scenes to ships: georeferenced rasters of any size, read through windows in constant memory."""
