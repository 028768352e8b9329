package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/foreign"
)

// readForeign reads a file as evidence of others, and what lies beside it; nil where
// it is none.
func readForeign(name string, policy *verify.Policy) *foreign.Reading {
	data, err := readLimited(name, foreign.MaxSize)
	if err != nil {
		return nil
	}
	r := foreign.Read(data, policyKeys(policy))
	if r != nil && r.Hash != "" {
		if said := besideHash(name, r.Hash); said != "" {
			r.Found = append(r.Found, said)
		}
	}
	return r
}

// besideHash compares a manifest's own hash with the file that its author's tools write
// beside it.
func besideHash(name, hash string) string {
	beside := strings.TrimSuffix(name, filepath.Ext(name)) + ".prml.sha256"
	data, err := readLimited(beside, 1<<10)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		return fmt.Sprintf("%s could not be read: %v", beside, err)
	case strings.TrimSpace(string(data)) == hash:
		return fmt.Sprintf("%s has the same hash; whoever changes one can change the other", beside)
	}
	return fmt.Sprintf("%s has another hash: the manifest was changed since, or the file is not about it", beside)
}

func policyKeys(policy *verify.Policy) (keys []foreign.Key) {
	if policy == nil {
		return nil
	}
	for _, issuer := range policy.Issuers {
		for _, k := range issuer.Keys {
			keys = append(keys, foreign.Key{Owner: issuer.URI, Key: k.Key, Denied: policy.Denied(k.Key.Fingerprint()) != ""})
		}
	}
	return keys
}
