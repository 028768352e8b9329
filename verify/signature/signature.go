// Package signature judges a signature of a model's files (OpenSSF Model Signing,
// read by package oms) for a reader who says whom to believe: who signed, which
// files are not the signed ones, what that does not show. It opens no socket.
package signature

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model/oms"
	"github.com/proctor-attest/proctor/verify"
)

// Trust is whom the reader believes: exactly one of the three is set.
type Trust struct {
	Key      *attest.PublicKey
	Roots    []*x509.Certificate // of those who vouch for signers
	Identity *Identity
}

// Identity is a signer known by a name that somebody vouches for.
type Identity struct {
	Name, Issuer string

	// Check reports an error unless the bundle is signed by the name, and returns
	// the signed bytes and when that was seen.
	Check func(bundle []byte) (payload []byte, seen []Seen, err error)
}

// Seen is a time at which somebody else saw the signature.
type Seen struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
}

// Difference is a file in which the model is not the signed one.
type Difference struct {
	Path string `json:"path"`
	What string `json:"what"` // "changed", "missing" or "not signed"
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
	Note string `json:"note,omitempty"`
}

// Verdict is the outcome. The zero Verdict is CANNOT CHECK.
type Verdict struct {
	Signature string          `json:"signature"` // as the caller names it
	Model     string          `json:"model"`
	Headline  verify.Headline `json:"headline"`
	Reason    string          `json:"reason,omitempty"` // in one line, where it is not supported
	At        time.Time       `json:"at"`

	Method string      `json:"method,omitempty"` // key, certificate or sigstore
	Signer string      `json:"signer,omitempty"` // once it is known
	Seen   []Seen      `json:"seen"`
	Name   string      `json:"name,omitempty"` // of the model, as the signer has it
	Root   attest.Hash `json:"root,omitzero"`  // as others know it; it binds no names
	Files  int         `json:"files"`          // that are signed

	Differs   []Difference `json:"differs"`
	NotSigned []string     `json:"notSigned"` // files and folders that are there and were left out
	NotShown  []string     `json:"notShown"`
	Trusting  []string     `json:"trusting"`
}

// Judge verifies a signature over the files of fsys at the time at.
func Judge(ctx context.Context, bundle []byte, trust Trust, at time.Time, fsys fs.FS, opts oms.Options) *Verdict {
	v := &Verdict{At: at, Seen: []Seen{}, Differs: []Difference{}, NotSigned: []string{}, NotShown: []string{}, Trusting: []string{}}
	s, err := oms.Parse(bundle)
	if err != nil {
		return v.end(verify.CannotCheck, err.Error())
	}
	v.Method = string(s.Method)
	if err := v.checkSigner(s, bundle, trust); err != nil {
		headline := verify.CannotCheck
		if errors.Is(err, oms.ErrNotSigned) {
			headline = verify.NotSupported
		}
		return v.end(headline, err.Error())
	}
	v.Name, v.Root = s.Content.Name, s.Content.Root
	compared, err := s.Content.Compare(ctx, fsys, opts)
	if err != nil {
		return v.end(verify.CannotCheck, err.Error())
	}
	v.Files, v.NotSigned = compared.Files, append(v.NotSigned, compared.Left...)
	for _, d := range compared.Differs {
		v.Differs = append(v.Differs, Difference(d))
	}
	v.words(trust)
	return v.judgeFiles()
}

// Signer verifies who signed, and says it; the files are left to the caller.
func Signer(bundle []byte, trust Trust, at time.Time) (string, error) {
	s, err := oms.Parse(bundle)
	if err != nil {
		return "", err
	}
	v := &Verdict{At: at}
	err = v.checkSigner(s, bundle, trust)
	return v.Signer, err
}

func (v *Verdict) end(headline verify.Headline, reason string) *Verdict {
	v.Headline, v.Reason = headline, reason
	return v
}

// judgeFiles is CONTRADICTED only where a file has other bytes than its signed
// ones: of a file that is missing, or is more, the signer said nothing untrue.
func (v *Verdict) judgeFiles() *Verdict {
	if len(v.Differs) == 0 {
		return v.end(verify.Supported, "")
	}
	headline := verify.NotSupported
	first := v.Differs[0]
	for _, d := range v.Differs {
		if d.What == oms.Changed {
			headline, first = verify.ContradictedClaim, d
			break
		}
	}
	reason := fmt.Sprintf("%q: %s", first.Path, first.What)
	if first.Note != "" {
		reason += " (" + first.Note + ")"
	}
	if n := len(v.Differs) - 1; n > 0 {
		reason += fmt.Sprintf("; and %d more", n)
	}
	return v.end(headline, reason)
}

// checkSigner finds out who signed.
func (v *Verdict) checkSigner(s *oms.Signature, bundle []byte, trust Trust) error {
	switch {
	case trust.Key != nil:
		v.Signer = "key " + trust.Key.Fingerprint().String()
		return v.known(s.CheckKey(trust.Key))
	case trust.Identity != nil:
		return v.checkIdentity(s, bundle, trust.Identity)
	case len(trust.Roots) == 0:
		return errors.New("no key, root or identity to believe")
	}
	leaf, err := s.CheckChain(trust.Roots, v.At)
	if err == nil {
		v.Signer = fmt.Sprintf("certificate %q, serial number %x", subject(leaf), leaf.SerialNumber)
	}
	return err
}

// known keeps the signer out of a verdict that does not find them.
func (v *Verdict) known(err error) error {
	if err != nil {
		v.Signer = ""
	}
	return err
}

func (v *Verdict) checkIdentity(s *oms.Signature, bundle []byte, id *Identity) error {
	if s.Method != oms.BySigstore {
		return notSigned(fmt.Sprintf("it was signed by the method %s, not by an identity", s.Method))
	}
	payload, seen, err := id.Check(bundle)
	if err != nil {
		// Its errors can have several lines.
		return notSigned(fmt.Sprintf("the signature is not by %q, for whom %q vouches: %s", id.Name, id.Issuer, strings.Join(strings.Fields(err.Error()), " ")))
	}
	if !bytes.Equal(payload, s.Payload()) {
		return errors.New("what was signed is not what was read")
	}
	v.Signer, v.Seen = fmt.Sprintf("%q, for whom %q vouches", id.Name, id.Issuer), append(v.Seen, seen...)
	return nil
}

// notSigned is an oms.ErrNotSigned.
type notSigned string

func (e notSigned) Error() string { return string(e) }

func (e notSigned) Is(target error) bool { return target == oms.ErrNotSigned }

func subject(c *x509.Certificate) string { return c.Subject.String() }

// words says what the verdict does not show, and whom it rests on.
func (v *Verdict) words(trust Trust) {
	v.NotShown = append(v.NotShown, "how the model behaves or what it scores: nothing was evaluated")
	if len(v.Seen) == 0 {
		v.NotShown = append(v.NotShown, "when it was signed: nobody else saw it, so that it can be from any day on which the signer had the key")
	}
	if v.Root != (attest.Hash{}) {
		v.NotShown = append(v.NotShown, "that a model known by its root alone is this one: the root binds no names, and files were compared by name here")
	}
	if len(v.NotSigned) > 0 {
		v.NotShown = append(v.NotShown, "anything about the files that were left out: whoever changes them needs no key")
	}
	switch {
	case trust.Key != nil:
		v.Trusting = append(v.Trusting, "whoever has the private key, and where you have the public one from")
	case trust.Identity != nil:
		v.Trusting = append(v.Trusting,
			fmt.Sprintf("%q to know who %q is", trust.Identity.Issuer, trust.Identity.Name),
			"the certificate authority, the logs and the clocks of your trusted root")
	default:
		v.NotShown = append(v.NotShown, "that no certificate was withdrawn: lists of those were not looked at")
		for _, c := range trust.Roots {
			v.Trusting = append(v.Trusting, fmt.Sprintf("%q to vouch for signers, and all whom it lets vouch", subject(c)))
		}
		v.Trusting = append(v.Trusting, "whoever has the key of the signer's certificate")
	}
}
