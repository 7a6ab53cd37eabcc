"""What is said on the wire: methods, messages, statuses, and the HTTP port beside them."""
