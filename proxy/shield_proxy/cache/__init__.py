"""RFC 9111 as decisions: values in, values out, `now` is an argument. Nothing here waits, stores or sends."""
