package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
		Usage:     "make an opening of your test set, of all items or some",
		ArgsUsage: "TESTSET",
		Description: "With --all --private, writes a file that opens every item. Whoever has it knows the\n" +
			"whole set: hand it to the evaluator, by a channel that you trust, and to nobody else.\n" +
			"With --items it opens those alone; \"proctor digest FILE\" checks an opening's proof.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "open every item"},
			&cli.StringSliceFlag{Name: "items", Usage: "open the item with this `KEY`, its newest revision; repeatable"},
			&cli.StringFlag{Name: "fields", Usage: "open these fields, as `A,B,…` (default: all)"},
			&cli.BoolFlag{Name: "private", Usage: "write a file for one evaluator; nothing is logged"},
			&cli.StringFlag{Name: "out", Usage: "write the opening to `FILE`"},
			quietFlag(),
		},
		Action: e.runOpen,
	}
}

func (e *env) runOpen(c *cli.Context) error {
	arg, err := oneArg(c, "the test set")
	if err != nil {
		return err
	}
	if !c.Bool("private") {
		return usagef("open makes private openings so far: give --private")
	}
	if c.Bool("all") == c.IsSet("items") {
		return usagef("open needs either --all or --items KEY")
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	_, _, set, err := find[*attest.Testset](h, arg)
	if err != nil {
		return err
	}
	store, err := testset.OpenStore(h.path(setSecretsDir, set.SetID.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the secret of %q is not in this home: only its owner can open it", set.Name)
	}
	if err != nil {
		return err
	}
	defer store.Close()
	out := c.String("out")
	if out == "" {
		out = notInNames.ReplaceAllString(set.Name, "-") + ".opening.jsonl"
	}
	if err := newFile(out); err != nil {
		return err
	}
	indexes, err := indexesToOpen(c, store)
	if err != nil {
		return err
	}
	var fields []string
	if text := c.String("fields"); text != "" {
		fields = strings.Split(text, ",")
	}
	err = durable.Write(out, 0o600, func(w io.Writer) error {
		buf := bufio.NewWriterSize(w, 1<<20)
		if err := store.Open(c.Context, buf, indexes, fields); err != nil {
			return err
		}
		return buf.Flush()
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "opening   %s\nitems     %d of %q\n", out, len(indexes), set.Name)
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

func (e *env) cmdDigest() *cli.Command {
	return &cli.Command{
		Name:      "digest",
		Usage:     "compute a modelID, or the root of a skeleton or an opening: no key, no ledger",
		ArgsUsage: "DIR|FILE",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			&cli.BoolFlag{Name: "tensors", Usage: "list every tensor with its leaf"},
			quietFlag(),
		},
		Action: e.runDigest,
	}
}

func (e *env) runDigest(c *cli.Context) error {
	name, err := oneArg(c, "a directory or file")
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return e.printModelDigest(c, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	said, opened, err := testset.PeekOpening(f)
	if err == nil {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := testset.ScanOpening(f, said, testset.OpeningConfig{Keep: []string{}}, func(testset.OpenedItem) error { return nil }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return e.printRoot(c, said.Size, said.Root, fmt.Sprintf("opening of %d items, which fit", opened))
	}
	data, err := readLimited(name, 1<<31)
	if err != nil {
		return err
	}
	leaves, err := testset.ParseSkeleton(data)
	if err != nil {
		return withHint(fmt.Errorf("%s: neither a model directory, nor an opening, nor a skeleton", name), err.Error())
	}
	return e.printRoot(c, uint64(len(leaves)), attest.Root(leaves), "skeleton")
}
