package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/testset"
)

func declareFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "items", Usage: "run the item with this `KEY` alone; repeatable"},
		&cli.StringFlag{Name: "items-file", Usage: "run the items in this `FILE` alone, which has rows as \"commit testset\" reads them"},
		&cli.UintFlag{Name: "limit", Usage: "run the first `N` alone: of --items-file or, where items are keyed by row number, of the set"},
		&cli.StringSliceFlag{Name: "index", Usage: "run the item with this `INDEX` in the set alone, without --opening; repeatable"},
		&cli.StringFlag{Name: "opening", Usage: "the owner's opening, a `FILE`, which says where in the set the items are"},
	}
}

// declaredItems reads which items will be run, where that is not all of them. nil is
// all of them.
func (e *env) declaredItems(c *cli.Context, pack *attest.Pack, set *attest.Testset) (*attest.ItemList, error) {
	if err := checkDeclareLine(c); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc([]string{"items", "items-file", "limit", "index"}, c.IsSet) {
		return nil, nil
	}
	active, err := pack.Artifact(set.Bitmap)
	if err != nil {
		return nil, err
	}
	indexes, err := e.chosenIndexes(c, set, active)
	if err != nil {
		return nil, err
	}
	bitmap := make([]byte, len(active))
	for _, i := range indexes {
		if testset.IsActive(bitmap, i) {
			return nil, fmt.Errorf("item %d of the set is listed twice", i)
		}
		bitmap[i/8] |= 0x80 >> (i % 8)
	}
	if n := uint64(len(indexes)); n == 0 {
		return nil, fmt.Errorf("no items to run are listed")
	} else if n == countActive(active, set.Version.Size) {
		return nil, withHint(fmt.Errorf("these are all %d active items", n), "leave the list out: what rests on a list reaches CAL-1 at most")
	}
	return &attest.ItemList{Count: uint64(len(indexes)), Bitmap: pack.AddArtifact(bitmap, "application/vnd.proctor.bitmap", "items")}, nil
}

func checkDeclareLine(c *cli.Context) error {
	ways := 0
	for _, flag := range []string{"items", "items-file", "index"} {
		if c.IsSet(flag) {
			ways++
		}
	}
	byKey := c.IsSet("items") || c.IsSet("items-file") || c.IsSet("limit")
	switch {
	case ways > 1 || c.IsSet("limit") && (c.IsSet("items") || c.IsSet("index")):
		return usagef("--items, --items-file, --limit and --index: want one, or --limit with --items-file")
	case byKey && !c.IsSet("opening"):
		return usagef("items are listed by key: --opening says where in the set they are; without it, list them with --index")
	case !byKey && c.IsSet("opening"):
		return usagef("--opening goes with --items, --items-file or --limit")
	case c.IsSet("limit") && c.Uint("limit") == 0:
		return usagef("--limit 0: want 1 or more")
	}
	return nil
}

// chosenIndexes finds the listed items in the set. Each of them is active.
func (e *env) chosenIndexes(c *cli.Context, set *attest.Testset, active []byte) ([]uint64, error) {
	var indexes []uint64
	for _, text := range c.StringSlice("index") {
		i, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, usagef("--index %q: want a number", text)
		}
		if !testset.IsActive(active, i) {
			return nil, fmt.Errorf("--index %d: the set has no active item there", i)
		}
		indexes = append(indexes, i)
	}
	if c.IsSet("index") {
		return indexes, nil
	}
	keys, err := chosenKeys(c, set)
	if err != nil {
		return nil, err
	}
	it := &items{active: active}
	if _, err := e.openItems(c, c.String("opening"), set, it); err != nil {
		return nil, err
	}
	for _, key := range keys {
		i, err := it.find(harness.Row{Key: string(key)})
		if err != nil {
			return nil, err
		}
		indexes = append(indexes, i)
	}
	return indexes, nil
}

func chosenKeys(c *cli.Context, set *attest.Testset) (keys []testset.Key, err error) {
	limit := int(min(c.Uint("limit"), 1<<31-1))
	switch {
	case c.IsSet("items"):
		for _, text := range c.StringSlice("items") {
			key, err := parseKey(text)
			if err != nil {
				return nil, usagef("--items %q: %w", text, err)
			}
			keys = append(keys, key)
		}
	case c.IsSet("items-file") && set.KeyMember == "":
		return nil, withHint(fmt.Errorf("--items-file: the items of %q are keyed by row number, which a file of some of them does not tell", set.Name),
			"list them with --items, or with --limit alone")
	case c.IsSet("items-file"):
		return fileKeys(c.String("items-file"), set.KeyMember, limit)
	case set.KeyMember != "":
		return nil, withHint(fmt.Errorf("--limit: the first items of %q are not known: its order is the owner's secret", set.Name),
			"give the file that the harness takes them from, with --items-file")
	default:
		for i := range min(uint64(limit), set.Version.Size+1) {
			keys = append(keys, testset.NumberKey(i))
		}
	}
	return keys, nil
}

// fileKeys reads the keys of a file's rows, of the first ones under a limit.
func fileKeys(name, member string, limit int) ([]testset.Key, error) {
	var keys []testset.Key
	src := testset.Source{Name: name, Open: func() (io.ReadCloser, error) { return os.Open(name) }}
	for row, err := range testset.Rows(src) {
		if err != nil {
			return nil, err
		}
		key, err := testset.ParseKey(row.Get(member))
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: member %q: %w", name, row.Line, member, err)
		}
		if keys = append(keys, key); len(keys) == limit {
			return keys, nil
		}
	}
	if len(keys) < limit {
		return nil, fmt.Errorf("%s has %d rows, fewer than --limit %d", name, len(keys), limit)
	}
	return keys, nil
}

// itemsNote is what a score has to say of items that its registrant chose: "10 of 100".
func itemsNote(pack *attest.Pack, reg *attest.Registration) (string, error) {
	if reg.Items == nil {
		return "", nil
	}
	set, err := registeredSet(pack, reg)
	if err != nil {
		return "", err
	}
	active, err := pack.Artifact(set.Bitmap)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d of %d", reg.Items.Count, countActive(active, set.Version.Size)), nil
}
