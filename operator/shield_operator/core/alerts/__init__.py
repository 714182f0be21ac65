"""What is told of health checks, to whom and when, and what tells it. Pure."""
