package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

var tokenizerFiles = []string{
	"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt", "spiece.model",
	"added_tokens.json", "special_tokens_map.json", tokenizerConfig,
}

var preprocessorFiles = []string{
	"preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json",
}

const (
	configFile       = "config.json"
	generationConfig = "generation_config.json"
	tokenizerConfig  = "tokenizer_config.json"
	templateText     = "chat_template.jinja"
	templateJSON     = "chat_template.json"
)

// parsed are the files of which more than the hash is looked at.
var parsed = []string{configFile, tokenizerConfig, templateJSON}

// isParsed reports whether more than the hash of a file is looked at.
func isParsed(name string) bool {
	return slices.Contains(parsed, name) || path.Base(name) == adapterConfig
}

func isTokenizer(name string) bool {
	return slices.Contains(tokenizerFiles, name) || atRoot(name) && strings.HasSuffix(name, ".tiktoken")
}

func isPreprocessor(name string) bool { return slices.Contains(preprocessorFiles, name) }

func isCode(name string) bool { return strings.HasSuffix(name, ".py") }

// inRoles reports whether a role is made of the file.
func inRoles(name string) bool {
	return isParsed(name) || isTokenizer(name) || isPreprocessor(name) || isCode(name) ||
		name == generationConfig || name == templateText
}

// roles puts together the roles of a model with this chat template, nil for none.
func (m *Model) roles(template *attest.Hash) []Role {
	var out []Role
	add := func(role string, digest attest.Hash) { out = append(out, Role{Role: role, Digest: digest}) }
	one := func(role, name string) {
		if f := find(m.Files, name); f != nil {
			add(role, f.SHA256)
		}
	}
	root := func(role string, match func(name string) bool) {
		if some := slices.DeleteFunc(slices.Clone(m.Files), func(f File) bool { return !match(f.Path) }); len(some) > 0 {
			add(role, filesRoot(some))
		}
	}
	if len(m.Tensors) > 0 {
		add(roleWeights, weightsRoot(m.Tensors))
	}
	one(roleConfig, configFile)
	root(roleTokenizer, isTokenizer)
	if template != nil {
		add(roleTemplate, *template)
	}
	one(roleGeneration, generationConfig)
	root(rolePreprocessor, isPreprocessor)
	root(roleCode, isCode)
	if len(m.KV) > 0 {
		add(roleKV, kvRoot(m.KV))
	}
	for i, a := range m.Adapters {
		if f := find(m.Files, a.Path); f != nil {
			add(adapterRole+strconv.Itoa(i), a.Digest(f.SHA256))
		}
	}
	return out
}

// find returns the file at a path, or nil. Files are sorted by path.
func find(files []File, name string) *File {
	i, ok := slices.BinarySearchFunc(files, name, func(f File, name string) int { return strings.Compare(f.Path, name) })
	if !ok {
		return nil
	}
	return &files[i]
}

// chatTemplate finds the text that turns messages into a prompt, in the order
// of PROTOCOL §3, and returns its digest, or nil for a model without one. The
// kept files passed checkParsed.
func chatTemplate(files []File, kept map[string][]byte) (*attest.Hash, error) {
	if f := find(files, templateText); f != nil {
		return &f.SHA256, nil
	}
	for _, name := range []string{templateJSON, tokenizerConfig} {
		text, err := templateMember(kept[name])
		if err != nil {
			return nil, fmt.Errorf("%q: chat_template: %w", name, err)
		}
		if text != nil {
			digest := sum(text)
			return &digest, nil
		}
	}
	return nil, nil
}

// ChatTemplate is the text that the digest of role chat-template is over, or nil for
// a model that has none in its files. A list of templates is its canonical JSON. read
// returns the bytes of a file that the model has.
func ChatTemplate(has func(path string) bool, read func(path string) ([]byte, error)) ([]byte, error) {
	for _, name := range []string{templateText, templateJSON, tokenizerConfig} {
		if !has(name) {
			continue
		}
		text, err := read(name)
		if err == nil && name != templateText {
			text, err = templateMember(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		if text != nil {
			return text, nil
		}
	}
	return nil, nil
}

// templateMember is the text of the member chat_template of a JSON object, or nil. A
// member null is none.
func templateMember(data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') || !findMember(d, "chat_template") {
		return nil, nil
	}
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return nil, nil
	case raw[0] == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
		return []byte(text), nil
	case raw[0] == '[':
		return attest.Canonicalize(raw)
	}
	return nil, fmt.Errorf("begins with %q, want a string or a list", raw[0])
}

// checkParsed refuses a JSON file that two readers could read in two ways.
func checkParsed(name string, data []byte) error {
	if name == configFile || path.Base(name) == adapterConfig {
		// Python writes infinities and NaN into JSON, and published configurations
		// have them. No member of these files is read.
		data = withoutInfinities(data)
	}
	if err := attest.CheckForeignJSON(data); err != nil {
		return err
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); trimmed[0] != '{' {
		return fmt.Errorf("begins with %q, want a JSON object", trimmed[0])
	}
	return nil
}

// withoutInfinities replaces the words Infinity and NaN outside strings by
// numbers of the same length, so that offsets in errors stay right.
func withoutInfinities(data []byte) []byte {
	out := bytes.Clone(data)
	inString := false
	for i := 0; i < len(out); i++ {
		switch {
		case inString && out[i] == '\\':
			i++
		case out[i] == '"':
			inString = !inString
		case inString:
		case bytes.HasPrefix(out[i:], []byte("Infinity")):
			copy(out[i:], "11111111")
		case bytes.HasPrefix(out[i:], []byte("NaN")):
			copy(out[i:], "111")
		}
	}
	return out
}
