"""What the built-in cluster is made of, built from source packages into a cache outside the checkout."""
