package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// walk reads a whole ledger of the policy, hashes each entry and calls fn for those that
// are statements. What fn did counts only if walk returns nil. It fills in which tree it
// was, and as of when that counts for the policy.
func (p *Policy) walk(ctx context.Context, r ledger.Reader, at time.Time, into *Scan, fn func(index uint64, entry *attest.Entry) error) error {
	signed, err := r.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	said, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		return err
	}
	said.Signed = signed
	into.Origin, into.Size, into.checkpoint = said.Origin, said.Size, said
	if into.AsOf, into.Why, err = p.asOf(signed, at); err != nil {
		return err
	}
	if into.Why != "" {
		if err := p.signedByLog(said, signed); err != nil {
			return err
		}
	}
	return ledger.ScanVerified(ctx, r, said, 0, func(index uint64, data []byte) error {
		entry, err := attest.ParseEntry(bytes.Clone(data))
		if err != nil {
			return nil // of a type that is not known here, or no statement
		}
		return fn(index, entry)
	})
}

// asOf is as of when a checkpoint shows its whole ledger: the oldest cosignature, as
// what it covers was there then; or why it does not.
func (p *Policy) asOf(signed []byte, at time.Time) (asOf time.Time, why string, err error) {
	verified, err := p.Ledger.VerifyCheckpoint(signed, at)
	var quorum *ledger.QuorumError
	switch {
	case errors.As(err, &quorum):
		return time.Time{}, err.Error(), nil
	case err != nil:
		return time.Time{}, "", err
	case verified.NotAfter.IsZero():
		return time.Time{}, "the policy's quorum asks for no witness, which gives no time", nil
	}
	return verified.Cosignatures[0].Time, "", nil
}

// signedByLog is for checkpoints without a quorum, which still must be a log's.
func (p *Policy) signedByLog(said ledger.Checkpoint, signed []byte) error {
	for _, key := range p.Ledger.Logs() {
		if key.Origin == said.Origin {
			if _, err := key.Open(signed); err == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("ledger %q is none of those that the policy trusts", said.Origin)
}
