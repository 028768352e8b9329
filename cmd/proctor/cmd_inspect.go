package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
)

func (e *env) cmdInspect() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what a pack, statement, opening, model.sig, timestamp, log or other evidence says, trusting nothing",
		ArgsUsage: "FILE",
		Description: "Also shows what evidence of others says (\"proctor help foreign\"), and logs and tables\n" +
			"of evaluations (\"proctor help formats\"): model, data set, items, the numbers stated, and\n" +
			"what they do not say. Verifies and recomputes nothing.",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print statements, or the items of an opening, as JSON lines; anything else as one JSON object"}},
		Action: e.runInspect,
	}
}

func (e *env) runInspect(c *cli.Context) error {
	name, err := oneArg(c, "the file")
	if err != nil {
		return err
	}
	if is, err := e.inspectSignature(c, name); is || err != nil {
		return err
	}
	if is, err := e.inspectTokens(c, name); is || err != nil {
		return err
	}
	if entry, err := readEntry(name); err == nil {
		return e.inspectEntry(c, entry)
	}
	if isOpening, err := e.inspectOpening(c, name); isOpening || err != nil {
		return err
	}
	if r := readForeign(name, nil); r != nil {
		return e.inspectReading(c, r)
	}
	pack, done, err := openPack(name)
	if err != nil {
		return e.inspectOther(c, name, err)
	}
	defer done()
	if !c.Bool("json") {
		fmt.Fprintln(e.stderr, "What follows is what the pack says. Nothing was verified.")
	}
	for _, id := range pack.IDs() {
		if err := e.inspectEntry(c, pack.Entries[id]); err != nil {
			return err
		}
	}
	return nil
}

// inspectOther shows what is no pack, for the reason given, and perhaps something else.
func (e *env) inspectOther(c *cli.Context, name string, noPack error) error {
	known, err := e.inspectResults(c, name)
	if known || err != nil {
		return err
	}
	if info, err := os.Stat(name); err == nil && (info.IsDir() || filepath.Ext(name) == packSuffix) {
		return noPack
	}
	_, noEntry := readEntry(name)
	if data, err := readLimited(name, attest.MaxEntry); err == nil && bytes.Contains(data, []byte("dsseEnvelope")) {
		return noEntry
	}
	return withHint(fmt.Errorf("%s: is no pack, statement, opening, evidence of others or file of results that is known", name),
		`"proctor help formats" and "proctor help foreign" list what is`)
}

// readEntry reads a signed statement by itself.
func readEntry(name string) (*attest.Entry, error) {
	if filepath.Ext(name) != ".json" {
		return nil, fmt.Errorf("%s: statements are in files whose names end in .json", name)
	}
	data, err := readLimited(name, attest.MaxEntry)
	if err != nil {
		return nil, err
	}
	entry, err := attest.ParseEntry(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return entry, nil
}

func (e *env) inspectEntry(c *cli.Context, entry *attest.Entry) error {
	if c.Bool("json") {
		_, err := fmt.Fprintf(e.stdout, "%s\n", entry.Statement.Payload)
		return err
	}
	head := entry.Statement.Head()
	logged := "no proof of logging"
	if len(entry.Proof) > 0 {
		logged = "with a proof of logging"
	}
	if len(entry.Timestamp) > 0 {
		logged += " and a timestamp"
	}
	fmt.Fprintf(e.stdout, "%s %s\n  statement %d of %q, %s\n", entry.Statement.Kind(), entry.Statement.ID, head.Seq, head.Issuer, logged)
	if p, ok := entry.Statement.Predicate.(*attest.Audit); ok && p.Match != nil {
		fmt.Fprintf(e.stdout, "  of the release %s its issuer says:\n", p.Release)
		for _, line := range matchWords(p.Match) {
			fmt.Fprintf(e.stdout, "    %s\n", printable(line))
		}
	}
	body, err := json.MarshalIndent(entry.Statement.Predicate, "  ", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "  %s\n", printable(string(body)))
	return err
}

// inspectOpening shows an opening, if the file is one. Its items are checked
// against the root that the opening itself names, and nothing says whose that is.
func (e *env) inspectOpening(c *cli.Context, name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	said, opened, err := testset.PeekOpening(f)
	if err != nil {
		return false, nil
	}
	if !c.Bool("json") {
		fmt.Fprintln(e.stderr, "What follows is what the opening says of itself. Nothing was verified.")
		_, err := fmt.Fprintf(e.stdout, "opening\n  setID   %s\n  root    %s\n  size    %d\n  opened  %d\n  fields  %q\n", said.ID, said.Root, said.Size, opened, said.Fields)
		return true, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return true, err
	}
	_, err = testset.ScanOpening(f, said, testset.OpeningConfig{}, func(item testset.OpenedItem) error {
		fields := map[string]json.RawMessage{}
		for field, value := range item.Fields {
			if len(value) > 0 { // none: the item has no such member
				fields[field] = value
			}
		}
		line, err := json.Marshal(map[string]any{"index": item.Index, "key": json.RawMessage(item.Key), "rev": item.Rev, "fields": fields})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "%s\n", line)
		return err
	})
	if err != nil {
		return true, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}
