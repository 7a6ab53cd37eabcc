"""What a cloud adds to a narrow feature, against what the transmission tells it (docs/frontier.md)."""
