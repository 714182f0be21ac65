// Fetches through the tiers with Go's own client, and says what differs from what a client may expect.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
)

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func do(method, url string, body io.Reader, fields ...string) (*http.Response, []byte) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		fail("%v", err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fail("%s %s: %v", method, url, err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		fail("%s %s: %v", method, url, err)
	}
	return response, all
}

func main() {
	base := os.Args[1]
	if response, body := do("GET", base+"/file", nil); response.StatusCode != 200 || len(body) != 1<<20 {
		fail("GET: %s, %d bytes", response.Status, len(body))
	}
	if response, _ := do("GET", base+"/file", nil); response.Header.Get("Shield-Cache-Status") != "HIT" {
		fail("not a hit: %v", response.Header)
	}
	if response, body := do("HEAD", base+"/file", nil); response.ContentLength != 1<<20 || len(body) != 0 {
		fail("HEAD: %d, %d bytes", response.ContentLength, len(body))
	}
	if response, body := do("GET", base+"/file", nil, "Range", "bytes=10-19"); response.StatusCode != 206 || len(body) != 10 {
		fail("range: %s, %d bytes", response.Status, len(body))
	}
	if response, body := do("GET", base+"/stream", nil); response.ContentLength != -1 || len(body) != 640<<10 {
		fail("chunked: %d, %d bytes", response.ContentLength, len(body))
	}
	upload := bytes.Repeat([]byte("go"), 1<<20)
	want := fmt.Sprintf("%x", sha256.Sum256(upload))
	if _, body := do("POST", base+"/digest", bytes.NewReader(upload)); string(body) != want {
		fail("upload with a length: %s", body)
	}
	if _, body := do("PUT", base+"/digest", io.MultiReader(bytes.NewReader(upload))); string(body) != want {
		fail("chunked upload: %s", body)
	}
	if _, body := do("POST", base+"/digest", bytes.NewReader(upload), "Expect", "100-continue"); string(body) != want {
		fail("upload after 100 Continue: %s", body)
	}
	reused := 0
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if got.Reused {
			reused++
		}
	}}
	for range 50 {
		request, _ := http.NewRequest("POST", base+"/digest", strings.NewReader("x"))
		response, err := http.DefaultClient.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
		if err != nil {
			fail("%v", err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	if reused != 50 {
		fail("only %d of 50 requests found the connection open", reused)
	}
	fmt.Println("well")
}
