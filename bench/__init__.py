"""Side-by-side measurements of the data plane and its peers: `python -m bench`."""
