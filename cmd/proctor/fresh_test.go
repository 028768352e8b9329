package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// makeCertificate writes a certificate with a serial number, and its key.
func makeCertificate(cert, key string, serial int64) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"ledger.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600)
}

func writeCertificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	if err := makeCertificate(cert, key, serial); err != nil {
		t.Fatal(err)
	}
}

// lines is a writer for logs that are read while they are written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A service speaks TLS with a certificate that was renewed, without a new start; one that
// cannot be read leaves the old one in force, and is told of.
func TestFreshTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	var said lines
	e := &env{ctx: t.Context(), stderr: &said, now: time.Now}
	if _, err := e.freshTLS(cert, key, newMetrics(), e.logger()); err == nil {
		t.Fatal("a certificate that is not there is no error")
	}
	writeCertificate(t, cert, key, 1)
	m := newMetrics()
	conf, err := e.freshTLS(cert, key, m, slog.New(slog.NewJSONHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func(c net.Conn) { c.(*tls.Conn).Handshake(); c.Close() }(c)
		}
	}()
	serial := func() int64 {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	await := func(what string, done func() bool) {
		t.Helper()
		for range 200 {
			if done() {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("%s did not come; it said\n%s", what, said.String())
	}
	stale := func() string {
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "proctor_tls_certificate_stale" {
				return f.GetMetric()[0].String()
			}
		}
		return "missing"
	}
	if n := serial(); n != 1 {
		t.Fatalf("serial number %d, want 1", n)
	}
	writeCertificate(t, cert, key, 2)
	await("the renewed certificate", func() bool { return serial() == 2 })
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	await("an error", func() bool { return strings.Contains(said.String(), "TLS certificate cannot be read again") })
	if n := serial(); n != 2 || !strings.Contains(stale(), "value:1") {
		t.Errorf("serial number %d, stale %s; want 2, and 1", n, stale())
	}
	writeCertificate(t, cert, key, 3)
	await("the certificate after the broken one", func() bool { return serial() == 3 })
	if !strings.Contains(stale(), "value:0") {
		t.Errorf("stale is %s, want 0", stale())
	}
}
