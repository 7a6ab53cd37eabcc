"""What an audit found, as values and as files."""
