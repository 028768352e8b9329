package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest"
)

// Manifest is the model as an artifact of canonical JSON (RFC 8785), from which
// others find out which tensor or file differs. It is refused for a model that
// ParseManifest would refuse.
func (m *Model) Manifest() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return m.format()
}

// ParseManifest reads a manifest. It recomputes all that follows from the
// listed files and tensors: the package, the roles but a chat template that is
// inside a JSON file, and the model's ID. A manifest that disagrees with itself
// is refused. One that does not may still describe bytes that nobody has.
func ParseManifest(data []byte) (*Model, error) {
	if err := attest.CheckCanonical(data); err != nil {
		return nil, fmt.Errorf("model manifest: %w", err)
	}
	m := new(Model)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("model manifest: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("model manifest: %w", err)
	}
	again, err := m.format()
	if err != nil {
		return nil, fmt.Errorf("model manifest: %w", err)
	}
	// encoding/json passes over unknown members, null and names in other case.
	if !bytes.Equal(again, data) {
		return nil, errors.New("model manifest: members are missing or unknown")
	}
	return m, nil
}

func (m *Model) format() ([]byte, error) {
	out := *m
	out.Uncovered = append([]string{}, m.Uncovered...)
	out.Tensors = append([]Tensor{}, m.Tensors...)
	for i := range out.Tensors {
		if out.Tensors[i].Shape == nil {
			out.Tensors[i].Shape = []uint64{}
		}
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return attest.Canonicalize(data)
}

// check compares what a model states with what follows from its parts.
func (m *Model) check() error {
	if err := m.checkTensors(); err != nil {
		return err
	}
	if err := m.checkFiles(); err != nil {
		return err
	}
	if err := m.checkUncovered(); err != nil {
		return err
	}
	if root := filesRoot(m.Files); root != m.Package {
		return fmt.Errorf("package is %s, but the files give %s", m.Package, root)
	}
	if err := m.checkRoles(); err != nil {
		return err
	}
	id, err := ID(m.Roles)
	if err == nil && id != m.ID {
		err = fmt.Errorf("modelID is %s, but the roles give %s", m.ID, id)
	}
	return err
}

func (m *Model) checkTensors() error {
	if len(m.Tensors) == 0 {
		return errors.New("no tensors")
	}
	for i, t := range m.Tensors {
		if i > 0 && m.Tensors[i-1].Name >= t.Name {
			return fmt.Errorf("tensor %.200q follows %.200q: names must ascend without repeats", t.Name, m.Tensors[i-1].Name)
		}
		size, err := sizeOf(t.DType, t.Shape)
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", t.Name, err)
		}
		if size != t.Size {
			return fmt.Errorf("tensor %.200q: size is %d, but %s %s needs %d", t.Name, t.Size, t.DType, clipShape(t.Shape), size)
		}
		if t.Name == metadataName || !utf8.ValidString(t.Name) {
			return fmt.Errorf("tensor %.200q: not a name for a tensor", t.Name)
		}
	}
	return nil
}

func (m *Model) checkFiles() error {
	for i, f := range m.Files {
		if i > 0 && m.Files[i-1].Path >= f.Path {
			return fmt.Errorf("file %.200q follows %.200q: paths must ascend without repeats", f.Path, m.Files[i-1].Path)
		}
		if !fs.ValidPath(f.Path) || f.Path == "." {
			return fmt.Errorf("file %.200q: not a path inside a directory", f.Path)
		}
		if path.Base(f.Path) == adapterConfig {
			return fmt.Errorf("file %.200q: adapters are not supported", f.Path)
		}
		if large := f.Size > MaxBlob; large != (f.GitBlob == GitBlob{}) {
			return fmt.Errorf("file %.200q: git blob is %s at %d bytes, want zero above %d and only there", f.Path, f.GitBlob, f.Size, MaxBlob)
		}
	}
	return nil
}

// checkUncovered compares the list with the files: weights that it leaves out
// would pass as covered. What exactly an index covers is not in a manifest.
func (m *Model) checkUncovered() error {
	var room, need uint64
	indexes := 0
	for _, f := range m.Files {
		if atRoot(f.Path) && strings.HasSuffix(f.Path, indexSuffix) {
			indexes++
		}
	}
	if indexes > 1 {
		return fmt.Errorf("%d indexes of weights, want one at most", indexes)
	}
	left := m.Uncovered
	for _, f := range m.Files {
		if !looksLikeWeights(f.Path) {
			continue
		}
		shard := atRoot(f.Path) && strings.HasSuffix(f.Path, shardSuffix)
		if len(left) > 0 && left[0] == f.Path {
			left = left[1:]
			if shard && indexes == 0 {
				return fmt.Errorf("file %.200q is listed as uncovered, but nothing excludes it", f.Path)
			}
			continue
		}
		if !shard {
			return fmt.Errorf("file %.200q looks like weights and is not listed as uncovered", f.Path)
		}
		room = saturate(room, f.Size)
	}
	if len(left) > 0 {
		return fmt.Errorf("uncovered file %.200q is not among the files, or out of order", left[0])
	}
	for _, t := range m.Tensors {
		need = saturate(need, t.Size)
	}
	if need >= room {
		return fmt.Errorf("tensors of %d bytes do not fit into weight files of %d", need, room)
	}
	return nil
}

func saturate(a, b uint64) uint64 {
	if a+b < a {
		return 1<<64 - 1
	}
	return a + b
}

// checkRoles recomputes the roles. The manifest's word is taken for a chat
// template only where one can be inside a JSON file.
func (m *Model) checkRoles() error {
	var template *attest.Hash
	if f := find(m.Files, templateText); f != nil {
		template = &f.SHA256
	} else if find(m.Files, templateJSON) != nil || find(m.Files, tokenizerConfig) != nil {
		if i := slices.IndexFunc(m.Roles, func(r Role) bool { return r.Role == roleTemplate }); i >= 0 {
			template = &m.Roles[i].Digest
		}
	}
	want := roles(weightsRoot(m.Tensors), template, m.Files)
	for i, w := range want {
		if i >= len(m.Roles) || m.Roles[i] != w {
			return fmt.Errorf("role %d is not %s %s, which the tensors and files give", i, w.Role, w.Digest)
		}
	}
	if len(m.Roles) > len(want) {
		return fmt.Errorf("role %.80q has nothing in the files", m.Roles[len(want)].Role)
	}
	return nil
}
