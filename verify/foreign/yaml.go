package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// Limits of a YAML document, whose parsed form is many times its size.
const (
	maxYAML      = 64 << 10
	maxYAMLDepth = 16
)

var (
	yamlNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+][0-9]+)?)?$`)
	yamlWeird  = regexp.MustCompile(`^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$`)
	// What readers of YAML 1.1 or 1.2 take for something else than text.
	yamlOther = regexp.MustCompile(`^([-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9][0-9_]*([eE][-+]?[0-9]+)?` +
		`|[-+]?0[box][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}.*)?|<<|=)$`)
)

// parseYAML reads one document of what all readers of YAML understand alike.
func parseYAML(data []byte) (any, error) {
	if len(data) > maxYAML {
		return nil, fmt.Errorf("is larger than %d bytes", maxYAML)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errors.New("has a second document"), err)
	}
	if len(doc.Content) != 1 {
		return nil, errors.New("is empty")
	}
	return yamlTree(doc.Content[0], 0)
}

func yamlTree(n *yaml.Node, depth int) (any, error) {
	switch {
	case depth > maxYAMLDepth:
		return nil, fmt.Errorf("line %d: nested deeper than %d", n.Line, maxYAMLDepth)
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return nil, fmt.Errorf("line %d: an anchor or alias", n.Line)
	case n.Style&yaml.TaggedStyle != 0:
		return nil, fmt.Errorf("line %d: a tag", n.Line)
	case n.Kind == yaml.MappingNode:
		return yamlMapping(n, depth)
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, child := range n.Content {
			v, err := yamlTree(child, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	}
	return yamlScalar(n)
}

func yamlMapping(n *yaml.Node, depth int) (any, error) {
	o := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, err := yamlTree(n.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		key, ok := name.(string)
		if !ok {
			return nil, fmt.Errorf("line %d: a name that is no text", n.Content[i].Line)
		}
		if _, dup := o[key]; dup {
			return nil, fmt.Errorf("line %d: duplicate key %q", n.Content[i].Line, clip(key))
		}
		if o[key], err = yamlTree(n.Content[i+1], depth+1); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// yamlScalar gives a plain scalar the type that it has for every reader, or refuses it.
func yamlScalar(n *yaml.Node) (any, error) {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Value, nil
	}
	switch s := n.Value; {
	case s == "" || s == "~" || s == "null" || s == "Null" || s == "NULL":
		return nil, nil
	case s == "true" || s == "True" || s == "TRUE":
		return true, nil
	case s == "false" || s == "False" || s == "FALSE":
		return false, nil
	case yamlNumber.MatchString(s), yamlWeird.MatchString(s):
		return json.Number(s), nil
	case yamlOther.MatchString(s):
		return nil, fmt.Errorf("line %d: %q without quotes, which readers of YAML take for different things", n.Line, clip(s))
	default:
		return s, nil
	}
}
