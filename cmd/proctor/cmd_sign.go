package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/model/oms"
	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/ledger/durable"
)

func (e *env) cmdSign() *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "sign a model's files in the form of OpenSSF Model Signing",
		ArgsUsage: "DIR|FILE",
		Description: "Writes model.sig, which \"proctor verify\" and the model_signing tools check. Files that\n" +
			"git keeps for itself at the top of the directory are left out. Nothing is logged: a\n" +
			"signature shows neither when it was made nor what the model scores; for those,\n" +
			"\"proctor commit model\".",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "the private key in PEM, a `FILE` (default: the home's issuer key)"},
			&cli.StringSliceFlag{Name: "certificate", Usage: "certificates in PEM, a `FILE`: the key's own first, then those that lead from it to a root; repeatable"},
			&cli.StringSliceFlag{Name: ignoreFlag, Usage: "leave a `PATH` in the model out; repeatable"},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the model (default: the directory's or file's)"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write to `FILE` (default: model.sig in the directory, FILE.sig beside the file)"},
			passwordFlag(), quietFlag(),
		},
		Action: e.runSign,
	}
}

func (e *env) runSign(c *cli.Context) error {
	name, err := oneArg(c, "the model's directory or file")
	if err != nil {
		return err
	}
	files, err := openSigned(name)
	if err != nil {
		return err
	}
	defer files.Close()
	out := c.String("out")
	switch {
	case out != "":
	case files.file != "":
		out = name + ".sig"
	default:
		out = filepath.Join(name, "model.sig")
	}
	if err := newFile(out); err != nil {
		return err
	}
	chain, err := e.readChain(c)
	if err != nil {
		return err
	}
	signer, err := e.modelSigner(c)
	if err != nil {
		return err
	}
	content, err := e.describe(c, files, out)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	bundle, err := signContent(c, signer, content, chain)
	if err != nil {
		return err
	}
	if err := durable.Write(out, 0o644, func(w io.Writer) error { _, err := w.Write(bundle); return err }); err != nil {
		return err
	}
	own, _ := files.inside(out)
	for _, p := range content.Ignored {
		if _, err := files.Stat(p); err == nil && p != own {
			e.note(c, "left out: %s", p)
		}
	}
	_, err = fmt.Fprintf(e.stdout, "signature %s\nfiles     %d\nroot      %s\nkey       %s\n", printable(out), len(content.Resources), content.Root, signer.PublicKey().Fingerprint())
	return err
}

func (e *env) describe(c *cli.Context, files *signedFiles, out string) (*oms.Content, error) {
	name := c.String("name")
	if name == "" {
		path, err := filepath.Abs(files.name)
		if err != nil {
			return nil, err
		}
		name = filepath.Base(path)
	}
	bar := e.progress(c, "hashing "+name, 0)
	defer bar.done()
	return oms.Describe(c.Context, files.Dir, name, files.options(c, out, bar))
}

func signContent(c *cli.Context, signer *signing.Signer, content *oms.Content, chain []*x509.Certificate) ([]byte, error) {
	payload, err := content.Statement()
	if err != nil {
		return nil, err
	}
	sig, err := signer.SignPayload(c.Context, payload)
	if err != nil {
		return nil, err
	}
	if len(chain) > 0 {
		return oms.FormatChain(payload, sig, chain)
	}
	return oms.Format(payload, sig, signer.PublicKey())
}

// readChain reads the certificates to be put into the signature.
func (e *env) readChain(c *cli.Context) (chain []*x509.Certificate, err error) {
	for _, name := range c.StringSlice("certificate") {
		data, err := readLimited(name, 1<<20)
		if err != nil {
			return nil, err
		}
		some, err := oms.ParseRoots(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		chain = append(chain, some...)
	}
	if len(chain) > 0 && e.now().After(chain[0].NotAfter) {
		return nil, fmt.Errorf("the certificate %s expired on %s: nobody would accept the signature", chain[0].Subject, chain[0].NotAfter.Format("2006-01-02"))
	}
	return chain, nil
}

// modelSigner unlocks the key to sign with.
func (e *env) modelSigner(c *cli.Context) (*signing.Signer, error) {
	s, err := e.loadSigner(c)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(s.PublicKey().Algorithm(), "ECDSA") {
		return nil, withHint(fmt.Errorf("the key is %s, and OpenSSF Model Signing takes ECDSA keys alone", s.PublicKey().Algorithm()), "name another with --key FILE")
	}
	return s, nil
}

func (e *env) loadSigner(c *cli.Context) (*signing.Signer, error) {
	name := c.String("key")
	if name == "" {
		h, err := e.openHome()
		if err != nil {
			return nil, withHint(err, "name a private key with --key FILE, or make a home with \"proctor init\"")
		}
		password, err := e.password(c)
		if err != nil {
			return nil, err
		}
		return h.signer(password)
	}
	private, err := readLimited(name, 1<<16)
	if err != nil {
		return nil, err
	}
	var password []byte
	if block, _ := pem.Decode(private); block != nil && bytes.HasPrefix([]byte(block.Type), []byte("ENCRYPTED")) {
		if password, err = e.password(c); err != nil {
			return nil, err
		}
	}
	s, err := signing.Load(private, password)
	if errors.Is(err, signing.ErrPassword) {
		return nil, withHint(fmt.Errorf("%s: %w", name, err), "give the password with --password-file or "+passwordVariable)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
