//go:build unix

package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// fsckOverHTTP has Tessera read the whole ledger as strangers do, and hash it.
func fsckOverHTTP(t *testing.T, at, vkey string) {
	t.Helper()
	base, err := url.Parse(at + "/")
	if err != nil {
		t.Fatal(err)
	}
	fetcher, err := client.NewHTTPFetcher(base, &http.Client{})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	hashes := func(bundle []byte) ([][]byte, error) {
		var b api.EntryBundle
		if err := b.UnmarshalText(bundle); err != nil {
			return nil, err
		}
		var list [][]byte
		for _, e := range b.Entries {
			list = append(list, rfc6962.DefaultHasher.HashLeaf(e))
		}
		return list, nil
	}
	if err := fsck.New(origin, verifier, fetcher, hashes, fsck.Opts{N: 2}).Check(t.Context()); err != nil {
		t.Errorf("Tessera's fsck: %.300s", err)
	}
}
