package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// scan collects the issuer's own statements. What others put into a ledger in its name
// counts for nothing.
func (k *confirmation) scan(ctx context.Context, c *copyOf) error {
	keys := []*attest.PublicKey{}
	key, err := k.issuerKey()
	if err != nil {
		return err
	}
	keys = append(keys, key)
	if issuer := k.policy.Issuer(k.config.Issuer); issuer != nil {
		for _, other := range issuer.Keys {
			keys = append(keys, other.Key)
		}
	}
	return ledger.ScanVerified(ctx, c, c.cp, 0, func(index uint64, data []byte) error {
		entry, err := attest.ParseEntry(bytes.Clone(data))
		if err != nil || entry.Statement.Head().Issuer != k.config.Issuer || !slices.ContainsFunc(keys, entry.Bundle.SignedBy) {
			return nil
		}
		seq := entry.Statement.Head().Seq
		if other := k.found[seq]; other != nil {
			return k.equivocation(seq, other.Entry, entry)
		}
		k.found[seq] = &logEntry{entry, index, c}
		return nil
	})
}

// equivocation reports two statements with one number.
func (k *confirmation) equivocation(seq uint64, a, b *attest.Entry) error {
	if a.Statement.ID == b.Statement.ID {
		return nil
	}
	fmt.Fprintf(k.env.stdout, "issuer    %s\nequivocation in statement %d\n          %s %s\n          %s %s\n",
		k.config.Issuer, seq, a.Statement.ID, a.Statement.Kind(), b.Statement.ID, b.Statement.Kind())
	fmt.Fprintf(k.env.stderr, "proctor: two statements were signed with number %d: whoever has both can show it\nhint: the home signs nothing more\n", seq)
	return &verdictError{exitContradicted}
}

// reconcile decides what is taken into the chain.
func (k *confirmation) reconcile(ctx context.Context) error {
	for _, kept := range slices.Concat(k.chain, k.pending) {
		seq := kept.Statement.Head().Seq
		if f := k.found[seq]; f != nil {
			if err := k.equivocation(seq, kept, f.Entry); err != nil {
				return err
			}
		}
	}
	next := uint64(len(k.chain))
	for ; k.found[next] != nil; next++ {
		if err := k.take(ctx, k.found[next]); err != nil {
			return err
		}
	}
	for seq := range k.found {
		if seq > next {
			return withHint(fmt.Errorf("statement %d is in a ledger, and statement %d is in none of those that were read", seq, next),
				"give a copy that has it: --ledger DIR")
		}
	}
	k.pending = slices.DeleteFunc(k.pending, func(e *attest.Entry) bool { return e.Statement.Head().Seq < next })
	for i, e := range k.pending {
		if head := e.Statement.Head(); head.Seq != next+uint64(i) || head.Prev != k.newest(i) {
			return fmt.Errorf("%s: statement %d does not follow the statements before it", k.path(pendingDir), head.Seq)
		}
	}
	return nil
}

// newest is the id of the statement that the i-th of the pending ones follows.
func (k *confirmation) newest(i int) attest.Hash {
	all := slices.Concat(k.chain, k.taken, k.again, k.pending[:i])
	if len(all) == 0 {
		return attest.Hash{}
	}
	return all[len(all)-1].Statement.ID
}

func (k *confirmation) take(ctx context.Context, f *logEntry) error {
	if prev := k.newest(0); f.Statement.Head().Prev != prev {
		return fmt.Errorf("%s: statement %d, %s, does not follow %s", f.in.dir, f.Statement.Head().Seq, f.Statement.ID, prev)
	}
	hashes, err := ledger.ProveInclusion(ctx, f.in, f.in.cp.Size, f.index)
	if err != nil {
		return err
	}
	f.Proof = ledger.FormatProof(ledger.Proof{Index: f.index, Hashes: hashes, Checkpoint: f.in.cp.Signed})
	_, err = k.policy.Ledger.Verify(f.Bytes, f.Proof, k.now().Add(k.policy.Skew))
	if err != nil || len(k.again) > 0 {
		f.Proof = nil
		k.again = append(k.again, f.Entry)
		return nil
	}
	k.taken = append(k.taken, f.Entry)
	return nil
}
