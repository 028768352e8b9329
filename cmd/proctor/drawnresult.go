package main

import (
	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
)

// chosenItems is the bitmap of the items that a run is of, where those are not all active
// ones: nil, the registered list, or what was drawn.
func (e *env) chosenItems(c *cli.Context, pack *attest.Pack, runID attest.Hash, reg *attest.Registration) ([]byte, error) {
	if reg.Items != nil {
		return pack.Artifact(reg.Items.Bitmap)
	}
	if reg.Draw == nil || reg.Draw.Kind != attest.DrawSubset {
		return nil, nil
	}
	policy, err := e.fetchPolicy(c)
	if err != nil {
		return nil, err
	}
	d, err := e.newDrawn(policy, pack, runID, reg, c.String("beacon"))
	if err != nil {
		return nil, err
	}
	bitmap := make([]byte, (reg.Testset.Size+7)/8)
	for _, i := range d.items {
		bitmap[i/8] |= 0x80 >> (i % 8)
	}
	return bitmap, nil
}

// followedRound is the beacon round that a result carries: the one that its run was drawn
// by, or else any that came after its registration.
func (e *env) followedRound(c *cli.Context, h *home, policy *verify.Policy, reg *attest.Registration) (*attest.Round, error) {
	if reg.Draw == nil {
		return h.laterRound(c.String("beacon"), policy)
	}
	if _, _, err := e.decidingRound(policy, reg.Draw.Beacon(), c.String("beacon")); err != nil {
		return nil, err
	}
	round := reg.Draw.Beacon()
	if name := c.String("beacon"); name != "" {
		data, err := readLimited(name, maxRound)
		if err != nil {
			return nil, err
		}
		return &round, durable.WriteFile(h.path(beaconsDir, roundName(round)), data, 0o644)
	}
	return &round, nil
}
