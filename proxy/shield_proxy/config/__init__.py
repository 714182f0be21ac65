"""What operator and proxy agree on: values, names and bytes. Imports nothing of either side."""
