package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger/durable"
)

func (e *env) cmdOpen() *cli.Command {
	return &cli.Command{
		Name:      "open",
		Usage:     "disclose what you committed to: items, to whom you like, or members of a configuration",
		ArgsUsage: "TESTSET|REGISTRATION|RESULT|PACK",
		Description: "--private writes a file for one evaluator, by a channel that you trust, and logs nothing.\n" +
			"--public logs that these items are open to everybody, and --to HOLDER=age1… that they are\n" +
			"open to that issuer, whose age key alone decrypts them; the evidence pack carries them.\n" +
			"What was opened cannot be closed again: whoever held nothing before holds it from then on.\n" +
			"\"proctor verify PACK\" checks what was opened; with --identity FILE and the pack of an\n" +
			"opening, a holder decrypts what was opened to it. --configuration opens what \"proctor\n" +
			"register --seal\" kept private. --challenge opens what a beacon drew of your result, to everybody\n" +
			"or with --to: \"proctor help challenges\".",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "open every item"},
			&cli.StringSliceFlag{Name: "items", Usage: "open the item with this `KEY`, its newest revision; repeatable"},
			&cli.StringFlag{Name: "fields", Usage: "open these fields, as `A,B,…` (default: all)"},
			&cli.BoolFlag{Name: "private", Usage: "write a file for one evaluator; nothing is logged"},
			&cli.BoolFlag{Name: "public", Usage: "log that the items are open to everybody"},
			&cli.StringSliceFlag{Name: "to", Usage: "log that the items are open to an issuer, as `URI=RECIPIENT` with its age recipient (age1…); repeatable"},
			&cli.StringSliceFlag{Name: "configuration", Usage: "log what opens a private `MEMBER` of a registered run's configuration; repeatable"},
			&cli.BoolFlag{Name: "challenge", Usage: "log what opens the leaves of a result that a beacon drew"},
			&cli.StringFlag{Name: "beacon", Usage: "with --challenge: the round, a `FILE` (default: the one that \"proctor fetch\" saved)"},
			&cli.StringFlag{Name: "identity", Usage: "decrypt the opening in a pack with this age identity `FILE`"},
			outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		},
		Action: e.runOpen,
	}
}

func (e *env) runOpen(c *cli.Context) error {
	arg, err := oneArg(c, "the test set, or the pack of an opening")
	if err != nil {
		return err
	}
	switch {
	case c.IsSet("identity"):
		return e.runDecrypt(c, arg)
	case c.IsSet("configuration"):
		return e.openConfiguration(c, arg)
	case c.Bool("challenge"):
		return e.answerChallenge(c, arg)
	case c.IsSet("beacon"):
		return usagef("--beacon goes with --challenge")
	}
	ways := 0
	for _, flag := range []string{"private", "public", "to"} {
		if c.IsSet(flag) {
			ways++
		}
	}
	if ways != 1 {
		return usagef("open needs one of --private (a file for an evaluator), --public (for everybody) and --to (for holders of age keys)")
	}
	if c.Bool("all") == c.IsSet("items") {
		return usagef("open needs either --all or --items KEY")
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, entry, set, err := find[*attest.Testset](h, arg)
	if err != nil {
		return err
	}
	o, err := e.prepareOpening(c, h, set)
	if err != nil {
		return err
	}
	defer o.store.Close()
	if c.Bool("private") {
		return e.writeOpening(c, set, o)
	}
	return e.logOpening(c, h, pack, entry, set, o)
}

// opening is what will be opened.
type opening struct {
	store   *testset.Store
	indexes []uint64
	fields  []string // nil: all
}

func (e *env) prepareOpening(c *cli.Context, h *home, set *attest.Testset) (_ *opening, err error) {
	store, err := testset.OpenStore(h.path(setSecretsDir, set.SetID.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the secret of %q is not in this home: only its owner can open it", set.Name)
	}
	if err != nil {
		return nil, err
	}
	o := &opening{store: store}
	if o.indexes, err = indexesToOpen(c, store); err != nil {
		store.Close()
		return nil, err
	}
	if text := c.String("fields"); text != "" {
		o.fields = strings.Split(text, ",")
	}
	return o, nil
}

func (o *opening) writeTo(c *cli.Context, w io.Writer) error {
	buf := bufio.NewWriterSize(w, 1<<20)
	if err := o.store.Open(c.Context, buf, o.indexes, o.fields); err != nil {
		return err
	}
	return buf.Flush()
}

func openingName(set *attest.Testset) string {
	return notInNames.ReplaceAllString(set.Name, "-") + ".opening.jsonl"
}

// writeOpening writes an evaluator's file.
func (e *env) writeOpening(c *cli.Context, set *attest.Testset, o *opening) error {
	out := c.String("out")
	if out == "" {
		out = openingName(set)
	}
	if err := newFile(out); err != nil {
		return err
	}
	if err := durable.Write(out, 0o600, func(w io.Writer) error { return o.writeTo(c, w) }); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "opening   %s\nitems     %d of %q\n", out, len(o.indexes), set.Name)
	if c.Bool("all") {
		e.note(c, "Whoever has this file knows every item and answer.")
	}
	return nil
}

func indexesToOpen(c *cli.Context, store *testset.Store) ([]uint64, error) {
	var indexes []uint64
	if c.Bool("all") {
		for i := range store.Set().Size {
			indexes = append(indexes, i)
		}
		return indexes, nil
	}
	for _, text := range c.StringSlice("items") {
		key, err := parseKey(text)
		if err != nil {
			return nil, usagef("--items %q: %w", text, err)
		}
		found, err := store.Find(key)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("the set has no item %s", text)
		}
		if newest := found[len(found)-1]; !slices.Contains(indexes, newest) {
			indexes = append(indexes, newest)
		}
	}
	return indexes, nil
}
