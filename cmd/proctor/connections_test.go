//go:build linux && !race

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestHostOf(t *testing.T) {
	for _, tt := range []struct{ at, want string }{
		{"192.0.2.1:80", "192.0.2.1"},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1"},
		{"[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64"},
	} {
		a, err := net.ResolveTCPAddr("tcp", tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := hostOf(a); got != tt.want {
			t.Errorf("hostOf(%s) = %s, want %s", tt.at, got, tt.want)
		}
	}
}

// process is a service that runs by itself.
type process struct {
	t    *testing.T
	pid  int
	url  string
	host string
	http *http.Client
}

// startService serves the ledger of a new home until the test ends.
func startService(t *testing.T, args ...string) *process {
	t.Helper()
	return newMachine(t, t.TempDir()).startService(args...)
}

// startService serves the machine's ledger until the test ends.
func (m *machine) startService(args ...string) *process {
	t := m.t
	t.Helper()
	c := m.command(context.Background(), append([]string{"ledger", "serve", "--listen", "127.0.0.1:0"}, args...)...)
	var said lines
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil || strings.Contains(said.String(), "panic") {
			t.Errorf("the service ended with %v:\n%.3000s", err, said.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "serving"))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	transport.DisableKeepAlives = true
	_, host, _ := strings.Cut(url, "://")
	return &process{t, c.Process.Pid, url, host, &http.Client{Transport: transport, Timeout: 5 * time.Second}}
}

func (p *process) descriptors() int {
	p.t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(files)
}

// memory is what the process has of the machine's, in MB.
func (p *process) memory() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return kb >> 10
}

// answers wants others to be served, each on a new connection.
func (p *process) answers(n int) {
	p.t.Helper()
	for range n {
		resp, err := p.http.Get(p.url + "/checkpoint")
		if err != nil {
			p.t.Errorf("others are not served: %v", err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("\n\n— ")) {
			p.t.Errorf("others are not served: %d %q %v", resp.StatusCode, body, err)
			return
		}
	}
}

// dialFrom connects from an address of this machine that is not the test's own.
func (p *process) dialFrom(host string) net.Conn {
	p.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}, Timeout: 10 * time.Second}
	c, err := d.Dial("tcp", p.host)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// Thousands of connections that say nothing, or say it slowly, take neither the memory nor
// the descriptors of the service, and no turn of others.
func TestSlowClients(t *testing.T) {
	const most = 500
	p := startService(t, "--connections", strconv.Itoa(most))
	p.answers(3)
	before := p.memory()
	keep := p.dialFrom("127.0.0.1") // of an honest client, which stays
	defer keep.Close()
	ask := func() {
		t.Helper()
		fmt.Fprint(keep, "GET /checkpoint HTTP/1.1\r\nHost: ledger.example\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(keep), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("on a connection of its own: %v, %v", resp, err)
		}
		io.Copy(io.Discard, resp.Body)
	}
	ask()
	for i := range 2000 {
		c := p.dialFrom("127.0.0.2")
		defer c.Close()
		switch i % 4 {
		case 0: // idle after a request
			fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: ledger.example\r\n\r\n")
		case 1: // a header that does not end
			fmt.Fprint(c, "GET /checkpoint HTTP/1.1\r\nX-Slow: ")
		case 2: // a body that does not come
			fmt.Fprint(c, "POST /add HTTP/1.1\r\nHost: ledger.example\r\nContent-Length: 60000\r\n\r\nx")
		case 3: // nothing at all
		}
		if i%500 == 499 {
			p.answers(5)
			ask()
		}
	}
	p.answers(20)
	if n := p.descriptors(); n > most+50 {
		t.Errorf("%d descriptors are open with %d connections allowed", n, most)
	}
	after := p.memory()
	if after > before+64 {
		t.Errorf("%d MB of memory before, %d MB after", before, after)
	}
	t.Logf("%d descriptors; %d MB of memory before, %d MB after", p.descriptors(), before, after)
	ask()
}

// HTTP/2 is not spoken. Streams that were opened and reset as fast as they could be sent,
// on one connection after another, cost this service 150 MB a second: Go keeps what such a
// connection had waiting until its timers end, minutes later.
func TestNoHTTP2(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, 1)
	p := startService(t, "--tls-cert", cert, "--tls-key", key)
	if c, err := tls.Dial("tcp", p.host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}); err == nil {
		t.Errorf("%q is spoken with who speaks HTTP/2 only", c.ConnectionState().NegotiatedProtocol)
		c.Close()
	}
	p.http.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	p.answers(3)
}
