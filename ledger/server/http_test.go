//go:build unix

package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// say sends a request as it is, which http.Client would put right, and returns the answer.
func (s *served) say(t *testing.T, method, target string, headers ...string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: ledger.example\r\nConnection: close\r\n%s\r\n", method, target, strings.Join(append(headers, ""), "\r\n"))
	if method != http.MethodGet {
		c.(*net.TCPConn).CloseWrite() // no body comes, whatever was said
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return resp, string(body)
}

// A tile has one name. What is spelled otherwise is not there, or at best somewhere else;
// what it leads to is never outside the tiles.
func TestTileNames(t *testing.T) {
	s := serve(t, nil)
	var wg sync.WaitGroup
	for i := range 300 { // tile 0 is full
		wg.Go(func() {
			if _, err := s.log.Append(t.Context(), fmt.Appendf(nil, "lab:%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, tt := range []struct {
		path   string
		status int
	}{
		{"/tile/0/000", 200},
		{"/tile/0/000.p/255", 200}, // of the full one
		{"/tile/0/%30%30%30", 200}, // the same name
		{"/tile/entries/000", 200},
		{"/tile/1/000.p/1", 200},
		{"/tile/0/001", 404},
		{"/tile/0/001.p/256", 404},
		{"/tile/0/001.p/0", 404},
		{"/tile/0/001.p/001", 404},
		{"/tile/0/001.p/+1", 404},
		{"/tile/0/001.p/-1", 404},
		{"/tile/0/001.p/1/", 404},
		{"/tile/0/001.p/1e1", 404},
		{"/tile/0/001.P/1", 404},
		{"/tile/0/0000", 404},
		{"/tile/0/x000/000", 404},
		{"/tile/0/X000/000", 404},
		{"/tile/0/000x", 404},
		{"/tile/00/000", 404},
		{"/tile/-1/000", 404},
		{"/tile/64/000", 404},
		{"/tile/0/x018/x446/x744/x073/x709/x551/616", 404},
		{"/tile/Entries/000", 404},
		{"/TILE/0/000", 404},
		{"/tile/0/000%00", 404},
		{"/tile/0/000%0a", 404},
		{"/tile/0/000%2f", 404},
		{"/tile/0/\uff10\uff10\uff10", 404},
		{"/tile/0/%ff%fe000", 404},
		{"/tile/0/000?p=1", 200},
		{"/tile/0/" + strings.Repeat("x000/", 3000) + "000", 404},
		{"/tile/", 404},
		{"/tile", 307},
		{"/tile/0/000/", 404},
		{"/tile/%2e%2e/checkpoint", 404},
		{"/tile/0/x001/../000", 307},
		{"/tile//0/000", 307},
		{"//tile/0/000", 307},
		{"/tile/./0/000", 307},
		{"/tile/..%5c..%5c.state/treeState", 404},
		{"/../../../../etc/passwd", 307},
		{"/tile/0/%2e%2e/%2e%2e/.state/treeState", 404},
		{"/.state/treeState", 404},
		{"/.ledger.lock", 404},
		{"/cosigned", 404},
		{"/checkpoint/", 404},
		{"/checkpoint%00", 404},
	} {
		resp, body := s.say(t, http.MethodGet, tt.path)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %d %.80q, want %d", tt.path, resp.StatusCode, body, tt.status)
		}
		if resp.StatusCode == http.StatusOK != strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d is cached as %q", tt.path, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
		if at := resp.Header.Get("Location"); at != "" && (!strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") || strings.Contains(at, "..")) {
			t.Errorf("%s leads to %q", tt.path, at)
		}
	}
}

// What HTTP has beside GET and POST gets the codes that it has for that.
func TestMethods(t *testing.T) {
	s := serve(t, nil)
	if _, err := s.log.Append(t.Context(), []byte("lab:1")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path, header string
		status, bytes        int
		allow                string
	}{
		{"GET", "/tile/0/000.p/1", "", 200, 32, ""},
		{"HEAD", "/tile/0/000.p/1", "", 200, 0, ""},
		{"HEAD", "/checkpoint", "", 200, 0, ""},
		{"HEAD", "/tile/0/001", "", 404, 0, ""},
		{"HEAD", "/add", "", 405, 0, "POST"},
		{"GET", "/tile/0/000.p/1", "Range: bytes=0-3", 200, 32, ""}, // all of it, as may be
		{"GET", "/tile/0/000.p/1", "Range: bytes=99-1", 200, 32, ""},
		{"GET", "/tile/0/000.p/1", "If-None-Match: *", 200, 32, ""},
		{"GET", "/tile/0/000.p/1", "If-Modified-Since: Sat, 01 Jan 2089 00:00:00 GMT", 200, 32, ""},
		{"GET", "/tile/0/000.p/1", "Accept-Encoding: gzip, br", 200, 32, ""},
		{"GET", "/add", "", 405, -1, "POST"},
		{"POST", "/checkpoint", "Content-Length: 0", 405, -1, "GET, HEAD"},
		{"DELETE", "/tile/0/000.p/1", "", 405, -1, "GET, HEAD"},
		{"OPTIONS", "/checkpoint", "", 405, -1, "GET, HEAD"},
		{"PUT", "/add", "Content-Length: 0", 405, -1, "POST"},
		{"TRACE", "/checkpoint", "", 405, -1, "GET, HEAD"},
		{"BREW", "/checkpoint", "", 405, -1, "GET, HEAD"},
		{"POST", "/add", "Content-Length: 0", 400, -1, ""},
		{"POST", "/add", "Transfer-Encoding: chunked\r\nContent-Length: 5", 400, -1, ""},
		{"POST", "/add", "Content-Length: 5\r\nContent-Length: 6", 400, -1, ""},
		{"POST", "/add", "Transfer-Encoding: identity, chunked", 501, -1, ""},
		{"GET", "/checkpoint", "Expect: 200-ok", 417, -1, ""},
	} {
		var headers []string
		if tt.header != "" {
			headers = append(headers, tt.header)
		}
		resp, body := s.say(t, tt.method, tt.path, headers...)
		if resp.StatusCode != tt.status || tt.bytes >= 0 && len(body) != tt.bytes || resp.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s %q: %d, %d bytes, Allow %q; want %d, %d, %q", tt.method, tt.path, tt.header, resp.StatusCode, len(body), resp.Header.Get("Allow"), tt.status, tt.bytes, tt.allow)
		}
		if tt.method == http.MethodHead && tt.status == http.StatusOK && resp.Header.Get("Content-Length") == "" {
			t.Errorf("HEAD %s does not say how long it is", tt.path)
		}
	}
}
