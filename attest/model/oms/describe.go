package oms

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// Describe lists the files of a model, to be signed under its name: all of them
// but git's own at the top and those of Options.Ignore, each with its SHA-256, in
// the order of their paths' bytes. It refuses links, which the specification does
// not permit, files that are Git LFS pointers, and a model without a file.
func Describe(ctx context.Context, fsys fs.FS, name string, opts Options) (*Content, error) {
	c := &Content{Name: name, Hash: "sha256", Ignored: slices.Sorted(slices.Values(opts.left()))}
	for _, p := range opts.Ignore {
		if !fs.ValidPath(p) || p == "." {
			return nil, fmt.Errorf("%.200q is not a path inside the model", p)
		}
	}
	look := func() (*listing, error) {
		if opts.File != "" {
			e, err := stat(fsys, opts.File)
			return &listing{files: map[string]entry{opts.File: e}}, err
		}
		return list(ctx, fsys, false, func(name string) bool { return under(name, c.Ignored) })
	}
	before, err := look()
	if err != nil {
		return nil, err
	}
	if len(before.files) == 0 {
		return nil, errors.New("there is no file to sign")
	}
	if err := c.hashAll(ctx, &reader{fsys: fsys, hash: sha256.New, progress: opts.Progress}, before); err != nil {
		return nil, err
	}
	if opts.File != "" {
		// The specification wants the file's name here, of which the reference
		// implementation makes another file; what it writes itself all accept.
		c.Resources[0].Path = "."
	}
	after, err := look()
	if err != nil {
		return nil, err
	}
	if err := before.same(after); err != nil {
		return nil, err
	}
	c.Root = rootOf(c.Resources)
	return c, c.checkNames()
}

func (c *Content) hashAll(ctx context.Context, r *reader, l *listing) error {
	var parts []*part
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		e := l.files[name]
		parts = append(parts, &part{name: name, end: uint64(e.size), of: e})
	}
	if err := r.readAll(ctx, parts); err != nil {
		return err
	}
	for _, p := range parts {
		if p.pointer {
			return fmt.Errorf(`%q: a Git LFS pointer instead of the file (run "git lfs pull")`, p.name)
		}
		c.Resources = append(c.Resources, Resource{Path: p.name, Digest: p.digest})
	}
	return nil
}

type (
	wireStatement struct {
		Type          string        `json:"_type"`
		Subject       []wireSubject `json:"subject"`
		PredicateType string        `json:"predicateType"`
		Predicate     wirePredicate `json:"predicate"`
	}
	wireSubject struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}
	wirePredicate struct {
		Resources     []wireResource    `json:"resources"`
		Serialization wireSerialization `json:"serialization"`
	}
	wireResource struct {
		Name      string `json:"name"`
		Digest    string `json:"digest"`
		Algorithm string `json:"algorithm"`
	}
	wireSerialization struct {
		Method        string   `json:"method"`
		HashType      string   `json:"hash_type"`
		AllowSymlinks bool     `json:"allow_symlinks"`
		IgnorePaths   []string `json:"ignore_paths"`
	}
)

// Statement is the payload to be signed, as canonical JSON. It is for what
// Describe made.
func (c *Content) Statement() ([]byte, error) {
	st := wireStatement{
		Type:          attest.StatementType,
		Subject:       []wireSubject{{c.Name, map[string]string{"sha256": c.Root.String()}}},
		PredicateType: predicateType,
		Predicate:     wirePredicate{Serialization: wireSerialization{Method: byFiles, HashType: c.Hash, IgnorePaths: c.Ignored}},
	}
	for _, r := range c.Resources {
		st.Predicate.Resources = append(st.Predicate.Resources, wireResource{r.Path, hex.EncodeToString(r.Digest), c.Hash})
	}
	data, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	return attest.Canonicalize(data)
}

// Format is the bundle around a payload and its signature by a key.
func Format(payload, sig []byte, key *attest.PublicKey) ([]byte, error) {
	// The reference refuses a hint that is not the hash of the PEM text.
	hint := sha256.Sum256([]byte(key.PEM()))
	return format(payload, sig, map[string]any{"publicKey": map[string]string{"hint": hex.EncodeToString(hint[:])}, "tlogEntries": []any{}})
}

// FormatChain is Format for a certificate, which comes first, and those that lead
// from it to a root. It refuses a certificate under which nobody would accept the
// signature.
func FormatChain(payload, sig []byte, chain []*x509.Certificate) ([]byte, error) {
	if len(chain) == 0 || len(chain) > maxCertificates {
		return nil, fmt.Errorf("%d certificates, want 1 to %d", len(chain), maxCertificates)
	}
	key, err := keyOf(chain[0])
	if err != nil {
		return nil, err
	}
	if !key.Verify(attest.PAE(payload), sig) {
		return nil, fmt.Errorf("the first certificate, of %s, is not of the key that signed", chain[0].Subject)
	}
	if err := checkUsage(chain[0]); err != nil {
		return nil, err
	}
	certificates := make([]map[string][]byte, len(chain))
	for i, c := range chain {
		certificates[i] = map[string][]byte{"rawBytes": c.Raw}
	}
	return format(payload, sig, map[string]any{"x509CertificateChain": map[string]any{"certificates": certificates}, "tlogEntries": []any{}})
}

func format(payload, sig []byte, material map[string]any) ([]byte, error) {
	data, err := json.Marshal(map[string]any{
		"mediaType":            attest.BundleMediaType,
		"verificationMaterial": material,
		"dsseEnvelope": map[string]any{
			"payload":     base64.StdEncoding.EncodeToString(payload),
			"payloadType": attest.PayloadType,
			"signatures":  []any{map[string]string{"sig": base64.StdEncoding.EncodeToString(sig), "keyid": ""}},
		},
	})
	if err != nil {
		return nil, err
	}
	if data, err = attest.Canonicalize(data); err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("signature of %d bytes, the most is %d", len(data), MaxSize)
	}
	return data, nil
}
