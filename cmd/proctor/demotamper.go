package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/signing"
)

// tampering is one way to make the score look better than it is.
type tampering struct {
	what  string
	check string // the check that catches it; none where the pack cannot even be read
	apply func(*forger) error
	model string // directory to verify against, if another than the released one
	exit  int
}

func (d *demo) tamper() error {
	d.say("\n10. Six tamperings, and what catches each. Where a party lies, it signs with its own key.")
	list := []tampering{
		{what: "the lab publishes 97.5 % for the same result", check: "score/recomputed", exit: exitContradicted, apply: func(f *forger) error {
			return f.resign("lab", f.release, func(p attest.Predicate) { p.(*attest.Release).Scores[0].Score = "97.5" })
		}},
		{what: "somebody corrects a wrong answer's grade inside the pack", exit: exitFailed, apply: (*forger).changeGrade},
		{what: "the evaluator leaves out the six items that the model got wrong", check: "result/items", exit: exitContradicted, apply: (*forger).dropWrong},
		{what: "one bit of the published weights differs from those that were run", check: "model/recomputed", exit: exitContradicted, model: "flipped", apply: (*forger).flipBit},
		{what: "a stranger signs the release in the lab's name", check: "identity/signed", exit: exitGaps, apply: func(f *forger) error {
			return f.resign("", f.release, func(attest.Predicate) {})
		}},
		{what: "the witness's cosignatures are cut off: only the parties vouch for the dates", check: "order/logged", exit: exitGaps, apply: (*forger).dropCosignatures},
	}
	for i, t := range list {
		if err := d.tamperOnce(i+1, t); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) tamperOnce(n int, t tampering) error {
	f, err := d.newForger()
	if err != nil {
		return err
	}
	if err := t.apply(f); err != nil {
		return fmt.Errorf("demo: %s: %w", t.what, err)
	}
	name := fmt.Sprintf("tampered-%d.proctor", n)
	if err := writePack(filepath.Join(d.dir, "reader", name), f.pack); err != nil {
		return err
	}
	if t.model == "" {
		t.model = "../lab/model"
	}
	d.say("\n%d) %s", n, t.what)
	var out bytes.Buffer
	trouble, err := d.show("reader", "proctor verify "+name+" --policy policy.toml --model "+t.model, t.exit, &out)
	if err != nil {
		return err
	}
	if t.check == "" {
		d.say("   %s\n   %s", firstLine(out.String()), lastLine(trouble))
		return nil
	}
	found, err := caught(out.String(), t.check)
	d.say("%s", found)
	return err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// caught picks the headline and what a check found out of a report. A check that
// was passed did not catch anything.
func caught(report, check string) (string, error) {
	out := []string{"   " + firstLine(report)}
	heading, reading := "", false
	for line := range strings.Lines(report) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "  "+check+" "):
			if heading != "Contradicted" && heading != "Missing" {
				return "", fmt.Errorf("demo: %s did not catch this: it stands under %q", check, heading)
			}
			reading = true
			out = append(out, "   "+line)
		case reading && strings.HasPrefix(line, "     "):
			out = append(out, "   "+line)
		case reading:
			return strings.Join(out, "\n"), nil
		case line != "" && line[0] != ' ':
			heading = line
		}
	}
	return "", fmt.Errorf("demo: the report says nothing of %s", check)
}

// forger edits a copy of the released pack.
type forger struct {
	d       *demo
	pack    *attest.Pack
	release attest.Hash
}

func (d *demo) newForger() (*forger, error) {
	pack, _, err := openPack(filepath.Join(d.dir, "lab", "tiny.release.proctor"))
	if err != nil {
		return nil, err
	}
	entry, _, err := only[*attest.Release](pack, "tiny.release.proctor")
	if err != nil {
		return nil, err
	}
	return &forger{d, pack, entry.Statement.ID}, nil
}

// resign replaces a statement by a changed one, signed by a party or, for "", by a
// key that nobody knows. It keeps the number, the references and the proof, and
// leaves out what its issuer signed later, which would give the fraud away.
func (f *forger) resign(party string, id attest.Hash, change func(attest.Predicate)) error {
	old := f.pack.Entries[id]
	change(old.Statement.Predicate)
	st, err := attest.NewStatement(old.Statement.Predicate)
	if err != nil {
		return err
	}
	signer, err := f.signer(party)
	if err != nil {
		return err
	}
	bundle, err := signer.Sign(f.d.ctx, st)
	if err != nil {
		return err
	}
	entry, err := attest.ParseEntry(bundle)
	if err != nil {
		return err
	}
	entry.Proof = old.Proof
	maps.DeleteFunc(f.pack.Entries, func(_ attest.Hash, e *attest.Entry) bool {
		head := e.Statement.Head()
		return head.Issuer == st.Head().Issuer && head.Seq >= st.Head().Seq
	})
	f.pack.Entries[entry.Statement.ID] = entry
	return nil
}

func (f *forger) signer(party string) (*signing.Signer, error) {
	if party != "" {
		h := &home{dir: filepath.Join(f.d.dir, party, homeName)}
		return h.signer([]byte(demoPassword))
	}
	private, _, err := signing.Generate(signing.ECDSA, []byte(demoPassword))
	if err != nil {
		return nil, err
	}
	return signing.Load(private, []byte(demoPassword))
}

func (f *forger) result() (*attest.Entry, *attest.Result, []run.Row, error) {
	entry, p, err := only[*attest.Result](f.pack, "pack")
	if err != nil {
		return nil, nil, nil, err
	}
	data, err := f.pack.Artifact(p.Rows)
	if err != nil {
		return nil, nil, nil, err
	}
	rows, err := run.ParseRows(data)
	return entry, p, rows, err
}

func (f *forger) changeGrade() error {
	_, p, rows, err := f.result()
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].Grade == "0" {
			rows[i].Grade = "1"
			break
		}
	}
	return f.pack.ReplaceArtifact(p.Rows.SHA256, run.FormatRows(rows))
}

func (f *forger) dropWrong() error {
	entry, p, rows, err := f.result()
	if err != nil {
		return err
	}
	var kept []run.Row
	for _, r := range rows {
		if r.Grade == "1" {
			kept = append(kept, r)
		}
	}
	before := entry.Statement.ID
	changed, outcome := *p, *p.Outcome
	changed.Outcome = &outcome
	changed.Rows = f.pack.AddArtifact(run.FormatRows(kept), p.Rows.MediaType, p.Rows.Name)
	changed.Leaves, changed.Score = uint64(len(kept)), "1"
	if err := f.resign("evaluator", before, func(q attest.Predicate) { *q.(*attest.Result) = changed }); err != nil {
		return err
	}
	after, _, err := only[*attest.Result](f.pack, "pack")
	if err != nil {
		return err
	}
	return f.resign("lab", f.release, func(q attest.Predicate) {
		release := q.(*attest.Release)
		release.Scores[0].Score, release.Scores[0].Result = "100", after.Statement.ID
		for i := range release.Refs {
			if release.Refs[i].ID == before {
				release.Refs[i].ID = after.Statement.ID
			}
		}
	})
}

func (f *forger) flipBit() error {
	from, to := filepath.Join(f.d.dir, "lab", "model"), filepath.Join(f.d.dir, "reader", "flipped")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	name := filepath.Join(to, "model.safetensors")
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	data[len(data)-1] ^= 1
	return os.WriteFile(name, data, 0o644)
}

func (f *forger) dropCosignatures() error {
	for _, e := range f.pack.Entries {
		lines := strings.SplitAfter(string(e.Proof), "\n")
		for i := len(lines) - 1; i >= 0; i-- {
			if strings.HasPrefix(lines[i], "— witness.example") {
				lines[i] = ""
			}
		}
		e.Proof = []byte(strings.Join(lines, ""))
	}
	return nil
}
