"""Malformed and ambiguous messages with the verdict each must get, and the means to send and judge them.

Everything here was written from the RFCs and from the published classes of attacks that comments name. It shares no
code with the proxy.
"""
