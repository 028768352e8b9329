package testset

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// Open writes an opening of the items at the given indexes, in any order, to w.
// It opens the fields named; nil opens every field. The proof must lead to the root,
// and each item is committed to again and must give its leaf: what a damaged store
// would write is refused.
func (s *Store) Open(ctx context.Context, w io.Writer, indexes []uint64, fields []string) error {
	which, err := s.fields(fields)
	if err != nil {
		return err
	}
	indexes = slices.Clone(indexes)
	slices.Sort(indexes)
	if len(indexes) == 0 {
		return errors.New("no items to open")
	}
	proof, err := s.prove(indexes)
	if err != nil {
		return fmt.Errorf("opening items: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	header := openingHeader{Fields: s.set.Fields, Opened: uint64(len(indexes)), Proof: joinHashes(proof), Root: s.set.Root, SetID: s.set.ID, Size: s.set.Size}
	line := header.append(nil)
	if len(line) > maxOpeningLine {
		return fmt.Errorf("opening items: a proof of %d hashes is too long for one opening; open fewer items", len(proof))
	}
	out.Write(line)
	for _, i := range indexes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if line, err = s.openItem(line[:0], i, which); err != nil {
			return err
		}
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("writing opening: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing opening: %w", err)
	}
	return nil
}

// prove makes the proof, and checks it: the nodes come from a file.
func (s *Store) prove(indexes []uint64) ([]attest.Hash, error) {
	proof, err := s.tree.ProveOpening(indexes)
	if err != nil {
		return nil, err
	}
	leaves := make([]attest.OpenedLeaf, len(indexes))
	for i, index := range indexes {
		leaf, err := s.tree.Leaf(index)
		if err != nil {
			return nil, err
		}
		leaves[i] = attest.OpenedLeaf{Index: index, Hash: leaf}
	}
	if err := attest.CheckOpening(s.set.Size, s.set.Root, leaves, proof); err != nil {
		return nil, fmt.Errorf("the store's %s is damaged: %w", treeFile, err)
	}
	return proof, nil
}

// fields are the positions to open, in canonical order.
func (s *Store) fields(names []string) ([]int, error) {
	if names == nil {
		return s.written, nil
	}
	for _, n := range names {
		if !slices.Contains(s.set.Fields, n) {
			return nil, fmt.Errorf("the set has no field %q", clip(n))
		}
	}
	var which []int
	for _, i := range s.written {
		if slices.Contains(names, s.set.Fields[i]) {
			which = append(which, i)
		}
	}
	return which, nil
}

func (s *Store) openItem(dst []byte, index uint64, which []int) ([]byte, error) {
	item, err := s.Item(index)
	if err != nil {
		return nil, err
	}
	values := make([][]byte, len(s.set.Fields))
	for i, f := range s.set.Fields {
		values[i] = item.Fields[f]
	}
	line := itemLine{Index: index, Key: json.RawMessage(item.Key), Rev: item.Rev, Commitments: s.salts.Commitments(item.Key, item.Rev, s.set.Fields, values)}
	want, err := s.tree.Leaf(index)
	if err != nil {
		return nil, err
	}
	if got := ItemLeaf(line.Commitments); got != want {
		return nil, fmt.Errorf("store: item %d: secret and record give leaf %s, but %s was published", index, got, want)
	}
	line.Fields = make(map[string]openedField, len(which))
	for _, i := range which {
		f := s.set.Fields[i]
		line.Fields[f] = openedField{Bytes: values[i], Salt: s.salts.Salt(item.Key, item.Rev, f)}
	}
	return line.append(dst, s.set.Fields, s.written), nil
}
