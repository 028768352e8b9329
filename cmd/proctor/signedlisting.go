package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model/oms"
	"github.com/proctor-attest/proctor/verify/signature"
)

// signedListing is what a signature of a model's files says of them. Its root binds
// no names, so that its files are compared one by one. Whether somebody signed it
// is looked at where the reader says whom to believe.
func (e *env) signedListing(c *cli.Context, name string, s *oms.Signature) (*hub.Listing, error) {
	if s.Content.Hash != "sha256" || s.Content.ShardSize > 0 || s.Content.Resources[0].Path == "." {
		return nil, withHint(fmt.Errorf("%s: the signature does not give each file's name and SHA-256", name),
			`"proctor verify" compares it with the files themselves`)
	}
	l := &hub.Listing{Kind: "signature, not verified", Partial: "a signature leaves out what git keeps for itself, and what its signer does"}
	if slices.ContainsFunc(trustFlags(), func(f cli.Flag) bool { return c.IsSet(f.Names()[0]) }) {
		trust, _, err := readTrust(c)
		if err != nil {
			return nil, err
		}
		data, err := readLimited(name, oms.MaxSize)
		if err != nil {
			return nil, err
		}
		signer, err := signature.Signer(data, trust, e.now())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.Kind = "signature by " + signer
	}
	for _, r := range s.Content.Resources {
		sum := attest.Hash(r.Digest)
		l.Files = append(l.Files, hub.File{Path: r.Path, SHA256: &sum})
	}
	slices.SortFunc(l.Files, func(a, b hub.File) int { return strings.Compare(a.Path, b.Path) })
	return l, l.Check()
}
