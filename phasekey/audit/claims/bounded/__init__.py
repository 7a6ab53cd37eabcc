"""Does `bounded` keep its promise? One transmission tells at most K nats."""
