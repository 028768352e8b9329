package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// planned is what a round draws of a result.
type planned struct {
	pack      *attest.Pack
	entry     *attest.Entry
	result    *attest.Result
	reg       *attest.Registration
	config    *run.Configuration
	rows      []run.Row
	policy    *verify.Policy
	beacon    *challenge.Beacon
	roundFile []byte
	round     challenge.Round
	plan      *challenge.Plan
}

// newPlanned draws of the result that an argument names, by the round in a file, in the
// result's pack, or that was fetched.
func (e *env) newPlanned(c *cli.Context, arg string) (*planned, error) {
	p := &planned{}
	var err error
	if p.policy, err = e.fetchPolicy(c); err != nil {
		return nil, err
	}
	if p.pack, p.entry, p.result, err = findAnywhere[*attest.Result](e, arg); err != nil {
		return nil, err
	}
	if p.reg, p.config, p.rows, err = rowsOf(p.pack, p.result); err != nil {
		return nil, err
	}
	terms := p.result.Challenge
	if terms == nil {
		return nil, withHint(fmt.Errorf("result %s submits to no challenge", p.entry.Statement.ID.Short()), `a challenge is announced with the result: "proctor result --challenge"`)
	}
	if err := p.readRound(e, c.String("beacon")); err != nil {
		return nil, err
	}
	p.plan, err = challenge.NewPlan(p.entry.Statement.ID, terms.Chain, p.round, p.rows, p.reg.Metric, terms.K)
	return p, err
}

func (p *planned) readRound(e *env, file string) (err error) {
	which := p.result.Challenge.Beacon()
	beacon := p.policy.Beacon(which.Chain)
	if data := p.pack.Beacons[which]; file == "" && data != nil && beacon != nil {
		p.beacon, p.roundFile = beacon, data
		p.round, err = checkRound(beacon, data, fmt.Sprint(which.Round))
		return err
	}
	p.beacon, p.roundFile, p.round, err = e.decidingFile(p.policy, which, file)
	return err
}

func (p *planned) tree() run.Tree {
	return run.Tree{RunID: p.result.RunID, Size: p.result.Leaves, Root: p.result.Root}
}

// worth says what grading all drawn leaves alike shows.
func (p *planned) worth() (string, error) {
	s := stratum(p.plan, challenge.Credited)
	return worthInWords(p.reg.Metric, p.config, p.result.Excluded, p.result.Leaves, s.Leaves, uint64(len(s.Drawn)))
}

// steered says why nobody could choose what was drawn, or why somebody could have.
func (p *planned) steered(e *env) (string, error) {
	check, err := checkToken(p.policy)
	if err != nil {
		return "", err
	}
	due := p.round.Time.Format(time.RFC3339)
	by := p.policy.LoggedBy(p.entry, verify.Options{At: e.now(), CheckToken: check})
	switch {
	case by.IsZero():
		return "not shown: nobody whom your policy believes dates the result", nil
	case p.round.Time.Before(by.Add(p.policy.Margin)):
		return fmt.Sprintf("not shown: the result was logged by %s, and the round was due at %s, less than %s later", by.UTC().Format(time.RFC3339), due, p.policy.Margin), nil
	case p.round.Time.After(by.Add(maxRoundAhead)):
		return fmt.Sprintf("not shown: the result was logged by %s, and the round was due at %s, more than 7 days later", by.UTC().Format(time.RFC3339), due), nil
	}
	return fmt.Sprintf("nobody: the result was logged by %s, and the round was due at %s", by.UTC().Format(time.RFC3339), due), nil
}

// plannedDocument is a plan as --json prints it.
type plannedDocument struct {
	Result    attest.Hash      `json:"result"`
	Chain     attest.Hash      `json:"chain"`
	Round     uint64           `json:"round"`
	Challenge attest.Hash      `json:"challenge"`
	AnswerBy  string           `json:"answerBy"`
	Worth     string           `json:"worth"`
	Strata    []plannedStratum `json:"strata"`
	Leaves    []plannedLeaf    `json:"leaves"` // to be opened, in tree order
}

type plannedStratum struct {
	Name   string `json:"name"`
	Leaves uint64 `json:"leaves"`
	Drawn  int    `json:"drawn"`
}

type plannedLeaf struct {
	Index   uint64 `json:"index"` // in the result's tree
	Item    uint64 `json:"item"`
	Sample  uint32 `json:"sample"`
	Stratum string `json:"stratum,omitempty"` // absent: opened for another sample of its item
}

func (p *planned) document(worth string) plannedDocument {
	d := plannedDocument{
		Result: p.entry.Statement.ID, Chain: p.beacon.Chain, Round: p.round.Number, Challenge: p.plan.Challenge,
		AnswerBy: p.result.Challenge.AnswerBy, Worth: worth, Leaves: []plannedLeaf{},
	}
	drawn := map[uint64]string{}
	for _, s := range p.plan.Strata {
		d.Strata = append(d.Strata, plannedStratum{s.Name, s.Leaves, len(s.Drawn)})
		for _, at := range s.Drawn {
			drawn[at] = s.Name
		}
	}
	for _, at := range p.plan.Open {
		d.Leaves = append(d.Leaves, plannedLeaf{at, p.rows[at].Item, p.rows[at].Sample, drawn[at]})
	}
	return d
}
