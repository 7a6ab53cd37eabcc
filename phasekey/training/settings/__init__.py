"""What a run is told: its settings, the presets over them, and the command line made of them."""
