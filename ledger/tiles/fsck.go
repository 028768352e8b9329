package tiles

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
)

// Fsck hashes every entry and tile again and compares them with the checkpoint,
// which it returns. It needs no signer.
func Fsck(ctx context.Context, c Config) (ledger.Checkpoint, error) {
	key, err := ledger.ParseLogKey(c.Key)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	cp, err := openSigned(key, filepath.Join(c.Dir, checkpointName))
	if err != nil || cp.Size == 0 {
		return cp, err
	}
	verifier, err := note.NewVerifier(c.Key)
	if err != nil {
		return cp, err
	}
	silence()
	check := fsck.New(cp.Origin, verifier, ledger.Dir(c.Dir), leafHashes, fsck.Opts{N: 2})
	if err := check.Check(ctx); err != nil {
		return cp, errors.New(clip(err.Error()))
	}
	return cp, nil
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(b.Entries))
	for i, e := range b.Entries {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(e)
	}
	return hashes, nil
}

// clip shortens an error of fsck, which holds whole tiles.
func clip(text string) string {
	const limit = 300
	if len(text) > limit {
		return text[:limit] + "…"
	}
	return text
}
