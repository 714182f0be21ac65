"""HTTP/1.1 on sockets: messages, strict parsing and serialising (pure); server, upstream client and TLS (effects)."""
