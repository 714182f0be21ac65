"""Alerts as the operator, who decides what is told, and the courier, who delivers it, both see them."""
