"""`phasekey decoys`: private images into the file that a device hides its inputs with."""
