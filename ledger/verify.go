package ledger

import (
	"fmt"
	"sort"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// A Cosignature is one witness's word that it saw a tree by some time.
type Cosignature struct {
	Witness string // the policy's name
	Time    time.Time
}

// Verified is what a policy accepted.
type Verified struct {
	Origin string
	Index  uint64 // of the entry; 0 from VerifyCheckpoint
	Size   uint64
	Root   [32]byte

	// Cosignatures has one for each witness of the policy that cosigned, its
	// earliest, sorted by time and then in the order of the policy.
	Cosignatures []Cosignature

	// NotAfter is the smallest T at which the cosignatures dated no later than
	// T meet the quorum. It is zero if the quorum is "none": that is no time.
	NotAfter time.Time

	Text   []byte // the checkpoint's text; an ML-DSA-44 signature binds its first three lines alone
	Signed []byte // the whole signed checkpoint
}

// Verify checks that proof proves entry to be in one of the policy's logs, in a
// tree that a quorum has cosigned. Cosignatures dated zero or after at are
// dropped first. If only the quorum is missing the error is a *QuorumError.
//
// The slices in Verified are those of proof.
func (p *Policy) Verify(entry, proof []byte, at time.Time) (*Verified, error) {
	if len(entry) > MaxEntry {
		return nil, fmt.Errorf("entry of %d bytes, want at most %d", len(entry), MaxEntry)
	}
	pf, err := ParseProof(proof)
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	n, c, err := p.open(pf.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	if err := checkInclusion(c, pf.Index, entry, pf.Hashes); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	return p.judge(n, c, pf.Index, at)
}

// VerifyCheckpoint is Verify for a signed checkpoint alone.
func (p *Policy) VerifyCheckpoint(signed []byte, at time.Time) (*Verified, error) {
	n, c, err := p.open(signed)
	if err != nil {
		return nil, err
	}
	return p.judge(n, c, 0, at)
}

// open finds a log of the policy that signed the checkpoint and has its origin.
// A policy may list two keys of one log; either is enough.
func (p *Policy) open(signed []byte) (signedNote, Checkpoint, error) {
	n, err := parseNote(signed)
	if err != nil {
		return signedNote{}, Checkpoint{}, err
	}
	c, err := n.checkpoint()
	if err != nil {
		return signedNote{}, Checkpoint{}, err
	}
	// Check that some part of the policy looked at the origin: witnesses cosign
	// for any log that they watch.
	known, signedBy := false, 0
	for _, l := range p.logs {
		if l.Origin != c.Origin {
			continue
		}
		known = true
		sigs, err := n.signedBy(l.key)
		if err != nil {
			return signedNote{}, Checkpoint{}, err
		}
		signedBy += len(sigs)
	}
	if !known {
		return signedNote{}, Checkpoint{}, fmt.Errorf("the policy has no log %q", c.Origin)
	}
	if signedBy == 0 {
		return signedNote{}, Checkpoint{}, fmt.Errorf("checkpoint not signed by the policy's key of %q", c.Origin)
	}
	return n, c, nil
}

// judge verifies the cosignatures and asks the quorum.
func (p *Policy) judge(n signedNote, c Checkpoint, index uint64, at time.Time) (*Verified, error) {
	v := &Verified{Origin: c.Origin, Index: index, Size: c.Size, Root: c.Root, Text: n.text, Signed: n.signed}
	times := map[string]time.Time{}
	for _, w := range p.witnesses {
		sigs, err := n.signedBy(w.key)
		if err != nil {
			return nil, err
		}
		if t, ok := earliest(sigs, at.Unix()); ok {
			times[w.Name] = t
			v.Cosignatures = append(v.Cosignatures, Cosignature{w.Name, t})
		}
	}
	if p.quorum != nil {
		t, ok := p.quorum.metAt(times)
		if !ok {
			return nil, &QuorumError{Origin: c.Origin, Size: c.Size, Got: names(v.Cosignatures), Want: p.quorum.String()}
		}
		v.NotAfter = t
	}
	// By package sort: slices makes kilobytes of code of each type, which a browser loads.
	sort.SliceStable(v.Cosignatures, func(i, j int) bool { return v.Cosignatures[i].Time.Before(v.Cosignatures[j].Time) })
	return v, nil
}

func names(cosignatures []Cosignature) []string {
	var list []string
	for _, c := range cosignatures {
		list = append(list, c.Witness)
	}
	return list
}

// NotAfterWith returns the smallest T at which the quorum is met and a witness
// for which counts holds has cosigned. It is false if there is no such T, which
// is always so when the quorum is "none".
//
// This is how a bound is told that rests on somebody independent from one that
// a party gave to itself.
func (v *Verified) NotAfterWith(counts func(witness string) bool) (time.Time, bool) {
	if v.NotAfter.IsZero() {
		return time.Time{}, false
	}
	for _, c := range v.Cosignatures { // in the order of time
		if counts(c.Witness) {
			return later(v.NotAfter, c.Time), true
		}
	}
	return time.Time{}, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// checkInclusion checks that the tree has entry at index.
func checkInclusion(c Checkpoint, index uint64, entry []byte, hashes [][32]byte) error {
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	return CheckInclusion(c, index, [32]byte(leaf), hashes)
}

// CheckInclusion checks that the tree of c has the leaf hash at index.
func CheckInclusion(c Checkpoint, index uint64, leaf [32]byte, hashes [][32]byte) error {
	if index >= c.Size {
		return fmt.Errorf("index %d is outside a tree of %d", index, c.Size)
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, c.Size, leaf[:], slicesOf(hashes), c.Root[:]); err != nil {
		return fmt.Errorf("the entry is not at index %d of checkpoint %d: %w", index, c.Size, err)
	}
	return nil
}

func slicesOf(hashes [][32]byte) [][]byte {
	s := make([][]byte, len(hashes))
	for i := range hashes {
		s[i] = hashes[i][:]
	}
	return s
}
