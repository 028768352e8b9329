package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// answerLine is an opened answer as graders read it.
type answerLine struct {
	Key      json.RawMessage `json:"key,omitempty"`
	Item     uint64          `json:"item"`
	Sample   uint32          `json:"sample"`
	Grade    string          `json:"grade"` // in the result
	Response json.RawMessage `json:"response,omitempty"`
}

func (e *env) runChallengeCheck(c *cli.Context) error {
	name, err := oneArg(c, "the pack of an opening")
	if err != nil {
		return err
	}
	a, err := e.newAnswered(c, name)
	if err != nil {
		return err
	}
	keys, err := e.keysOf(c, a)
	if err != nil {
		return err
	}
	out := c.String("out")
	if out == "" {
		out = "answers.jsonl"
	}
	if err := newFile(out); err != nil {
		return err
	}
	if err := durable.Write(out, 0o600, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		for _, l := range a.leaves {
			if err := lines.Encode(answerLine{json.RawMessage(keys[l.Row.Item]), l.Row.Item, l.Row.Sample, l.Row.Grade, l.Fields[run.FieldResponse]}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "result    %s\nopened    %d leaves, those that round %d of %s drew, as the result commits to them\nsaved     %s\n",
		a.entry.Statement.ID, len(a.leaves), a.round.Number, a.beacon.Name, out)
	e.note(c, `Whose statements those are, "proctor verify %s" says.`, name)
	return nil
}

// keysOf are the keys of the opened items, where the owner's opening is given.
func (e *env) keysOf(c *cli.Context, a *answered) (map[uint64]testset.Key, error) {
	keys := map[uint64]testset.Key{}
	if !c.IsSet("items") {
		return keys, nil
	}
	set, err := registeredSet(a.pack, a.reg)
	if err != nil {
		return nil, err
	}
	wanted := map[uint64]bool{}
	for _, l := range a.leaves {
		wanted[l.Row.Item] = true
	}
	_, err = e.visitOpening(c, c.String("items"), set, []string{}, func(item testset.OpenedItem) error {
		if wanted[item.Index] {
			keys[item.Index] = item.Key
		}
		return nil
	})
	return keys, err
}
