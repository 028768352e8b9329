package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/verify"
)

// largePack is the size of file from which on a pack is judged alone: several at a time
// would need the memory of all.
const largePack = 8 << 20

// packJudge judges pack files under one policy.
type packJudge struct {
	verifier *verify.Verifier
	policy   *verify.Policy
	opts     verify.Options
	ledgers  []string // directories to scan for what a pack leaves out

	inventories []string // packs of monitors that tell of it

	alone sync.RWMutex
}

// judgedPack is what became of one.
type judgedPack struct {
	name    string
	verdict *verify.Verdict
	scans   []verify.Scan
	err     error
}

// all judges packs on all cores, and yields them in their order. It stops early where
// the context ends.
func (j *packJudge) all(ctx context.Context, names []string) iter.Seq[judgedPack] {
	begun := make(chan chan judgedPack, runtime.GOMAXPROCS(0)-1)
	go func() {
		defer close(begun)
		for _, name := range names {
			one := make(chan judgedPack, 1)
			select {
			case begun <- one:
			case <-ctx.Done():
				return
			}
			go func() { one <- j.one(ctx, name) }()
		}
	}()
	return func(yield func(judgedPack) bool) {
		for one := range begun {
			if !yield(<-one) {
				return
			}
		}
	}
}

func (j *packJudge) one(ctx context.Context, name string) judgedPack {
	if info, err := os.Stat(name); err == nil && (info.IsDir() || info.Size() >= largePack) {
		j.alone.Lock()
		defer j.alone.Unlock()
	} else {
		j.alone.RLock()
		defer j.alone.RUnlock()
	}
	out := judgedPack{name: name}
	out.verdict, out.scans, out.err = j.judge(ctx, name)
	return out
}

func (j *packJudge) judge(ctx context.Context, name string) (*verify.Verdict, []verify.Scan, error) {
	pack, done, err := openPackBy(j.verifier.Reader(), name)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	for _, name := range j.inventories {
		done, err := j.tell(pack, name)
		if err != nil {
			return nil, nil, err
		}
		defer done()
	}
	opts := j.opts
	if opts.Scans, err = j.scanInto(ctx, pack); err != nil {
		return nil, nil, err
	}
	v, err := j.verifier.Pack(ctx, pack, opts)
	if err != nil {
		return nil, opts.Scans, fmt.Errorf("%s: %w", name, err)
	}
	return v, opts.Scans, nil
}

// tell adds to a pack what a monitor's holds: inventories, and the evidence that comes
// with them. What that publishes is not judged beside it.
func (j *packJudge) tell(pack *attest.Pack, name string) (done func(), err error) {
	other, done, err := openPackBy(j.verifier.Reader(), name)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(other.Entries, func(id attest.Hash, e *attest.Entry) bool {
		switch e.Statement.Predicate.(type) {
		case *attest.Claim, *attest.Release:
			return pack.Entries[id] == nil
		}
		return false
	})
	verify.MergeInto(pack, other, j.policy, j.opts.At)
	return done, nil
}

// scanInto adds to a pack what the ledgers hold and it leaves out.
func (j *packJudge) scanInto(ctx context.Context, pack *attest.Pack) ([]verify.Scan, error) {
	if len(j.ledgers) == 0 {
		return nil, nil
	}
	var readers []ledger.Reader
	for _, dir := range j.ledgers {
		readers = append(readers, ledger.Dir(dir))
	}
	scans, err := verify.ScanInto(ctx, pack, j.policy, j.opts.At, readers...)
	if err != nil {
		return nil, fmt.Errorf("scanning %s: %w", strings.Join(j.ledgers, ", "), err)
	}
	return scans, nil
}
