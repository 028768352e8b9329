package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Limits of YAML, whose parsed form is many times its size.
const (
	maxYAML      = 8 << 20
	maxYAMLNodes = 1 << 20
)

// yamlNode is a value of a YAML file. What it holds is text as it was written.
type yamlNode struct{ *yaml.Node }

// readYAML reads a file that is one YAML document, of which names are read, or all if
// there are none.
func readYAML(fsys fs.FS, name string, names ...string) (yamlNode, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return yamlNode{}, err
	}
	return parseYAML(data, names...)
}

// parseYAML refuses anchors, with which a small file means a huge one, and names to
// read that stand twice in one mapping with other values: which of them counts is a
// matter of the reader.
func parseYAML(data []byte, names ...string) (yamlNode, error) {
	if len(data) > maxYAML {
		return yamlNode{}, fmt.Errorf("is larger than %d bytes", maxYAML)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := d.Decode(&doc); err != nil {
		return yamlNode{}, err
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return yamlNode{}, errors.Join(errors.New("has a second document"), err)
	}
	n := 0
	if err := checkYAML(&doc, &n, names); err != nil {
		return yamlNode{}, err
	}
	if len(doc.Content) != 1 {
		return yamlNode{}, errors.New("is empty")
	}
	return yamlNode{doc.Content[0]}, nil
}

func checkYAML(node *yaml.Node, n *int, names []string) error {
	if *n++; *n > maxYAMLNodes {
		return fmt.Errorf("has more than %d values", maxYAMLNodes)
	}
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return fmt.Errorf("line %d: an anchor or alias, which are not read", node.Line)
	}
	if node.Kind == yaml.MappingNode {
		values := map[string]*yaml.Node{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			name, value := node.Content[i], node.Content[i+1]
			before := values[name.Value]
			read := len(names) == 0 || slices.Contains(names, name.Value)
			if read && before != nil && (value.Kind != yaml.ScalarNode || before.Kind != yaml.ScalarNode || value.Value != before.Value) {
				return fmt.Errorf("line %d: %q is there twice, with two values", name.Line, name.Value)
			}
			values[name.Value] = value
		}
	}
	for _, child := range node.Content {
		if err := checkYAML(child, n, names); err != nil {
			return err
		}
	}
	return nil
}

// get is a member of a mapping; without a node when there is none.
func (y yamlNode) get(path ...string) yamlNode {
	for _, name := range path {
		y = y.member(name)
	}
	return y
}

func (y yamlNode) member(name string) yamlNode {
	if y.Node == nil || y.Kind != yaml.MappingNode {
		return yamlNode{}
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].Value == name {
			return yamlNode{y.Content[i+1]}
		}
	}
	return yamlNode{}
}

// elements are those of a sequence.
func (y yamlNode) elements() []yamlNode {
	if !y.isList() {
		return nil
	}
	all := make([]yamlNode, len(y.Content))
	for i, n := range y.Content {
		all[i] = yamlNode{n}
	}
	return all
}

func (y yamlNode) isMapping() bool { return y.Node != nil && y.Kind == yaml.MappingNode }

func (y yamlNode) isList() bool { return y.Node != nil && y.Kind == yaml.SequenceNode }

// text is a scalar as it was written, "" when there is none.
func (y yamlNode) text() string {
	if y.Node == nil || y.Kind != yaml.ScalarNode || y.Tag == "!!null" {
		return ""
	}
	return y.Value
}

// number is the text of a number.
func (y yamlNode) number() (string, bool) {
	if y.Node == nil || y.Kind != yaml.ScalarNode || y.Tag != "!!int" && y.Tag != "!!float" {
		return "", false
	}
	return y.Value, true
}

func (y yamlNode) line() int {
	if y.Node == nil {
		return 0
	}
	return y.Line
}
