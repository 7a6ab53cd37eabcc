"""Models: how they lie on disk, and which are loaded."""
