"""`kubectl smartshield`: what the resources' own columns can't show, and what is asked once and not kept."""
