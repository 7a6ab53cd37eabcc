"""Data sets: images in memory as uint8, read from where they are; no torch."""
