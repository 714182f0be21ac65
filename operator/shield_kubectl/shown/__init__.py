"""From what the cluster says to what a person, or a program, reads. Pure."""
