"""Running attacks one after another, resuming, and showing how far they are."""
