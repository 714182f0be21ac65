"""Effects towards targets: names, TLS, HTTP, mail, and the Secrets they need."""
