"""What the tiers read from and write on the heads that pass, and the errors of their own. Pure."""
