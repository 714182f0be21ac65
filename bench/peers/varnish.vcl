# Varnish, cookies of requests ignored as the others do; it has no TLS of its own.
vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "@origin@"; }
sub vcl_recv {
  if (req.method == "GET" || req.method == "HEAD") { return (hash); }
}
