"""Where records go. Each place has its own durable cursor; none knows another."""
