package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/trillian"
)

const (
	engineEmbedded = "embedded"
	engineTrillian = "trillian"
)

// trillianConfig is the part of config.toml that says which cluster keeps the entries.
type trillianConfig struct {
	Server    string `toml:"server"`              // HOST:PORT of a log server
	Tree      int64  `toml:"tree"`                // its number there
	CA        string `toml:"ca,omitempty"`        // certificates, PEM, that the log server's must come from
	Cert      string `toml:"cert,omitempty"`      // the front end's own, PEM
	Key       string `toml:"key,omitempty"`       // and its private key, PEM
	TLS       bool   `toml:"tls,omitempty"`       // with the system's certificates, if there is no ca
	Plaintext bool   `toml:"plaintext,omitempty"` // to another machine without TLS
}

func engineFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "engine", Usage: "`ENGINE` of the ledger: embedded, in a directory, or trillian, on a cluster (\"proctor help scale\")", Value: engineEmbedded},
		&cli.StringFlag{Name: "trillian", Usage: "with --engine trillian: `HOST:PORT` of a log server"},
		&cli.Int64Flag{Name: "tree", Usage: "the `NUMBER` of the ledger's tree at Trillian, which nothing else may write to"},
		&cli.BoolFlag{Name: "create", Usage: "create the tree"},
	}, connectionFlags()...)
}

// connectionFlags say how to speak to a log server.
func connectionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "trillian-tls", Usage: "speak TLS to the log server, whose certificate the system trusts"},
		&cli.StringFlag{Name: "trillian-ca", Usage: "speak TLS, and trust the certificates in `FILE`, PEM"},
		&cli.StringFlag{Name: "trillian-cert", Usage: "show the log server the certificates in `FILE`, PEM"},
		&cli.StringFlag{Name: "trillian-key", Usage: "with the private key in `FILE`, PEM"},
		&cli.BoolFlag{Name: "trillian-plaintext", Usage: "speak to a log server on another machine without TLS"},
	}
}

// engineOf is what the flags say of the ledger's engine; nil is the embedded one.
func engineOf(c *cli.Context, home string) (*trillianConfig, error) {
	switch c.String("engine") {
	case engineEmbedded:
		for _, name := range []string{"trillian", "tree", "create", "trillian-tls", "trillian-ca", "trillian-cert", "trillian-key", "trillian-plaintext"} {
			if c.IsSet(name) {
				return nil, usagef("--%s goes with --engine %s", name, engineTrillian)
			}
		}
		return nil, nil
	case engineTrillian:
	default:
		return nil, usagef("no engine %q: want %s or %s", c.String("engine"), engineEmbedded, engineTrillian)
	}
	switch {
	case c.String("ledger") != "":
		return nil, usagef("--ledger names a ledger that somebody else keeps, and --engine how this one is kept")
	case c.String("trillian") == "":
		return nil, usagef("--engine trillian wants --trillian HOST:PORT")
	case c.Bool("create") == (c.Int64("tree") != 0):
		return nil, usagef("--engine trillian wants --tree NUMBER, or --create and no number")
	}
	return connectionOf(c, home, c.String("trillian"), c.Int64("tree"))
}

func connectionOf(c *cli.Context, home, server string, tree int64) (*trillianConfig, error) {
	if (c.String("trillian-cert") == "") != (c.String("trillian-key") == "") {
		return nil, usagef("--trillian-cert and --trillian-key go together")
	}
	t := &trillianConfig{Server: server, Tree: tree, TLS: c.Bool("trillian-tls"), Plaintext: c.Bool("trillian-plaintext")}
	for name, to := range map[string]*string{"trillian-ca": &t.CA, "trillian-cert": &t.Cert, "trillian-key": &t.Key} {
		if file := c.String(name); file != "" {
			var err error
			if *to, err = relativeTo(home, file); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// writeConfig writes config.toml.
func (h *home) writeConfig() error {
	text, err := toml.Marshal(h.config)
	if err != nil {
		return err
	}
	return durable.WriteFile(h.path(configFile), text, 0o644)
}

// connection is how to reach the home's cluster.
func (h *home) connection() (trillian.Config, error) {
	t := h.config.Trillian
	c := trillian.Config{Server: t.Server, Tree: t.Tree, InsecurePlaintext: t.Plaintext}
	if !t.TLS && t.CA == "" && t.Cert == "" {
		return c, nil
	}
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		text, err := readLimited(h.relative(t.CA), 1<<20)
		if err != nil {
			return c, err
		}
		if c.TLS.RootCAs = x509.NewCertPool(); !c.TLS.RootCAs.AppendCertsFromPEM(text) {
			return c, fmt.Errorf("%s has no certificate", h.relative(t.CA))
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(h.relative(t.Cert), h.relative(t.Key))
		if err != nil {
			return c, fmt.Errorf("%s: %w", h.relative(t.Cert), err)
		}
		c.TLS.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// createTree makes the ledger's tree at Trillian.
func (h *home) createTree(ctx context.Context) error {
	c, err := h.connection()
	if err != nil {
		return err
	}
	h.config.Trillian.Tree, err = trillian.CreateTree(ctx, c)
	return ledgerHint(err)
}

func (h *home) trillianConfig() (trillian.Config, error) {
	c, err := h.connection()
	if err != nil {
		return c, err
	}
	common, err := h.ledgerConfig()
	c.Dir, c.Anchor, c.Key, c.Signer, c.Cosign = common.Dir, common.Anchor, common.Key, common.Signer, trillian.CosignFunc(common.Cosign)
	return c, err
}

// createOwn makes the home's own, empty ledger.
func (h *home) createOwn(ctx context.Context) error {
	if h.config.Trillian != nil {
		c, err := h.trillianConfig()
		if err != nil {
			return err
		}
		return trillian.Create(ctx, c)
	}
	c, err := h.ledgerConfig()
	if err != nil {
		return err
	}
	return tiles.Create(ctx, c)
}

// ownService is how a service opens the home's own ledger: entries come side by side, and a
// checkpoint is published and cosigned once in an interval.
type ownService struct {
	interval time.Duration
	cosign   tiles.CosignFunc
}

// openOwn opens the home's own ledger, for a service, or, where s is nil, for a program
// that appends an entry or a few.
func (h *home) openOwn(ctx context.Context, s *ownService) (ledger.Log, error) {
	if h.config.Trillian != nil {
		c, err := h.trillianConfig()
		if err != nil {
			return nil, err
		}
		if s != nil {
			c.Interval, c.Cosign = s.interval, trillian.CosignFunc(s.cosign)
		}
		log, err := trillian.Open(ctx, c)
		if err != nil {
			return nil, ledgerHint(err) // and not a nil *trillian.Log, which would be a ledger.Log
		}
		return log, nil
	}
	c, err := h.ledgerConfig()
	if err != nil {
		return nil, err
	}
	if s != nil {
		c.Batch, c.Interval, c.Cosign = serveBatch, s.interval, s.cosign
	}
	log, err := tiles.Open(ctx, c)
	if err != nil {
		return nil, ledgerHint(err)
	}
	return log, nil
}
