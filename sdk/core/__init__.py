"""What a client does on the device, apart from any network: pure, and shared by all clients."""
