package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// index says in which file each tensor is.
type index struct {
	path string
	sum  attest.Hash
	file map[string]string // by tensor
}

func (x *index) files() []string { return slices.Compact(slices.Sorted(maps.Values(x.file))) }

// at reports whether x is the file at a path.
func (x *index) at(path string) bool { return x != nil && x.path == path }

// oneIndex reads the index of weight files with this ending. It returns nil
// without one.
func oneIndex(fsys fs.FS, entries []entry, found []string, suffix string) (*index, error) {
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		x, err := readIndex(fsys, found[0], entries, suffix)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", found[0], err)
		}
		return x, nil
	}
	return nil, fmt.Errorf("several indexes of weights (%s): remove all but the one that is meant", quoteAll(found))
}

func readIndex(fsys fs.FS, name string, entries []entry, suffix string) (*index, error) {
	var at entry
	present := make(map[string]bool, len(entries))
	for _, e := range entries {
		present[e.path] = true
		if e.path == name {
			at = e
		}
	}
	if at.size > maxJSON {
		return nil, fmt.Errorf("index of %d bytes, the most is %d", at.size, maxJSON)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	if err := checkPointer(data); err != nil {
		return nil, err
	}
	files, err := parseIndex(data, suffix)
	if err != nil {
		return nil, err
	}
	x := &index{path: name, sum: sum(data), file: files}
	for _, file := range x.files() {
		if !present[file] {
			return nil, fmt.Errorf("weight_map names %q, which is not in the directory (download it)", file)
		}
	}
	return x, nil
}

// parseIndex reads the weight_map of an index: tensor to file.
func parseIndex(data []byte, suffix string) (map[string]string, error) {
	if err := attest.CheckForeignJSON(data); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, errors.New("index is not a JSON object")
	}
	var files map[string]string
	if err := json.Unmarshal(members["weight_map"], &files); err != nil {
		return nil, errors.New("weight_map is missing or not a map from tensors to file names")
	}
	if len(files) == 0 {
		return nil, errors.New("weight_map names no tensors")
	}
	for tensor, file := range files {
		if strings.ContainsAny(file, `/\`) || !strings.HasSuffix(file, suffix) {
			return nil, fmt.Errorf("weight_map: tensor %.200q is said to be in %.200q, want the name of a %s file beside the index", tensor, file, suffix)
		}
	}
	return files, nil
}
