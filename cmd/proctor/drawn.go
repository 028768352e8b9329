package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// drawn is what a round decides about a run.
type drawn struct {
	run      attest.Hash
	reg      *attest.Registration
	set      *attest.Testset
	beacon   *challenge.Beacon
	round    challenge.Round
	draw     attest.Hash
	pool     int      // active items
	items    []uint64 // that are run, ascending
	examples []uint64
	keys     map[uint64]testset.Key // of the items; nil without an opening
}

// newDrawn draws for a run, from a file or from the round that was fetched.
func (e *env) newDrawn(policy *verify.Policy, pack *attest.Pack, runID attest.Hash, reg *attest.Registration, file string) (*drawn, error) {
	if reg.Draw == nil {
		return nil, withHint(fmt.Errorf("run %s leaves nothing to a beacon", runID.Short()), "a draw is announced with the run: \"proctor register --draw\"")
	}
	if reg.Draw.Kind == attest.DrawGenerated {
		return nil, errors.New("generated items cannot be drawn by this version")
	}
	d := &drawn{run: runID, reg: reg}
	var err error
	if d.beacon, d.round, err = e.decidingRound(policy, reg.Draw.Beacon(), file); err != nil {
		return nil, err
	}
	d.draw = challenge.Draw(runID, reg.Draw.Chain, d.round)
	set, err := registeredSet(pack, reg)
	if err != nil {
		return nil, err
	}
	active, err := pack.Artifact(set.Bitmap)
	if err != nil {
		return nil, err
	}
	for i := range set.Version.Size {
		if testset.IsActive(active, i) {
			d.items = append(d.items, i)
		}
	}
	d.pool = len(d.items)
	if err := d.choose(pack); err != nil {
		return nil, err
	}
	if f := reg.Draw.FewShot; f != nil {
		d.examples = challenge.Examples(d.draw, *f)
	}
	return d, nil
}

// choose leaves of the active items those that are run.
func (d *drawn) choose(pack *attest.Pack) error {
	if d.reg.Draw.Kind == attest.DrawSubset {
		d.items = challenge.Subset(d.draw, d.items, d.reg.Draw.Items)
		return nil
	}
	if d.reg.Items == nil {
		return nil
	}
	listed, err := pack.Artifact(d.reg.Items.Bitmap)
	if err != nil {
		return err
	}
	kept := d.items[:0]
	for _, i := range d.items {
		if testset.IsActive(listed, i) {
			kept = append(kept, i)
		}
	}
	d.items = kept
	return nil
}

// decidingRound reads and checks a round that decides something, from a file or as it was
// fetched.
func (e *env) decidingRound(policy *verify.Policy, which attest.Round, file string) (*challenge.Beacon, challenge.Round, error) {
	beacon, _, round, err := e.decidingFile(policy, which, file)
	return beacon, round, err
}

func (e *env) decidingFile(policy *verify.Policy, which attest.Round, file string) (*challenge.Beacon, []byte, challenge.Round, error) {
	beacon := policy.Beacon(which.Chain)
	if beacon == nil {
		return nil, nil, challenge.Round{}, withHint(fmt.Errorf("your policy trusts no beacon with chain %s", which.Chain), `"proctor policy add FILE" takes drand's /info of a chain`)
	}
	name := file
	if name == "" {
		name = filepath.Join(homeDir(), beaconsDir, roundName(which))
	}
	data, err := readLimited(name, challenge.MaxRoundSize)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		return nil, nil, challenge.Round{}, e.roundNotThere(beacon, which.Round)
	}
	if err != nil {
		return nil, nil, challenge.Round{}, err
	}
	round, err := checkRound(beacon, data, fmt.Sprint(which.Round))
	if err != nil {
		return nil, nil, challenge.Round{}, fmt.Errorf("%s: %w", name, err)
	}
	return beacon, data, round, nil
}

func (e *env) roundNotThere(b *challenge.Beacon, number uint64) error {
	if err := e.roundIsDue(b, fmt.Sprint(number)); err != nil {
		return err
	}
	return withHint(fmt.Errorf("round %d of %s, which decides, was not fetched", number, b.Name),
		fmt.Sprintf("\"proctor fetch %s/%d\" saves it", b.Name, number))
}

// readDrawnKeys reads the keys of the drawn items out of the owner's opening.
func (e *env) readDrawnKeys(c *cli.Context, d *drawn, name string) error {
	wanted := map[uint64]bool{}
	for _, i := range d.items {
		wanted[i] = true
	}
	keys := map[uint64]testset.Key{}
	if _, err := e.visitOpening(c, name, d.set, []string{}, func(item testset.OpenedItem) error {
		if wanted[item.Index] {
			keys[item.Index] = item.Key
		}
		return nil
	}); err != nil {
		return err
	}
	if len(keys) != len(d.items) {
		return withHint(fmt.Errorf("%s opens %d of the %d drawn items", name, len(keys), len(d.items)), `the owner makes a whole one with "proctor open --all --private"`)
	}
	d.keys = keys
	return nil
}

func (d *drawn) itemsLine() string {
	if d.reg.Draw.Kind == attest.DrawSubset {
		return fmt.Sprintf("%d of %d, drawn", len(d.items), d.pool)
	}
	return fmt.Sprintf("%d, as registered", len(d.items))
}
