"""Data sets: uint8 images, read from where they are, in memory or as they are asked for; no torch."""
