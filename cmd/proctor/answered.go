package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

// answered is a plan with the opening that answers it.
type answered struct {
	*planned
	opening *attest.Entry
	leaves  []run.OpenedLeaf // the drawn ones, in the plan's order
}

// newAnswered reads the opening in a pack and holds it against the plan.
func (e *env) newAnswered(c *cli.Context, name string) (*answered, error) {
	p, err := e.newPlanned(c, name)
	if err != nil {
		return nil, err
	}
	a := &answered{planned: p}
	said := a.find()
	if said == nil {
		return nil, withHint(fmt.Errorf("%s holds no opening of the result's answers", name), `the evaluator makes one with "proctor open --challenge"`)
	}
	data, err := readAnswers(c, p.pack, said)
	if err == nil {
		err = a.scan(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// find looks for the evaluator's newest opening whose file is in the pack.
func (a *answered) find() (said *attest.OpenedAnswers) {
	for _, entry := range a.pack.Entries {
		o, ok := entry.Statement.Predicate.(*attest.Opening)
		if !ok || o.Answers == nil || o.Answers.Result != a.entry.Statement.ID || o.Issuer != a.result.Issuer {
			continue
		}
		file := o.Answers.Opening
		if o.Answers.Encrypted != nil {
			file = o.Answers.Encrypted.File
		}
		if a.pack.HasArtifact(file.SHA256) && (said == nil || o.Seq > a.opening.Statement.Head().Seq) {
			a.opening, said = entry, o.Answers
		}
	}
	return said
}

// readAnswers returns the plain file of an opening, decrypted where it has to be.
func readAnswers(c *cli.Context, pack *attest.Pack, p *attest.OpenedAnswers) ([]byte, error) {
	if p.Encrypted == nil {
		return pack.Artifact(p.Opening)
	}
	if !c.IsSet("identity") {
		return nil, withHint(errors.New("the answers are encrypted"), "--identity FILE decrypts what was opened to you")
	}
	identities, err := readIdentities(c.String("identity"))
	if err != nil {
		return nil, err
	}
	cipher, err := pack.Artifact(p.Encrypted.File)
	if err != nil {
		return nil, err
	}
	plain, err := age.Decrypt(bytes.NewReader(cipher), identities...)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(plain, min(int64(p.Opening.Size), maxLoggedOpening)+1))
	if err != nil {
		return nil, err
	}
	other := attest.NewPack()
	if got := other.AddArtifact(data, "", ""); got.SHA256 != p.Opening.SHA256 {
		return nil, errors.New("what was encrypted is another opening than the one that was signed")
	}
	return data, nil
}

// scan keeps the drawn leaves of an opening, all of which must be open.
func (a *answered) scan(data []byte) error {
	drawn := map[uint64]int{}
	for i, at := range a.plan.Open {
		drawn[at] = i
	}
	a.leaves = make([]run.OpenedLeaf, len(a.plan.Open))
	open := 0
	if _, err := run.ScanOpening(bytes.NewReader(data), a.tree(), func(l run.OpenedLeaf) error {
		if l.Index >= uint64(len(a.rows)) || l.Row != a.rows[l.Index] {
			return &run.MismatchError{Index: l.Index, Reason: "is another than in the result's rows"}
		}
		i, ok := drawn[l.Index]
		_, excluded := l.Row.Excluded()
		if ok && (l.Fields[run.FieldResponse] != nil || excluded && l.Row.Response.IsZero()) {
			a.leaves[i] = l
			open++
			delete(drawn, l.Index)
		}
		return nil
	}); err != nil {
		return err
	}
	if open != len(a.leaves) {
		return fmt.Errorf("%d of the %d drawn leaves are not opened", len(a.leaves)-open, len(a.leaves))
	}
	return nil
}
