package model

import (
	"bytes"
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
	if at.size > maxIndex {
		return nil, fmt.Errorf("index of %d bytes, the most is %d", at.size, maxIndex)
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
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.New("index is not a JSON object")
	}
	if !findMember(d, "weight_map") {
		return nil, errors.New("weight_map is missing or not a map from tensors to file names")
	}
	files, err := decodeWeightMap(d, suffix, &room{})
	if err == nil && len(files) == 0 {
		err = errors.New("weight_map names no tensors")
	}
	return files, err
}

// decodeWeightMap goes token by token: an index can have as many members as a header,
// and is bounded as a header is.
func decodeWeightMap(d *json.Decoder, suffix string, room *room) (map[string]string, error) {
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.New("weight_map is missing or not a map from tensors to file names")
	}
	files, once := map[string]string{}, map[string]string{}
	for d.More() {
		tensor, _ := d.Token()
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := tensor.(string)
		if err := room.take(Tensor{Name: name}); err != nil {
			return nil, fmt.Errorf("weight_map: %w", err)
		}
		file, ok := value.(string)
		if !ok || strings.ContainsAny(file, `/\`) || !strings.HasSuffix(file, suffix) {
			return nil, fmt.Errorf("weight_map: tensor %.200q is said to be in %.200q, want the name of a %s file beside the index", name, fmt.Sprint(value), suffix)
		}
		if once[file] == "" {
			once[file] = file
		}
		files[name] = once[file]
	}
	return files, nil
}

// findMember moves to the value of a member of the object that d is in. It makes no
// map of the others.
func findMember(d *json.Decoder, name string) bool {
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		if key == name {
			return true
		}
		if skipValueOf(d) != nil {
			return false
		}
	}
	return false
}

// skipValueOf moves behind one value.
func skipValueOf(d *json.Decoder) error {
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
