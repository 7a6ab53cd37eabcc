"""What is attacked, as arrays: splits, devices, repeats, controls, captured traffic."""
