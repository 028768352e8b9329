package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

// answerChallenge logs what opens the leaves of a result that a beacon drew.
func (e *env) answerChallenge(c *cli.Context, arg string) error {
	for _, flag := range []string{"private", "public", "all", "items", "fields"} {
		if c.IsSet(flag) {
			return usagef("--challenge opens what was drawn, to everybody or with --to: --%s does not go with it", flag)
		}
	}
	holders, recipients, err := parseHolders(c.StringSlice("to"))
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	p, err := e.newPlanned(c, arg)
	if err != nil {
		return err
	}
	if issuer := p.result.Head().Issuer; issuer != h.config.Issuer {
		return fmt.Errorf("the result is %s's, and you are %s: who reported it answers", issuer, h.config.Issuer)
	}
	plain := &limitedBuffer{limit: maxLoggedOpening}
	if err := p.open(h.path(runSecretsDir, p.result.RunID.String()), plain); err != nil {
		return err
	}
	const name = "answers.opening.jsonl"
	answers := &attest.OpenedAnswers{
		Result: p.entry.Statement.ID, RunID: p.result.RunID, Leaves: p.result.Leaves, Root: p.result.Root, Opened: uint64(len(p.plan.Open)),
		Opening: p.pack.AddArtifact(plain.Bytes(), run.OpeningMediaType, name),
	}
	if len(holders) > 0 {
		p.pack.RemoveArtifact(answers.Opening.SHA256)
		cipher, err := encrypt(plain.Bytes(), recipients)
		if err != nil {
			return err
		}
		answers.Encrypted = &attest.Encrypted{File: p.pack.AddArtifact(cipher, "application/age", name+".age"), Holders: holders}
	}
	p.pack.Beacons[p.result.Challenge.Beacon()] = p.roundFile
	opening := &attest.Opening{Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: p.entry.Statement.ID}}}, Answers: answers}
	logged, out, err := e.logNew(c, h, opening, p.pack, p.reg.ModelName+"."+p.reg.TestsetName)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "opened    %d of %d leaves, drawn by round %d of %s\n", answers.Opened, answers.Leaves, p.round.Number, p.beacon.Name)
	for _, holder := range holders {
		fmt.Fprintf(e.stdout, "holder    %s\n", holder.Holder)
	}
	fmt.Fprintf(e.stdout, "answer by %s\nstatement %s\npack      %s\n", p.result.Challenge.AnswerBy, logged.Statement.ID, out)
	e.note(c, "public from now on: %s.", becomesPublic(opening))
	return nil
}

// open writes what opens the planned leaves, from what is kept of the run.
func (p *planned) open(dir string, w io.Writer) error {
	secret, err := readRunSecret(dir)
	if err != nil {
		return err
	}
	skeleton, err := readItemLeaves(filepath.Join(dir, itemLeavesFile), p.reg.Testset.Size)
	if err != nil {
		return err
	}
	hashes := make([]attest.Hash, len(p.rows))
	for i := range p.rows {
		if p.rows[i].Item >= uint64(len(skeleton)) {
			return fmt.Errorf("row %d: item %d is outside a test set of %d", i, p.rows[i].Item, len(skeleton))
		}
		hashes[i] = p.rows[i].Leaf(p.result.RunID, skeleton[p.rows[i].Item])
	}
	tree := attest.NewTree(hashes)
	if tree.Root() != p.result.Root {
		return fmt.Errorf("%s: what is kept of the items does not give the result's root", dir)
	}
	leaves := make([]run.OpenedLeaf, len(p.plan.Open))
	for i, at := range p.plan.Open {
		leaves[i] = run.OpenedLeaf{Index: at, Row: p.rows[at], ItemLeaf: skeleton[p.rows[at].Item], Fields: map[string][]byte{}}
	}
	if err := fillFields(filepath.Join(dir, responsesFile), leaves); err != nil {
		return err
	}
	return secret.Open(w, p.tree(), tree, leaves)
}

func readRunSecret(dir string) (run.Secret, error) {
	data, err := readLimited(filepath.Join(dir, secretFile), 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return run.Secret{}, errors.New("what opens the run's answers is not in this home: only who sealed them can open them")
	}
	if err != nil {
		return run.Secret{}, err
	}
	secret, err := attest.ParseHash(strings.TrimSuffix(string(data), "\n"))
	return run.Secret(secret), err
}

func readItemLeaves(name string, size uint64) ([]attest.Hash, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || uint64(info.Size()) != size*uint64(len(attest.Hash{})) {
		return nil, errors.Join(err, fmt.Errorf("%s: is not of a test set of %d items", name, size))
	}
	list := make([]attest.Hash, size)
	buf := bufio.NewReader(f)
	for i := range list {
		if _, err := io.ReadFull(buf, list[i][:]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return list, nil
}

// keptLine is a line of a run's responses.
type keptLine struct {
	Item     uint64          `json:"item"`
	Sample   uint32          `json:"sample"`
	Response json.RawMessage `json:"response"`
	Trace    json.RawMessage `json:"trace"`
}

// fillFields finds the bytes that leaves commit to among all responses of the run, which
// may be more than memory holds.
func fillFields(name string, leaves []run.OpenedLeaf) error {
	type place struct {
		item   uint64
		sample uint32
	}
	wanted := map[place]*run.OpenedLeaf{}
	for i := range leaves {
		if r := leaves[i].Row; !r.Response.IsZero() || !r.Trace.IsZero() {
			wanted[place{r.Item, r.Sample}] = &leaves[i]
		}
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for len(wanted) > 0 {
		var line keptLine
		if err := lines.Decode(&line); err == io.EOF {
			return fmt.Errorf("%s: %d of the drawn answers are not there", name, len(wanted))
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		at := place{line.Item, line.Sample}
		leaf := wanted[at]
		if leaf == nil {
			continue
		}
		delete(wanted, at)
		if !leaf.Row.Response.IsZero() {
			leaf.Fields[run.FieldResponse] = line.Response
		}
		if !leaf.Row.Trace.IsZero() {
			leaf.Fields[run.FieldTrace] = line.Trace
		}
	}
	return nil
}
