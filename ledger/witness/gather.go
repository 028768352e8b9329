package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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

// grace is how long Gather waits for others once it has enough: those who are as near
// as the ones that answered.
const grace = 100 * time.Millisecond

// ErrNotAwaited says of a cosigner that others were enough before it answered. What it
// cosigned it will cosign again.
var ErrNotAwaited = errors.New("it had not answered when the others were enough")

// Gather asks all cosigners at once to cosign a checkpoint of the ledger that r
// reads, and returns it with every valid cosignature that they gave, in the order of
// the cosigners. There is one *FailedError for each cosigner that gave none.
//
// Enough is asked about the checkpoint with what came so far; once it holds, Gather
// takes what else comes in a moment and goes, so that a witness that is down or slow
// delays nothing. A nil enough waits for all.
//
// A cosigner whose cosignature is on the checkpoint already is not asked, so
// that gathering can go on later where it stopped.
func Gather(ctx context.Context, r ledger.Reader, checkpoint []byte, cosigners []Cosigner, enough func(signed []byte) bool) ([]byte, []error) {
	c, err := ledger.ParseCheckpoint(checkpoint)
	if err != nil {
		return checkpoint, []error{err}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		from int
		line []byte
		err  error
	}
	answers := make(chan answer, len(cosigners)) // so that who is not awaited ends
	for i, cosigner := range cosigners {
		go func() {
			line, err := ask(ctx, r, c, cosigner)
			answers <- answer{i, line, err}
		}()
	}
	lines := make([][]byte, len(cosigners))
	failed := slices.Repeat([]error{ErrNotAwaited}, len(cosigners))
	signed := func() []byte { return slices.Concat(checkpoint, slices.Concat(lines...)) }
	var over <-chan time.Time
	for range cosigners {
		if over == nil && enough != nil && enough(signed()) {
			over = time.After(grace)
		}
		select {
		case a := <-answers:
			lines[a.from], failed[a.from] = a.line, a.err
			continue
		case <-over:
		}
		break
	}
	var errs []error
	for i, err := range failed {
		if err != nil {
			errs = append(errs, &FailedError{cosigners[i].Name(), err})
		}
	}
	return signed(), errs
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

// request begins with the size that the cosigner is known to have, 0 where nothing is,
// and goes on once from the size that it then reports.
func request(ctx context.Context, r ledger.Reader, c ledger.Checkpoint, cosigner Cosigner) ([]byte, error) {
	var old uint64
	if known, ok := cosigner.(interface{ LastSize(origin string) uint64 }); ok {
		old = known.LastSize(c.Origin)
	}
	if old > c.Size {
		old = 0 // it was told so by a cosigner, which may say otherwise now
	}
	proof, err := ledger.ProveConsistency(ctx, r, old, c.Size)
	if err != nil {
		return nil, err
	}
	answer, err := cosigner.AddCheckpoint(ctx, old, proof, c.Signed)
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		return answer, err
	}
	if conflict.Size > c.Size {
		return nil, fmt.Errorf("it has cosigned size %d, above %d: the ledger went back, or another checkpoint was faster", conflict.Size, c.Size)
	}
	if proof, err = ledger.ProveConsistency(ctx, r, conflict.Size, c.Size); err != nil {
		return nil, err
	}
	return cosigner.AddCheckpoint(ctx, conflict.Size, proof, c.Signed)
}
