package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
	out.Tensors = withShapes(m.Tensors)
	out.Adapters = nil
	for _, a := range m.Adapters {
		out.Adapters = append(out.Adapters, Adapter{a.Path, withShapes(a.Tensors)})
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return attest.Canonicalize(data)
}

// withShapes gives scalars an empty shape instead of none.
func withShapes(tensors []Tensor) []Tensor {
	out := append([]Tensor{}, tensors...)
	for i := range out {
		if out[i].Shape == nil {
			out[i].Shape = []uint64{}
		}
	}
	return out
}

// check compares what a model states with what follows from its parts.
func (m *Model) check() error {
	if len(m.Tensors)+len(m.Adapters) == 0 {
		return errors.New("no tensors")
	}
	if err := checkTensors(m.Tensors); err != nil {
		return err
	}
	if err := m.checkFiles(); err != nil {
		return err
	}
	for i := 1; i < len(m.KV); i++ {
		if m.KV[i-1].Key >= m.KV[i].Key {
			return fmt.Errorf("key %.200q follows %.200q: keys must ascend without repeats", m.KV[i].Key, m.KV[i-1].Key)
		}
	}
	if err := m.checkCovered(); err != nil {
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

func checkTensors(tensors []Tensor) error {
	for i, t := range tensors {
		if i > 0 && tensors[i-1].Name >= t.Name {
			return fmt.Errorf("tensor %.200q follows %.200q: names must ascend without repeats", t.Name, tensors[i-1].Name)
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
		if strings.HasPrefix(t.DType, ggmlPrefix) != strings.HasPrefix(tensors[0].DType, ggmlPrefix) {
			return fmt.Errorf("tensor %.200q: dtype %s beside those of another format", t.Name, t.DType)
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
		if large := f.Size > MaxBlob; large != (f.GitBlob == GitBlob{}) {
			return fmt.Errorf("file %.200q: git blob is %s at %d bytes, want zero above %d and only there", f.Path, f.GitBlob, f.Size, MaxBlob)
		}
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
// template only where one can be inside a JSON file or a GGUF.
func (m *Model) checkRoles() error {
	var template *attest.Hash
	if f := find(m.Files, templateText); f != nil {
		template = &f.SHA256
	} else if find(m.Files, templateJSON) != nil || find(m.Files, tokenizerConfig) != nil || m.hasKV(templateKey) {
		if i := slices.IndexFunc(m.Roles, func(r Role) bool { return r.Role == roleTemplate }); i >= 0 {
			template = &m.Roles[i].Digest
		}
	}
	want := m.roles(template)
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

func (m *Model) hasKV(key string) bool {
	return slices.ContainsFunc(m.KV, func(kv KV) bool { return kv.Key == key })
}
