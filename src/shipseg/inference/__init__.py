"""From picture to ships, without torch."""
