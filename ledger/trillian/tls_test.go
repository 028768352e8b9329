package trillian_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/proctor-attest/proctor/ledger/trillian"
	"github.com/proctor-attest/proctor/ledger/trillian/trilliantest"
)

// certify makes a certificate for this machine that signs itself.
func certify(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "log server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, pool
}

// The log server must be the one that is meant, and may ask who comes.
func TestTLS(t *testing.T) {
	cert, pool := certify(t)
	mine, whoComes := certify(t)
	s, address, err := trilliantest.Start("127.0.0.1:0", grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: whoComes})))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := trillian.Config{Server: address, Patience: time.Second / 2, TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{mine}}}
	if _, err := trillian.CreateTree(t.Context(), c); err != nil {
		t.Errorf("CreateTree = %v", err)
	}
	for name, conf := range map[string]*tls.Config{
		"another server":           {RootCAs: whoComes, Certificates: []tls.Certificate{mine}},
		"nobody in particular":     {RootCAs: pool},
		"the system's authorities": {Certificates: []tls.Certificate{mine}},
		"no TLS":                   nil,
	} {
		c.TLS = conf
		if tree, err := trillian.CreateTree(t.Context(), c); err == nil {
			t.Errorf("%s: CreateTree = %d, want an error", name, tree)
		}
	}
}
