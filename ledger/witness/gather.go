package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/proctor-attest/proctor/ledger"
)

// maxAnswer bounds what a cosigner may answer: a few lines of ML-DSA-44.
const maxAnswer = 32 << 10

// A Cosigner is a witness to ask, in this process or behind HTTP. AddCheckpoint
// is that of Witness, with its errors; of these Gather needs *ConflictError.
type Cosigner interface {
	Name() string
	VKey() string
	AddCheckpoint(ctx context.Context, old uint64, proof [][32]byte, checkpoint []byte) ([]byte, error)
}

// Gather asks all cosigners at once to cosign a checkpoint of the ledger that r
// reads, and returns it with every valid cosignature that they gave. There is
// one error for each cosigner that gave none; whether the others are enough is
// for a policy to say.
//
// A cosigner whose cosignature is on the checkpoint already is not asked, so
// that gathering can go on later where it stopped.
func Gather(ctx context.Context, r ledger.Reader, checkpoint []byte, cosigners []Cosigner) ([]byte, []error) {
	c, err := ledger.ParseCheckpoint(checkpoint)
	if err != nil {
		return checkpoint, []error{err}
	}
	lines := make([][]byte, len(cosigners))
	failed := make([]error, len(cosigners))
	var wg sync.WaitGroup
	for i, cosigner := range cosigners {
		wg.Go(func() { lines[i], failed[i] = ask(ctx, r, c, cosigner) })
	}
	wg.Wait()
	var errs []error
	for i, err := range failed {
		if err != nil {
			errs = append(errs, fmt.Errorf("witness %s: %w", cosigners[i].Name(), err))
		}
	}
	return slices.Concat(checkpoint, slices.Concat(lines...)), errs
}

// ask returns the signature line of one cosigner, or nothing if c has it.
func ask(ctx context.Context, r ledger.Reader, c ledger.Checkpoint, cosigner Cosigner) ([]byte, error) {
	key, err := ledger.ParseWitnessKey(cosigner.VKey())
	if err != nil {
		return nil, err
	}
	if _, err := key.Cosigned(c.Signed); err == nil {
		return nil, nil
	}
	answer, err := request(ctx, r, c, cosigner)
	if err != nil {
		return nil, err
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("answered %d bytes, want at most %d", len(answer), maxAnswer)
	}
	// "The client MUST ignore any cosignatures from unknown keys." A false line
	// under the name of another witness would spoil the note for everyone.
	for line := range bytes.Lines(answer) {
		if _, err := key.Cosigned(slices.Concat(textOf(c.Signed), []byte("\n"), line)); err == nil {
			return bytes.Clone(line), nil
		}
	}
	return nil, errors.New("answered without a valid cosignature of its key")
}

// request begins with old size 0, as a client does that remembers nothing, and
// goes on once from the size that the cosigner then reports.
func request(ctx context.Context, r ledger.Reader, c ledger.Checkpoint, cosigner Cosigner) ([]byte, error) {
	answer, err := cosigner.AddCheckpoint(ctx, 0, nil, c.Signed)
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		return answer, err
	}
	if conflict.Size > c.Size {
		return nil, fmt.Errorf("it has cosigned size %d, above %d: the ledger went back, or another checkpoint was faster", conflict.Size, c.Size)
	}
	proof, err := ledger.ProveConsistency(ctx, r, conflict.Size, c.Size)
	if err != nil {
		return nil, err
	}
	return cosigner.AddCheckpoint(ctx, conflict.Size, proof, c.Signed)
}
