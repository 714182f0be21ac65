"""Connections of clients and pods that ask: from the socket to an exchange."""
