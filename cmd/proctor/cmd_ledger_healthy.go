package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/remote"
)

func (e *env) cmdLedgerHealthy() *cli.Command {
	return &cli.Command{
		Name: "healthy", Usage: "ask the service of the home's ledger for its checkpoint: exit code 0 if it answers with one",
		Description: "For health checks of containers, which have no other program: it needs the home, and\n" +
			"asks where \"ledger serve\" says in it that it answers.",
		Action: e.runLedgerHealthy,
	}
}

func (e *env) runLedgerHealthy(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	at := h.servedAt(e.ctx)
	if at == nil {
		return errors.New("nobody serves the home's ledger, or it does not answer")
	}
	vkey, err := h.ledgerVKey()
	if err != nil {
		return err
	}
	key, err := ledger.ParseLogKey(vkey)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.ctx, healthTime)
	defer cancel()
	signed, err := remote.Open(at.url, key, at.client()).ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	cp, err := key.Open(signed)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "serving   %s\nsize      %d\n", at.url, cp.Size)
	return nil
}

const healthTime = 5 * time.Second

// firstCertificate is the DER of the first certificate in PEM.
func firstCertificate(data []byte) ([]byte, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return block.Bytes, nil
		}
	}
	return nil, errors.New("no certificate in PEM")
}

// localService is the service of the home's own ledger, on this machine.
type localService struct {
	url  string
	cert string // the file with its certificate, "" without TLS
}

// client asks the service. Its certificate is for the name that others call it by: here
// the certificate itself is what must be the same.
func (s *localService) client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.TLSClientConfig = &tls.Config{
		InsecureSkipVerify: true, // for VerifyConnection
		VerifyConnection: func(cs tls.ConnectionState) error {
			data, err := readLimited(s.cert, 1<<20)
			if err != nil {
				return err
			}
			own, err := firstCertificate(data)
			if err != nil {
				return fmt.Errorf("%s: %w", s.cert, err)
			}
			if len(cs.PeerCertificates) == 0 || !bytes.Equal(cs.PeerCertificates[0].Raw, own) {
				return fmt.Errorf("what answers at %s has another certificate than %s", s.url, s.cert)
			}
			return nil
		},
	}
	c := ledgerClient()
	c.Transport = t
	return c
}
