package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
)

// items finds the committed item that a row of a log belongs to.
type items struct {
	match    string // field whose content matches; empty: the key does
	skeleton []attest.Hash
	index    map[string][]uint64 // of the items to be run, by the JCS of the key or of the field
	left     map[string]string   // why others are not, by the same
	keys     []string            // JCS of the key, by index; for messages
	active   []byte              // bitmap
	declared []byte              // bitmap of the items that the registration lists; nil: all active ones
}

func (it *items) add(item testset.OpenedItem) error {
	if it.index == nil {
		it.index = map[string][]uint64{}
		it.left = map[string]string{}
		it.keys = make([]string, len(it.skeleton))
	}
	it.skeleton[item.Index] = item.Leaf
	it.keys[item.Index] = string(item.Key)
	by := string(item.Key)
	if it.match != "" {
		value, ok := item.Fields[it.match]
		if !ok || len(value) == 0 {
			return fmt.Errorf("item %s has no field %q to match by", item.Key, it.match)
		}
		by = string(value)
	}
	switch {
	case it.wanted(item.Index):
		it.index[by] = append(it.index[by], item.Index)
	case testset.IsActive(it.active, item.Index):
		it.left[by] = "is not among those that the run was registered for"
	case it.left[by] == "":
		it.left[by] = "was retired from this version of the set"
	}
	return nil
}

// wanted reports whether an item is to be run.
func (it *items) wanted(index uint64) bool {
	return testset.IsActive(it.active, index) && (it.declared == nil || testset.IsActive(it.declared, index))
}

// find returns the index of the one item that a row is about. Its errors leave the
// row's place to the reader of the log, which knows it.
func (it *items) find(row harness.Row) (uint64, error) {
	by := row.Key
	if it.match != "" {
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(row.Doc, &doc); err != nil {
			return 0, fmt.Errorf("the row shows no item to match by %q", it.match)
		}
		canonical, err := attest.Canonicalize(doc[it.match])
		if doc[it.match] == nil || err != nil {
			return 0, fmt.Errorf("no member %q to match by", it.match)
		}
		by = string(canonical)
	} else if by == "" {
		return 0, withHint(errors.New("the row has no key"), "say where it is with --row key=PATH, or match by content with --match FIELD")
	}
	found := it.index[by]
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if why := it.left[by]; why != "" {
			return 0, withHint(fmt.Errorf("item %s %s", shorten(by), why), "leave its rows out: it is not scored")
		}
		return 0, withHint(fmt.Errorf("no committed item has %s %s", it.what(), shorten(by)), "the log is of another test set or version, or another --match or --row key is meant")
	}
	return 0, fmt.Errorf("%d committed items have %s %s: match by something that tells them apart", len(found), it.what(), shorten(by))
}

func (it *items) what() string {
	if it.match != "" {
		return it.match
	}
	return "key"
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// matchRows commits every row of a log to its item. Every item must have exactly
// its samples; what has none must be excluded by name.
func matchRows(read func(func(harness.Row) error) error, it *items, w *runWriter, reg *attest.Registration, config *run.Configuration, exclude []string) ([]run.Row, error) {
	type place struct {
		item   uint64
		sample uint32
	}
	seen := map[place]string{}
	var rows []run.Row
	err := read(func(row harness.Row) error {
		item, err := it.find(row)
		if err != nil {
			return err
		}
		at := place{item, row.Sample}
		if row.Sample >= reg.Samples {
			return fmt.Errorf("sample %d of item %s, and %d per item are registered", row.Sample, it.keys[item], reg.Samples)
		}
		if before, dup := seen[at]; dup {
			return fmt.Errorf("item %s sample %d was in %s already", it.keys[item], row.Sample, before)
		}
		seen[at] = row.Where
		committed, err := w.commit(item, row)
		if err != nil {
			return err
		}
		rows = append(rows, committed)
		return nil
	})
	if err != nil {
		return nil, err
	}
	excluded, err := parseExclusions(exclude, config)
	if err != nil {
		return nil, err
	}
	var absent []string
	for item, key := range it.keys {
		if !it.wanted(uint64(item)) {
			continue
		}
		for s := range reg.Samples {
			if _, ok := seen[place{uint64(item), s}]; ok {
				continue
			}
			reason, ok := excluded[key]
			if !ok {
				absent = append(absent, key)
				break
			}
			rows = append(rows, run.Row{Item: uint64(item), Sample: s, Grade: "excluded:" + reason})
		}
		delete(excluded, key)
	}
	if len(absent) > 0 {
		return nil, withHint(fmt.Errorf("%d items lack rows: %s", len(absent), list(absent)), "the log is incomplete; or exclude each by name with --exclude KEY=REASON. A run with a limit registers its items: proctor register --limit")
	}
	for key := range excluded {
		return nil, fmt.Errorf("--exclude %s: there is no such item", key)
	}
	slices.SortFunc(rows, func(a, b run.Row) int {
		return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Sample, b.Sample))
	})
	return rows, nil
}

func list(names []string) string {
	if len(names) > 8 {
		return strings.Join(names[:8], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// parseExclusions reads KEY=REASON; the key as JSON writes it, or bare.
func parseExclusions(args []string, config *run.Configuration) (map[string]string, error) {
	out := map[string]string{}
	for _, arg := range args {
		key, reason, err := splitExclusion(arg)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(config.Exclusions, reason) {
			return nil, fmt.Errorf("--exclude %s: the registration allows the reasons %q", arg, config.Exclusions)
		}
		out[string(key)] = reason
	}
	return out, nil
}

// splitExclusion reads KEY=REASON.
func splitExclusion(arg string) (testset.Key, string, error) {
	at := strings.LastIndex(arg, "=")
	if at < 0 {
		return "", "", usagef("--exclude %q: want KEY=REASON", arg)
	}
	key, err := parseKey(arg[:at])
	if err != nil {
		return "", "", usagef("--exclude %q: %w", arg, err)
	}
	return key, arg[at+1:], nil
}

func isInteger(b []byte) bool { return !bytes.ContainsAny(b, `.eE[{"tfn`) }
