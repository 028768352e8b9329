//go:build !race

package verify

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// One flipped bit in any byte of a pack never leaves the claim supported, but where
// the byte is unbound on purpose, not even with a verifier that has checked the honest
// pack before. Every byte takes half a minute; without PROCTOR_THOROUGH=1 one in
// sixteen is tried.
func TestFlippedBytes(t *testing.T) {
	stride := 16
	if os.Getenv("PROCTOR_THOROUGH") == "1" {
		stride = 1
	}
	w := newWorld(t, hooks{})
	verifier, files := New(w.policy()), w.files()
	if v, err := verifier.Pack(t.Context(), w.pack, Options{At: judgedAt}); err != nil || !v.OK() {
		t.Fatalf("the honest pack: %+v, %v", v, err)
	}
	size := 0
	for at, name := range slices.Sorted(maps.Keys(files)) {
		size += len(files[name])
		for i := at % stride; i < len(files[name]); i += stride {
			if !stillSupported(t, verifier, files, name, i) {
				continue
			}
			if !unbound(name, files[name], i) {
				t.Errorf("%s: a flip of byte %d, in %q, goes unnoticed", name, i, files[name][max(0, i-20):min(len(files[name]), i+20)])
			}
		}
	}
	if size > 30_000 {
		t.Errorf("the pack has %d bytes; one of 30,000 says as much", size)
	}
}

func stillSupported(t *testing.T, verifier *Verifier, files map[string][]byte, name string, i int) bool {
	t.Helper()
	fsys := fstest.MapFS{}
	for other, data := range files {
		fsys[other] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	flipped := bytes.Clone(files[name])
	flipped[i] ^= 1 << (i % 7)
	fsys[name] = &fstest.MapFile{Data: flipped, Mode: 0o644}
	pack, err := verifier.Reader().Dir(fsys)
	if err != nil {
		return false
	}
	v, err := verifier.Pack(t.Context(), pack, Options{At: judgedAt})
	return err == nil && v.OK()
}

// unbound reports whether a byte may change: the name of a beacon round's member
// "randomness" may, because the value is computed from the signature and not read.
func unbound(name string, data []byte, i int) bool {
	const member = `"randomness"`
	at := bytes.Index(data, []byte(member))
	return strings.HasPrefix(name, "beacons/") && at < i && i < at+len(member)-1
}
